//! Xid errors of the NVIDIA driver, from whoever reports them: the DCGM exporter, a condition of the node, Events, logs. The
//! code tells the device from the application (NVIDIA, "XID Errors", catalogue).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cluster::{ClusterView, Object};
use domain::{Fact, ObjectRef, Redacted, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::{Context, Detector};
use crate::detectors::finding::{event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "gpu",
    mechanisms: &[ID],
    run,
};

const ID: &str = "app-vs-infra/gpu-xid-error";
/// Codes that an application's own mistake makes: illegal instruction or access, reset after such.
const APPLICATION: &[i64] = &[13, 31, 43, 45, 68];
/// Codes after which the device needs a reset, a reboot or a technician.
const DEVICE: &[i64] = &[
    48, 62, 64, 74, 79, 92, 95, 109, 110, 119, 120, 121, 123, 136, 140, 142, 143, 145, 149,
];
/// What counts as lately.
const RECENT: SignedDuration = SignedDuration::from_hours(6);

/// The code in a driver's, agent's or plugin's words.
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)Xid \(PCI:[^)]*\): (?P<a>\d+)|NvidiaXID(?P<b>\d+)|\bXid(?: error)?[ =:]+(?P<c>\d+)").ok()
});

/// A code that was reported of a node.
struct Report {
    code: i64,
    at: Option<Timestamp>,
    facts: Vec<Fact>,
    /// Namespace and pod that held the device.
    pod: Option<(String, String)>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_node: BTreeMap<String, Vec<Report>> = BTreeMap::new();
    for (node, report) in exported(view)
        .into_iter()
        .chain(conditions(view))
        .chain(events(view))
    {
        by_node.entry(node).or_default().push(report);
    }
    let spread = by_node.len();
    by_node
        .into_iter()
        .filter_map(|(node, reports)| explain(context, &node, &reports, spread))
        .collect()
}

/// `DCGM_FI_DEV_XID_ERRORS` holds the code of the last Xid (NVIDIA/dcgm-exporter, `etc/default-counters.csv`).
fn exported(view: &ClusterView) -> Vec<(String, Report)> {
    let mut out = Vec::new();
    for series in view.series("gpu-xid") {
        let Some((_, last)) = series.samples.last().filter(|(_, value)| *value >= 1.0) else {
            continue;
        };
        let label = |names: &[&str]| {
            names
                .iter()
                .map(|name| series.label(name))
                .find(|text| !text.is_empty())
                .unwrap_or_default()
                .to_owned()
        };
        let node = label(&["Hostname", "node", "kubernetes_node", "instance"]);
        let onset = crate::vitals::since(&series.samples, 0.5);
        // Codes are whole numbers.
        let code = last.round() as i64;
        let fact = Fact {
            object: ObjectRef::of("Node", "", &node),
            path: format!("metrics[DCGM_FI_DEV_XID_ERRORS][gpu {}]", series.label("gpu")),
            value: Redacted::trusted(&code.to_string()),
            time: onset,
        };
        let pod = (
            label(&["exported_namespace", "namespace"]),
            label(&["exported_pod", "pod"]),
        );
        out.push((
            node,
            Report {
                code,
                at: onset,
                facts: vec![fact],
                pod: (!pod.1.is_empty()).then_some(pod),
            },
        ));
    }
    out
}

/// Conditions of node agents, whose reason or message names the code.
fn conditions(view: &ClusterView) -> Vec<(String, Report)> {
    let mut out = Vec::new();
    for node in view.of_kind("Node") {
        for condition in node.list("status.conditions") {
            let text = |field: &str| {
                condition
                    .get(field)
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default()
            };
            let bad = if text("type").ends_with("Ready") {
                "False"
            } else {
                "True"
            };
            let words = format!("{} {}", text("reason"), text("message"));
            let Some(code) = code(&words).filter(|_| text("status") == bad) else {
                continue;
            };
            let path = |field: &str| format!("status.conditions[{}].{field}", text("type"));
            let facts = ["status", "reason", "message"]
                .iter()
                .filter_map(|field| node.fact(&path(field)))
                .collect();
            let at = text("lastTransitionTime").parse().ok();
            out.push((
                node.name().to_owned(),
                Report {
                    code,
                    at,
                    facts,
                    pod: None,
                },
            ));
        }
    }
    out
}

