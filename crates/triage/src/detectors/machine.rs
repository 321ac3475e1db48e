//! Machines that do their work badly: lost frames, clocks that are off, failing memory or disks. One node stands out against
//! the others.

use std::collections::BTreeMap;

use cluster::{ClusterView, LogSource, Look, Object, Series};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::{event_fact, signal};
use crate::vitals;
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "machine",
    mechanisms: &[NETWORK, CLOCK, HARDWARE],
    run,
};

const NETWORK: &str = "app-vs-infra/network-degraded";
const CLOCK: &str = "app-vs-infra/clock-skew";
const HARDWARE: &str = "app-vs-infra/hardware-fault";
/// Share of segments sent again that users feel; well-kept networks stay below a tenth of it.
const MANY_RETRANSMITS: f64 = 0.01;
/// Share that nobody feels.
const FEW_RETRANSMITS: f64 = 0.003;
/// Seconds that tokens and certificates usually forgive.
const TOLERATED_S: f64 = 5.0;
/// An Event longer ago than this is over.
const RECENT: SignedDuration = SignedDuration::from_mins(30);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let mut out: Vec<Signal> = network(context).into_iter().chain(clock(context)).collect();
    out.extend(
        context
            .view
            .of_kind("Node")
            .filter_map(|node| hardware(context.view, node)),
    );
    out
}

/// The newest value of a query by node. `instance` may be a node's name, its address with a port, or stand beside `node`.
fn by_node<'a>(view: &'a ClusterView, query: &str) -> BTreeMap<String, (&'a Series, f64)> {
    view.series(query)
        .iter()
        .filter_map(|series| {
            let name = node_name(view, series)?;
            let value = vitals::recent(&series.samples, view.now)?;
            Some((name, (series, value)))
        })
        .collect()
}

fn node_name(view: &ClusterView, series: &Series) -> Option<String> {
    let named = ["node", "instance", "nodename", "kubernetes_node"]
        .iter()
        .map(|label| series.label(label))
        .find(|text| !text.is_empty())?;
    let host = named.split(':').next().unwrap_or(named);
    if view.get("Node", "", host).is_some() {
        return Some(host.to_owned());
    }
    view.of_kind("Node")
        .find(|node| {
            node.list("status.addresses")
                .iter()
                .any(|address| address.get("address").and_then(serde_json::Value::as_str) == Some(host))
        })
        .map(|node| node.name().to_owned())
}

/// Pods of a node and their workloads.
fn residents(view: &ClusterView, node: &str) -> Vec<ObjectRef> {
    view.of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node && pod.str("status.phase") == "Running")
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .collect()
}

fn network(context: &Context<'_>) -> Option<Signal> {
    let view = context.view;
    let shares = by_node(view, "node-retransmits");
    let (node, (series, share)) = shares.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1))?;
    let others: Vec<f64> = shares
        .iter()
        .filter(|(name, _)| *name != node)
        .map(|(_, (_, value))| *value)
        .collect();
    let stands_out =
        *share > MANY_RETRANSMITS && others.len() >= 2 && others.iter().all(|value| *value < FEW_RETRANSMITS);
    if !stands_out {
        return None;
    }
    let errors = by_node(view, "node-frame-errors");
    let lost = errors.get(node).map_or(0.0, |(_, value)| *value);
    let onset = vitals::since(&series.samples, MANY_RETRANSMITS / 2.0);
    let machine = ObjectRef::of("Node", "", node);
    let (percent, usual) = (
        format!("{:.1}%", share * 100.0),
        format!("{:.2}%", others.iter().copied().fold(0.0, f64::max) * 100.0),
    );
    let card = if lost > 0.5 {
        format!("; its interface loses {lost:.0} frames/s")
    } else {
        String::new()
    };
    let message = format!(
        "Node {node} sends {percent} of its TCP segments again, at most {usual} on the {} other nodes{card}",
        others.len()
    );
    Some(
        signal("machine", &machine, &message)
            .mechanism(NETWORK, if lost > 0.5 { 0.9 } else { 0.82 })
            .severity(Severity::Critical)
            .onset(onset)
            .affects(residents(view, node))
            .params("retransmitted", &percent, Some(&usual))
            .computed(
                &machine,
                "metrics[node_netstat_Tcp_RetransSegs].share",
                &percent,
                onset,
            )
            .computed(
                &machine,
                "metrics[node_network_errs].per_second",
                &format!("{lost:.0}"),
                onset,
            )
            .build(),
    )
}

