//! Volumes that do not get to the node where a pod waits: another pod holds them, the node is full, or they do not come
//! off the node before.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};

use super::finding::{event_fact, signal};
use super::{Context, Detector, volume};
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "volume-attach",
    mechanisms: &[CONFLICT, ATTACH],
    run,
};

const CONFLICT: &str = "storage-and-persistence/pvc-conflict";
const ATTACH: &str = "storage-and-persistence/volume-attach-timeout";
const DRIVER: &str = "storage-and-persistence/csi-driver-unavailable";

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    volume::waiting(view)
        .filter_map(|pod| {
            held(view, pod)
                .or_else(|| refused(view, pod))
                .or_else(|| timed_out(view, pod))
        })
        .collect()
}

/// The attach/detach controller says that the volume is on another node: who holds it there?
fn held(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let (event, captures) = volume::said(view, pod.reference(), CONFLICT, "volume")?;
    let name = captures.name("volume")?.as_str();
    let claim = volume::claim_of(view, pod, name)?;
    if volume::texts(claim, "spec.accessModes").contains(&"ReadWriteMany")
        || !view.has_list("Pod", pod.namespace())
    {
        return None;
    }
    let node = pod.str("spec.nodeName");
    let holder = volume::users(view, claim.reference()).find(|other| {
        other.reference() != pod.reference()
            && !matches!(other.str("spec.nodeName"), "" | "Unknown")
            && other.str("spec.nodeName") != node
            && !matches!(other.str("status.phase"), "Succeeded" | "Failed")
    });
    match holder {
        Some(holder) => Some(conflict(view, pod, claim, holder, event)),
        None => stale(view, pod, claim, event),
    }
}

fn conflict(view: &ClusterView, pod: &Object, claim: &Object, holder: &Object, event: &Object) -> Signal {
    let workload = view.workload_of(pod);
    let leaving = holder.at("metadata.deletionTimestamp").is_some();
    let ready = node_is_ready(view, holder.str("spec.nodeName"));
    let strategy = view
        .get_ref(&workload)
        .map_or("", |owner| owner.str("spec.strategy.type"));
    let why = if leaving {
        "which is being deleted and has not ended".to_owned()
    } else if strategy == "RollingUpdate" && view.workload_of(holder) == workload {
        format!(
            "which {workload} keeps until the new pod is ready (strategy RollingUpdate; a volume of one node needs Recreate)"
        )
    } else {
        format!("a pod of {}", view.workload_of(holder))
    };
    let message = format!(
        "{} cannot have volume {} ({}): it is held on node {} by {}, {why}",
        pod.reference(),
        claim.str("spec.volumeName"),
        claim.reference(),
        holder.str("spec.nodeName"),
        holder.reference()
    );
    let built = signal("volume-attach", &workload, &message)
        .mechanism(CONFLICT, if ready { 0.93 } else { 0.6 })
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([
            pod.reference().clone(),
            claim.reference().clone(),
            workload.clone(),
        ])
        .fact(Some(event_fact(event)))
        .facts(claim, ["spec.accessModes", "spec.volumeName"])
        .facts(
            holder,
            [
                "spec.nodeName",
                "status.phase",
                "metadata.deletionTimestamp",
                "metadata.deletionGracePeriodSeconds",
            ],
        )
        .facts(pod, ["spec.nodeName", "status.phase"])
        .param("holder", holder.name())
        .param("claim", claim.name());
    if leaving {
        return built
            .params(
                "metadata.deletionTimestamp",
                holder.str("metadata.deletionTimestamp"),
                None,
            )
            .build();
    }
    match view.get_ref(&workload) {
        Some(owner) => built
            .facts(owner, ["spec.strategy.type"])
            .params("spec.strategy.type", strategy, Some("Recreate"))
            .build(),
        None => built.build(),
    }
}

