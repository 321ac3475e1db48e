//! Nodes that fall one after the other: the pods of the first overload the next.

use std::collections::BTreeSet;

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::finding::{event_fact, signal};
use super::{Context, Detector};

const ID: &str = "cascading-failure/node-failure-avalanche";

pub(super) const DETECTOR: Detector = Detector {
    name: "avalanche",
    mechanisms: &[ID],
    run,
};

/// Nodes that fall within this time of each other fall for one outside cause.
const TOGETHER: SignedDuration = SignedDuration::from_secs(150);
/// Nodes that fall further apart than this have nothing to do with each other.
const APART: SignedDuration = SignedDuration::from_hours(2);
/// Reasons of a node's events, and of evictions, that tell of overload.
const OVERLOAD: &[&str] = &[
    "SystemOOM",
    "EvictionThresholdMet",
    "NodeHasInsufficientMemory",
    "NodeHasInsufficientPID",
    "NodeHasDiskPressure",
];

fn run(context: &Context<'_>) -> Vec<Signal> {
    avalanche(context.view).into_iter().collect()
}

fn fell(node: &Object) -> Option<Timestamp> {
    let lost = !matches!(node.str("status.conditions[Ready].status"), "True" | "");
    lost.then(|| node.time("status.conditions[Ready].lastTransitionTime"))?
}

fn avalanche(view: &ClusterView) -> Option<Signal> {
    let mut fallen: Vec<(Timestamp, &Object)> = view
        .of_kind("Node")
        .filter_map(|node| Some((fell(node)?, node)))
        .collect();
    fallen.sort_by_key(|(at, node)| (*at, node.name()));
    let (start, first) = *fallen.first()?;
    let later: Vec<&(Timestamp, &Object)> = fallen
        .iter()
        .skip(1)
        .filter(|(at, _)| at.duration_since(start) > TOGETHER && at.duration_since(start) < APART)
        .collect();
    let (_, next) = **later.first()?;
    let moved = moved(view, first, next, start);
    let signs = overload(view, next);
    let certainty = match (
        moved.len() > 1,
        !signs.is_empty(),
        fallen.len() - 1 == later.len(),
    ) {
        (true, true, true) => 0.92,
        (true, true, false) => 0.8,
        (true, false, _) | (false, true, _) => 0.6,
        (false, false, _) => return None,
    };
    let message = format!(
        "{} was lost first; {} of its pods moved to {}, which ran short and was lost {} minutes later",
        first.reference(),
        moved.len(),
        next.reference(),
        later.first()?.0.duration_since(start).as_mins()
    );
    let mut built = signal("avalanche", first.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(Some(start))
        .affects(later.iter().map(|(_, node)| node.reference().clone()))
        .affects(pressed(view))
        .affects(suffering(view, &fallen))
        .params(
            "status.conditions[Ready].status",
            first.str("status.conditions[Ready].status"),
            Some("True"),
        );
    for (_, node) in &fallen {
        built = built.facts(
            node,
            [
                "status.conditions[Ready].status",
                "status.conditions[Ready].reason",
                "status.conditions[Ready].lastTransitionTime",
            ],
        );
    }
    for event in signs.iter().take(4) {
        built = built.fact(Some(event_fact(event)));
    }
    for pod in moved.iter().take(3) {
        built = built.facts(pod, ["spec.nodeName", "metadata.creationTimestamp"]);
    }
    Some(built.build())
}

/// Pods that came to `next` after `first` was lost, of workloads that had a pod on `first`.
fn moved<'a>(view: &'a ClusterView, first: &Object, next: &Object, start: Timestamp) -> Vec<&'a Object> {
    let had: BTreeSet<ObjectRef> = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == first.name())
        .map(|pod| view.workload_of(pod))
        .filter(|workload| workload.kind != "DaemonSet")
        .collect();
    view.of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == next.name())
        .filter(|pod| pod.created().is_some_and(|created| created > start))
        .filter(|pod| had.contains(&view.workload_of(pod)))
        .collect()
}

/// Events that tell that a node was short of something before it was lost.
fn overload<'a>(view: &'a ClusterView, node: &Object) -> Vec<&'a Object> {
    let here: BTreeSet<&str> = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name())
        .map(Object::name)
        .collect();
    view.of_kind("Event")
        .filter(|event| {
            let of_node =
                event.str("involvedObject.kind") == "Node" && event.str("involvedObject.name") == node.name();
            let of_pod =
                event.str("involvedObject.kind") == "Pod" && here.contains(event.str("involvedObject.name"));
            (of_node && OVERLOAD.contains(&event.str("reason")))
                || (of_pod
                    && event.str("reason") == "Evicted"
                    && event.str("message").contains("low on resource"))
        })
        .collect()
}

/// Nodes that are short of something now: the next to fall.
fn pressed(view: &ClusterView) -> Vec<ObjectRef> {
    view.of_kind("Node")
        .filter(|node| {
            ["MemoryPressure", "DiskPressure", "PIDPressure"]
                .iter()
                .any(|kind| node.str(&format!("status.conditions[{kind}].status")) == "True")
        })
        .map(|node| node.reference().clone())
        .collect()
}

/// Workloads with pods on the nodes that were lost.
fn suffering(view: &ClusterView, fallen: &[(Timestamp, &Object)]) -> Vec<ObjectRef> {
    view.of_kind("Pod")
        .filter(|pod| {
            fallen
                .iter()
                .any(|(_, node)| node.name() == pod.str("spec.nodeName"))
        })
        .map(|pod| view.workload_of(pod))
        .collect()
}
