//! Databases that refuse writes: clients reach a standby, because a Service leads there.

use cluster::{ClusterView, LogLine, Object, selector};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;
use serde_json::Value;

use super::finding::signal;
use super::{Context, Detector, volume};

pub(super) const DETECTOR: Detector = Detector {
    name: "database",
    mechanisms: &[ID],
    run,
};

const ID: &str = "storage-and-persistence/database-read-only";

/// Fewer refused writes are an accident.
const MANY: usize = 4;
/// A change of a Service longer ago is no news.
const NEWS: SignedDuration = SignedDuration::from_hours(48);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let services: Vec<&Object> = view
        .of_kind("Service")
        .filter(|service| service.at("spec.selector").is_some())
        .collect();
    services
        .into_iter()
        .filter_map(|service| read_only(context, service))
        .collect()
}

/// The workloads that call a Service and whose writes are refused, with their lines.
fn refused<'a>(context: &'a Context<'_>, service: &Object) -> Vec<(ObjectRef, Vec<&'a LogLine>)> {
    let view = context.view;
    let mut callers: Vec<&ObjectRef> = context
        .calls
        .iter()
        .filter(|call| &call.service == service.reference())
        .map(|call| &call.from)
        .collect();
    callers.sort();
    callers.dedup();
    callers
        .into_iter()
        .filter_map(|caller| {
            let lines: Vec<&LogLine> = view
                .pods_of(caller)
                .flat_map(|pod| volume::recent_lines(view, pod, |line| volume::line_means(line, ID)))
                .collect();
            (!lines.is_empty()).then(|| (caller.clone(), lines))
        })
        .collect()
}

fn read_only(context: &Context<'_>, service: &Object) -> Option<Signal> {
    let view = context.view;
    let clients = refused(context, service);
    let count: usize = clients.iter().map(|(_, lines)| lines.len()).sum();
    if count < MANY {
        return None;
    }
    let wanted = service.at("spec.selector").unwrap_or(&Value::Null);
    let (served, others): (Vec<&Object>, Vec<&Object>) = database_pods(view, service, wanted)
        .partition(|pod| selector::map_selects(wanted, selector::labels(pod)));
    let standby = !served.is_empty() && served.iter().all(|pod| is_standby(view, pod));
    let write = service
        .last_write("spec.selector")
        .filter(|write| write.time.is_some_and(|at| view.now.duration_since(at) < NEWS));
    let certainty = match (standby, others.is_empty(), write.is_some()) {
        (true, false, true) => 0.9,
        (true, ..) | (_, false, true) => 0.5,
        _ => return None,
    };
    let names = |pods: &[&Object]| pods.iter().map(|pod| pod.name()).collect::<Vec<_>>().join(", ");
    let by = write.map_or_else(String::new, |write| {
        format!("; {} wrote its selector last", write.name)
    });
    let message = format!(
        "{} leads to {}{}, where writes are refused ({count} times within 15 minutes); it leaves out {}{by}",
        service.reference(),
        names(&served),
        if standby { ", a standby by its own log" } else { "" },
        names(&others)
    );
    let mut built = signal("database", service.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(write.and_then(|write| write.time))
        .affects(clients.iter().map(|(client, _)| client.clone()))
        .facts(service, ["spec.selector"])
        .params("spec.selector", &wanted.to_string(), None);
    for (client, lines) in &clients {
        if let Some(last) = lines.last() {
            built = built.computed(client, "log.line", last.text.truncated(300).as_str(), last.at);
        }
    }
    for pod in &served {
        if let Some(line) = standby_line(view, pod) {
            built = built.computed(
                pod.reference(),
                "log.line",
                line.text.truncated(300).as_str(),
                line.at,
            );
        }
    }
    Some(built.build())
}

/// Pods of the workloads to which the selected pods belong.
fn database_pods<'a>(
    view: &'a ClusterView,
    service: &'a Object,
    wanted: &Value,
) -> impl Iterator<Item = &'a Object> + use<'a> {
    let mut owners: Vec<ObjectRef> = view
        .in_namespace("Pod", service.namespace())
        .filter(|pod| selector::map_selects(wanted, selector::labels(pod)))
        .map(|pod| view.workload_of(pod))
        .collect();
    owners.sort();
    owners.dedup();
    view.in_namespace("Pod", service.namespace())
        .filter(move |pod| owners.contains(&view.workload_of(pod)))
}

fn is_standby(view: &ClusterView, pod: &Object) -> bool {
    standby_line(view, pod).is_some()
}

/// What only a standby writes (`src/backend/access/transam/xlogrecovery.c`, `xlog.c`; Redis `replication.c`; MySQL
/// replica threads).
fn standby_line<'a>(view: &'a ClusterView, pod: &Object) -> Option<&'a LogLine> {
    const WORDS: &[&str] = &[
        "restartpoint starting",
        "restartpoint complete",
        "ready to accept read-only connections",
        "entering standby mode",
        "started streaming WAL from primary",
        "recovery restart point at",
        "MASTER <-> REPLICA sync",
        "Replica I/O thread",
    ];
    volume::recent_lines(view, pod, |line| WORDS.iter().any(|word| line.contains(word)))
        .into_iter()
        .last()
}