/// Nobody uses the volume and the earlier node still has it: its attachment does not go away.
fn stale(view: &ClusterView, pod: &Object, claim: &Object, event: &Object) -> Option<Signal> {
    let name = claim.str("spec.volumeName");
    let node = pod.str("spec.nodeName");
    let attachment = view.of_kind("VolumeAttachment").find(|found| {
        found.str("spec.source.persistentVolumeName") == name && found.str("spec.nodeName") != node
    })?;
    let error = attachment.str("status.detachError.message");
    let leaving = attachment.at("metadata.deletionTimestamp").is_some();
    let earlier = attachment.str("spec.nodeName");
    let certainty = match (leaving, error.is_empty(), node_is_ready(view, earlier)) {
        (true, false, true) => 0.92,
        _ => 0.6,
    };
    let why = if error.is_empty() {
        "it is not detached"
    } else {
        error
    };
    let message = format!(
        "{} cannot have volume {name} ({}): no pod uses it, but {} still ties it to node {earlier}: {why}",
        pod.reference(),
        claim.reference(),
        attachment.reference()
    );
    Some(
        signal("volume-attach", attachment.reference(), &message)
            .mechanism(ATTACH, certainty)
            .severity(Severity::Critical)
            .onset(attachment.time("metadata.deletionTimestamp").or(pod.created()))
            .affects(volume::sufferers(view, claim.reference()))
            .fact(Some(event_fact(event)))
            .facts(
                attachment,
                [
                    "spec.nodeName",
                    "status.attached",
                    "status.detachError.message",
                    "metadata.deletionTimestamp",
                ],
            )
            .params("status.detachError.message", error, Some("detached"))
            .build(),
    )
}

fn node_is_ready(view: &ClusterView, node: &str) -> bool {
    view.get("Node", "", node)
        .is_some_and(|found| found.str("status.conditions[Ready].status") == "True")
}

/// The driver refuses to attach: its error stands in the VolumeAttachment of this volume and node.
fn refused(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let node = pod.str("spec.nodeName");
    let attachment = view.of_kind("VolumeAttachment").find(|found| {
        found.str("spec.nodeName") == node
            && !found.is("status.attached")
            && !found.str("status.attachError.message").is_empty()
            && volume::claim_of(view, pod, found.str("spec.source.persistentVolumeName")).is_some()
    })?;
    let error = attachment.str("status.attachError.message");
    let words = Words {
        place: Place::Status,
        reason: "",
        message: error,
    };
    if wording::means(words, DRIVER) {
        return None;
    }
    let is_limit = wording::captures(words, ATTACH).is_some_and(|found| found.name("limit").is_some());
    let claim = volume::claim_of(view, pod, attachment.str("spec.source.persistentVolumeName"))?;
    let count = view
        .of_kind("VolumeAttachment")
        .filter(|found| found.str("spec.nodeName") == node && found.is("status.attached"))
        .count();
    let target = ObjectRef::of("Node", "", node);
    let (object, certainty, lead) = if is_limit {
        let lead = format!("{target} takes no more volumes ({count} are attached)");
        (target.clone(), 0.92, lead)
    } else {
        let lead = format!("{} is not attached to node {node}", claim.str("spec.volumeName"));
        (attachment.reference().clone(), 0.7, lead)
    };
    let message = format!("{lead}, so that {} waits: {error}", pod.reference());
    let mut built = signal("volume-attach", &object, &message)
        .mechanism(ATTACH, certainty)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects(volume::sufferers(view, claim.reference()))
        .facts(
            attachment,
            [
                "spec.nodeName",
                "status.attached",
                "status.attachError.message",
                "status.attachError.time",
            ],
        )
        .computed(&target, "volumeattachments.attached", &count.to_string(), None)
        .params("status.attachError.message", error, None);
    if let Some(csi_node) = view.get("CSINode", "", node) {
        built = built.facts(csi_node, ["spec.drivers[0].allocatable.count"]);
    }
    for event in view
        .events_of(pod.reference())
        .into_iter()
        .rev()
        .filter(|event| event.str("reason") == "FailedAttachVolume")
        .take(1)
    {
        built = built.fact(Some(event_fact(event)));
    }
    Some(built.build())
}

/// The attacher does not answer and left no error.
fn timed_out(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let (event, _) = volume::said(view, pod.reference(), ATTACH, "timeout")?;
    let message = format!(
        "{} waits for its volume, whose attach does not finish: {}",
        pod.reference(),
        event.str("message")
    );
    Some(
        signal("volume-attach", pod.reference(), &message)
            .mechanism(ATTACH, 0.5)
            .severity(Severity::Critical)
            .onset(pod.created())
            .affects([pod.reference().clone(), view.workload_of(pod)])
            .fact(Some(event_fact(event)))
            .build(),
    )
}
