//! Evictions for disk: a pod that wrote more than it may, or a node whose disk something else filled.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;
use serde_json::Value;

use super::finding::{event_fact, signal};
use super::text::{ago, quantity};
use super::{Context, Detector};
use crate::reading::neighbours::{self, Share};
use crate::wording::{Place, Words, captures, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "disk",
    mechanisms: &[PRESSURE, EPHEMERAL],
    run,
};

const PRESSURE: &str = "resource-exhaustion/disk-pressure-eviction";
const EPHEMERAL: &str = "resource-exhaustion/ephemeral-storage-limit";
/// Writes beside which those of all others are small.
const LEAD: f64 = 5.0;
/// Bytes per second that fill a disk within a day or so.
const MUCH: f64 = 500_000.0;

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let own = view.of_kind("Pod").filter_map(|pod| own_limit(view, pod));
    let nodes = view.of_kind("Node").filter_map(|node| full_node(view, node));
    own.chain(nodes).collect()
}

fn said(pod: &Object) -> Words<'_> {
    Words {
        place: Place::Status,
        reason: pod.str("status.reason"),
        message: pod.str("status.message"),
    }
}

/// A pod that the kubelet evicted for its own use of local storage: its words leave no other reading.
fn own_limit(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let found = captures(said(pod), EPHEMERAL)?;
    let at = pod
        .time("status.conditions[DisruptionTarget].lastTransitionTime")
        .or_else(|| pod.time("status.conditions[Ready].lastTransitionTime"));
    let recent = neighbours::eviction(view, pod).is_some();
    let workload = view.workload_of(pod);
    let limit = found.name("limit").map_or("", |limit| limit.as_str());
    let what = found
        .name("volume")
        .map(|volume| format!("its volume {}", volume.as_str()))
        .or_else(|| {
            found
                .name("container")
                .map(|name| format!("its container {}", name.as_str()))
        })
        .unwrap_or_else(|| "it".to_owned());
    let when = at.map_or_else(String::new, |at| {
        format!(" {} ago", ago(view.now.duration_since(at)))
    });
    let message = format!(
        "{} was evicted{when}: {what} wrote more than {limit} to local storage; the node was not short",
        pod.reference()
    );
    let mut built = signal("disk", &workload, &message)
        .mechanism(EPHEMERAL, if recent { 0.95 } else { 0.45 })
        .severity(if recent {
            Severity::Critical
        } else {
            Severity::Info
        })
        .ongoing(recent)
        .onset(at)
        .affects([pod.reference().clone(), workload.clone()])
        .params("resources.limits.ephemeral-storage", limit, None)
        .facts(
            pod,
            [
                "status.reason",
                "status.message",
                "spec.nodeName",
                "status.conditions[DisruptionTarget].message",
            ],
        );
    for container in pod.list("spec.containers") {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        let path = format!("spec.containers[{name}].resources.limits.ephemeral-storage");
        built = built.facts(pod, [path.as_str()]);
    }
    Some(built.build())
}

/// A node short of disk of late, and what fills it.
fn full_node(view: &ClusterView, node: &Object) -> Option<Signal> {
    let pressed = neighbours::is_pressed(node, "DiskPressure");
    let evicted: Vec<&Object> = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name())
        .filter(|pod| neighbours::eviction(view, pod).is_some() && means(said(pod), PRESSURE))
        .filter(|pod| !means(said(pod), EPHEMERAL))
        .collect();
    if !pressed && evicted.is_empty() {
        return None;
    }
    let onset = node
        .time("status.conditions[DiskPressure].lastTransitionTime")
        .filter(|_| pressed)
        .or_else(|| {
            evicted
                .iter()
                .filter_map(|pod| neighbours::eviction(view, pod))
                .min()
        });
    let (object, message, certainty) = source(view, node, &evicted);
    let affected: Vec<ObjectRef> = evicted
        .iter()
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .chain([node.reference().clone()])
        .collect();
    let mut built = signal("disk", &object, &message)
        .mechanism(PRESSURE, certainty)
        .severity(Severity::Critical)
        .ongoing(pressed)
        .onset(onset)
        .affects(affected)
        .param("node", node.name())
        .facts(
            node,
            [
                "status.conditions[DiskPressure].status",
                "status.conditions[DiskPressure].reason",
            ],
        );
    for pod in evicted.iter().take(2) {
        built = built.facts(pod, ["status.reason", "status.message"]);
    }
    for event in view.events_of(node.reference()).into_iter().rev().take(3) {
        built = built.fact(Some(event_fact(event)));
    }
    for share in neighbours::shares(view, "top_writes", "none", node.name())
        .iter()
        .take(2)
    {
        let path = format!("metrics.writes[{}]", node.name());
        built = built.computed(&share.workload, &path, &per_second(share.used), None);
    }
    if let Some(owner) = view.get_ref(&object) {
        for volume in owner.list("spec.template.spec.volumes") {
            let name = volume.get("name").and_then(Value::as_str).unwrap_or_default();
            let path = format!("spec.template.spec.volumes[{name}].hostPath.path");
            built = built.facts(owner, [path.as_str()]);
        }
    }
    Some(built.build())
}