fn clock(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let offsets = by_node(view, "node-clock-offset");
    let mut out = Vec::new();
    for (node, (series, offset)) in &offsets {
        let others = offsets.iter().filter(|(name, _)| *name != node);
        if offset.abs() < 0.5
            || others.clone().count() < 2
            || others.map(|(_, (_, value))| value.abs()).any(|other| other > 0.5)
        {
            continue;
        }
        let machine = ObjectRef::of("Node", "", node);
        let refused = complaint(view, node);
        let onset = series
            .samples
            .iter()
            .rev()
            .take_while(|(_, value)| value.abs() > 0.5)
            .last()
            .map(|(at, _)| *at);
        let certainty = match (&refused, offset.abs() > TOLERATED_S) {
            (Some(_), true) => 0.93,
            (None, true) => 0.82,
            _ => 0.5,
        };
        let amount = format!("{offset:.1} s");
        let message = format!(
            "Node {node}: its clock is off by {amount}, all other nodes agree{}",
            refused
                .as_ref()
                .map_or_else(String::new, |(pod, _, line)| format!(
                    "; {pod} says: {}",
                    line.truncated(160)
                ))
        );
        let mut built = signal("machine", &machine, &message)
            .mechanism(CLOCK, certainty)
            .severity(Severity::Critical)
            .onset(onset)
            .affects(residents(view, node))
            .params("clock offset", &amount, Some("0 s"))
            .computed(&machine, "metrics[node_timex_offset_seconds]", &amount, onset);
        if let Some((pod, at, line)) = refused {
            built = built.computed(&pod, "log.line", line.truncated(300).as_str(), at);
        }
        out.push(built.build());
    }
    out
}

/// A line of a pod on the node that finds something not yet valid.
fn complaint(view: &ClusterView, node: &str) -> Option<(ObjectRef, Option<Timestamp>, domain::Redacted)> {
    logs_on(view, node).find_map(|(source, lines)| {
        let line = lines.iter().rev().find(|line| {
            let words = Words {
                place: Place::Log,
                reason: "",
                message: line.text.as_str(),
            };
            wording::means(words, CLOCK)
        })?;
        let pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
        Some((pod, line.at, line.text.clone()))
    })
}

fn logs_on<'a>(
    view: &'a ClusterView,
    node: &'a str,
) -> impl Iterator<Item = (&'a LogSource, &'a Vec<cluster::LogLine>)> + 'a {
    view.logs.iter().filter_map(move |(source, log)| {
        let pod = view.get("Pod", &source.namespace, &source.pod)?;
        match log {
            Look::Found(lines) if pod.str("spec.nodeName") == node => Some((source, lines)),
            _ => None,
        }
    })
}

/// Kernel messages that a node agent passes on, and processes that die by signals there and nowhere else.
fn hardware(view: &ClusterView, node: &Object) -> Option<Signal> {
    let events = view.events_of(node.reference());
    let event = events.iter().rev().find(|event| {
        let words = Words {
            place: Place::Event,
            reason: event.str("reason"),
            message: event.str("message"),
        };
        wording::means(words, HARDWARE)
            && cluster::view::event_time(event).is_some_and(|at| view.now.duration_since(at) < RECENT)
    })?;
    let dying: Vec<&Object> = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name() && dies_by_signal(pod))
        .filter(|pod| {
            let workload = view.workload_of(pod);
            !view
                .pods_of(&workload)
                .any(|other| other.str("spec.nodeName") != node.name() && dies_by_signal(other))
        })
        .collect();
    let count = event.int("count").max(event.int("series.count"));
    let certainty = match (dying.is_empty(), count >= 5) {
        (false, true) => 0.9,
        (false, false) => 0.7,
        _ => 0.55,
    };
    let deaths = dying.first().map_or_else(String::new, |pod| {
        format!(
            "; {} dies by a signal there, its siblings elsewhere do not",
            pod.reference()
        )
    });
    let message = format!(
        "{}: the kernel reports failing hardware {count} times: {}{deaths}",
        node.reference(),
        event.str("message")
    );
    let mut built = signal("machine", node.reference(), &message)
        .mechanism(HARDWARE, certainty)
        .severity(Severity::Critical)
        .onset(cluster::view::event_start(event))
        .affects(
            dying
                .iter()
                .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)]),
        )
        .fact(Some(event_fact(event)))
        .computed(
            node.reference(),
            &format!("events[{}].count", event.str("reason")),
            &count.to_string(),
            None,
        );
    for pod in dying.iter().take(3) {
        built = built.facts(pod, ["spec.nodeName"]);
        for container in containers::of(pod) {
            let path = container.status_path("lastState.terminated.exitCode");
            built = built.facts(pod, [path.as_str()]);
        }
    }
    Some(built.build())
}

/// 128 + SIGILL, SIGABRT, SIGBUS, SIGSEGV.
fn dies_by_signal(pod: &Object) -> bool {
    containers::of(pod).iter().any(|container| {
        let code = container
            .terminated()
            .and_then(|(_, state)| state.get("exitCode")?.as_i64());
        matches!(code, Some(132 | 134 | 135 | 139)) && container.restarts() >= 2
    })
}