fn events(view: &ClusterView) -> Vec<(String, Report)> {
    view.of_kind("Event")
        .filter(|event| event.str("involvedObject.kind") == "Node")
        .filter_map(|event| {
            let code = code(event.str("message"))?;
            let report = Report {
                code,
                at: cluster::view::event_start(event),
                facts: vec![event_fact(event)],
                pod: None,
            };
            Some((event.str("involvedObject.name").to_owned(), report))
        })
        .collect()
}

fn code(words: &str) -> Option<i64> {
    let found = CODE.as_ref()?.captures(words)?;
    ["a", "b", "c"]
        .iter()
        .find_map(|name| found.name(name))?
        .as_str()
        .parse()
        .ok()
}

fn explain(context: &Context<'_>, node: &str, reports: &[Report], spread: usize) -> Option<Signal> {
    let view = context.view;
    let onset = reports.iter().filter_map(|report| report.at).min();
    let noticed = context.noticed.unwrap_or(view.now);
    if onset.is_some_and(|at| noticed.duration_since(at) > RECENT) {
        return None;
    }
    let code = reports
        .iter()
        .map(|report| report.code)
        .find(|code| DEVICE.contains(code))
        .or(reports.first().map(|report| report.code))?;
    let machine = view.get("Node", "", node);
    let lost = machine.and_then(lost_devices);
    let users = users(view, node, reports);
    let facts: Vec<Fact> = reports
        .iter()
        .flat_map(|report| report.facts.iter().cloned())
        .collect();
    let affects: Vec<ObjectRef> = users
        .iter()
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .collect();
    let (object, certainty, advice) = if APPLICATION.contains(&code) {
        let workload = users.first().map(|pod| view.workload_of(pod))?;
        let broken = users
            .iter()
            .any(|pod| pod.str("status.phase") == "Failed" || !crate::containers::is_healthy(pod));
        let certainty = if broken && lost.is_none() && spread == 1 || broken && lost.is_none() {
            0.82
        } else {
            0.5
        };
        (
            workload,
            certainty,
            "such a code comes from the application's own kernels",
        )
    } else {
        let sure = DEVICE.contains(&code) && machine.is_some();
        let certainty = match (sure, &lost) {
            (true, Some(_)) => 0.95,
            (true, None) => 0.85,
            _ => 0.5,
        };
        (
            ObjectRef::of("Node", "", node),
            certainty,
            "the device must be reset or replaced",
        )
    };
    let gone = lost.as_ref().map_or_else(String::new, |(left, all)| {
        format!("; {left} of {all} GPUs are left")
    });
    let message = format!("Node {node}: the NVIDIA driver reported Xid {code}{gone}; {advice}");
    let mut built = signal("gpu", &object, &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(
            affects
                .into_iter()
                .chain([ObjectRef::of("Node", "", node)])
                .filter(|affected| *affected != object),
        )
        .params("xid", &code.to_string(), None)
        .param("node", node);
    for fact in facts {
        built = built.fact(Some(fact));
    }
    if let (Some(machine), Some(_)) = (machine, lost) {
        built = built.facts(
            machine,
            [
                "status.capacity[nvidia.com/gpu]",
                "status.allocatable[nvidia.com/gpu]",
            ],
        );
    }
    Some(built.build())
}

/// Allocatable and all GPUs of a node, when some cannot be used.
fn lost_devices(node: &Object) -> Option<(i64, i64)> {
    let count = |part: &str| {
        node.str(&format!("status.{part}[nvidia.com/gpu]"))
            .parse::<i64>()
            .ok()
    };
    let (left, all) = (count("allocatable")?, count("capacity")?);
    (left < all).then_some((left, all))
}

/// Pods that held GPUs of the node: the one that the exporter names, else those that ask for the resource there.
fn users<'a>(view: &'a ClusterView, node: &str, reports: &[Report]) -> Vec<&'a Object> {
    let named: Vec<&Object> = reports
        .iter()
        .filter_map(|report| report.pod.as_ref())
        .filter_map(|(namespace, pod)| view.get("Pod", namespace, pod))
        .collect();
    if !named.is_empty() {
        return named;
    }
    view.of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node)
        .filter(|pod| {
            pod.list("spec.containers")
                .iter()
                .any(|container| container.pointer("/resources/limits/nvidia.com~1gpu").is_some())
        })
        .collect()
}