fn per_second(bytes: f64) -> String {
    format!("{:.1} MB/s", bytes / 1e6)
}

/// What fills the disk: the one great writer, or an evicted pod that held much of it; else the node, unproven.
fn source(view: &ClusterView, node: &Object, evicted: &[&Object]) -> (ObjectRef, String, f64) {
    let here = format!("{} is short of disk", node.reference());
    if let Some((holder, bytes)) = holder(node, evicted) {
        let workload = view.workload_of(holder);
        let gib = bytes / 1_073_741_824.0;
        let message =
            format!("{here}: {workload} held {gib:.1} GiB of local storage there when it was evicted");
        return (workload, message, 0.86);
    }
    let mut writers = neighbours::shares(view, "top_writes", "none", node.name());
    writers.sort_by(|a, b| b.used.total_cmp(&a.used));
    let Some(first) = writers.first().filter(|share| share.used > MUCH) else {
        let message = format!("{here}; what fills it was not seen");
        return (node.reference().clone(), message, 0.5);
    };
    let others: f64 = writers.iter().skip(1).map(|share| share.used).sum();
    let explains = fill_rate(view, node).is_some_and(|rate| first.used > rate * 0.5);
    let certainty = match (first.used > others * LEAD, explains && keeps(view, first)) {
        (true, true) => 0.92,
        (true, false) => 0.7,
        (false, _) => 0.45,
    };
    let message = format!(
        "{here}: {} writes {} there, all others together {}",
        first.workload,
        per_second(first.used),
        per_second(others)
    );
    (first.workload.clone(), message, certainty)
}

/// An evicted pod whose container used a great part of the node's disk, by the kubelet's own figure.
fn holder<'a>(node: &Object, evicted: &[&'a Object]) -> Option<(&'a Object, f64)> {
    let whole = quantity(node.str("status.capacity.ephemeral-storage"))?;
    let held = |pod: &&'a Object| {
        let found = captures(said(pod), PRESSURE)?;
        let bytes = found.name("used").and_then(|used| quantity(used.as_str()))?;
        Some((*pod, bytes))
    };
    evicted
        .iter()
        .filter_map(held)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, bytes)| *bytes > whole * 0.2)
}

/// Whether a workload writes to a place on the node: a host path, an emptyDir, or its own layer and log.
fn keeps(view: &ClusterView, share: &Share) -> bool {
    let Some(owner) = view.get_ref(&share.workload) else {
        return false;
    };
    let volumes = owner.list("spec.template.spec.volumes");
    let local = volumes
        .iter()
        .any(|volume| volume.get("hostPath").is_some() || volume.get("emptyDir").is_some());
    let remote = volumes
        .iter()
        .any(|volume| volume.get("persistentVolumeClaim").is_some());
    local || !remote
}

/// Bytes per second by which a node's disk filled while it did.
fn fill_rate(view: &ClusterView, node: &Object) -> Option<f64> {
    let samples = &neighbours::machine(view, "node_disk_used", node)?.samples;
    let (least_at, least) = samples.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let most = samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
    let (full_at, _) = samples.iter().find(|sample| sample.1 >= most * 0.98)?;
    let span: SignedDuration = full_at.duration_since(*least_at);
    (span.as_secs() > 0 && most > least * 1.05).then(|| (most - least) / span.as_secs_f64())
}
