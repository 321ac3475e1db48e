//! Objects that do not go away: a deletion that waits for a finalizer nobody removes. Namespaces say themselves what
//! is left in them; other objects carry the finalizer.

use cluster::{ClusterView, Object, kinds};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;

use super::finding::{SignalBuilder, event_fact, signal};
use super::text::ago;
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "finalizer",
    mechanisms: &[ID],
    run,
};

const ID: &str = "config-and-secrets/finalizer-stuck";

/// A controller that works takes its finalizer off within seconds or few minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(12);
/// Finalizers of Kubernetes itself wait for something that is still in use or still being deleted; that they are there
/// accuses nobody (`k8s.io/api`, `pkg/apis/core`, `metav1.FinalizerDeleteDependents`, `batch.JobTrackingFinalizer`).
const OWN: &[&str] = &[
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "batch.kubernetes.io/job-tracking",
    "foregroundDeletion",
    "orphan",
];

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    kinds::KINDS
        .iter()
        .filter(|kind| kind.kind != "Event")
        .flat_map(|kind| view.of_kind(kind.kind))
        .filter_map(|object| match object.kind() {
            "Namespace" => namespace(view, object),
            _ => keeper(view, object),
        })
        .collect()
}

/// How long the deletion of an object has been waiting, if that is too long.
fn waited(view: &ClusterView, object: &Object) -> Option<SignedDuration> {
    let since = object.time("metadata.deletionTimestamp")?;
    let waited = view.now.duration_since(since);
    (waited > PATIENCE).then_some(waited)
}

/// A namespace whose content is kept by finalizers (`pkg/controller/namespace/deletion/status_condition_utils.go`). One
/// whose content could not be listed or deleted has another trouble.
fn namespace(view: &ClusterView, object: &Object) -> Option<Signal> {
    let waited = waited(view, object)?;
    let said = |condition: &str, field: &str| {
        let path = format!("status.conditions[{condition}].{field}");
        object.str(&path)
    };
    if said("NamespaceFinalizersRemaining", "status") != "True" {
        return None;
    }
    let is_failing = [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionContentFailure",
    ]
    .iter()
    .any(|condition| said(condition, "status") == "True");
    let left = said("NamespaceContentRemaining", "message");
    let finalizers = said("NamespaceFinalizersRemaining", "message");
    let message = format!(
        "{} has been Terminating for {}: {finalizers}; {left}. Whoever sets that finalizer does not take it off",
        object.reference(),
        ago(waited)
    );
    let is_own = OWN.iter().any(|own| finalizers.contains(own));
    let certainty = if is_failing || is_own { 0.5 } else { 0.88 };
    let found = finalizers
        .split_once("remaining: ")
        .map_or(finalizers, |(_, rest)| rest);
    Some(
        base(object, &message, certainty)
            .params("metadata.finalizers", found, None)
            .facts(
                object,
                [
                    "metadata.deletionTimestamp",
                    "status.phase",
                    "status.conditions[NamespaceFinalizersRemaining].message",
                    "status.conditions[NamespaceContentRemaining].message",
                ],
            )
            .build(),
    )
}

/// An object that a finalizer of an add-on keeps. Where its controller complains, it is at work, and something else is
/// wrong.
fn keeper(view: &ClusterView, object: &Object) -> Option<Signal> {
    let waited = waited(view, object)?;
    let foreign = object
        .list("metadata.finalizers")
        .iter()
        .filter_map(serde_json::Value::as_str)
        .find(|finalizer| !OWN.contains(finalizer))?;
    let complaint = view
        .events_of(object.reference())
        .into_iter()
        .rev()
        .find(|event| event.str("type") == "Warning");
    let message = format!(
        "{} has been waiting to be deleted for {}: nobody takes off its finalizer {foreign}",
        object.reference(),
        ago(waited)
    );
    let certainty = if complaint.is_some() || is_shared(foreign) {
        0.5
    } else {
        0.84
    };
    let workload = view.workload_of(object);
    let above = (workload != *object.reference()).then_some(workload);
    Some(
        base(object, &message, certainty)
            .affects(above)
            .params("metadata.finalizers", foreign, None)
            .facts(object, ["metadata.deletionTimestamp", "metadata.finalizers"])
            .fact(complaint.map(event_fact))
            .build(),
    )
}

/// Whether a finalizer belongs to Kubernetes' own groups or to a CSI sidecar: those wait for clouds and volumes, and are late
/// for many causes (`service.kubernetes.io/load-balancer-cleanup`, `external-attacher/…`, `snapshot.storage.kubernetes.io/…`).
fn is_shared(finalizer: &str) -> bool {
    finalizer
        .split_once('/')
        .is_some_and(|(group, _)| group.ends_with("kubernetes.io") || group.starts_with("external-"))
        || finalizer.starts_with("external-")
}

fn base(object: &Object, message: &str, certainty: f64) -> SignalBuilder {
    let reference: &ObjectRef = object.reference();
    signal("finalizer", reference, message)
        .mechanism(ID, certainty)
        .severity(Severity::Warning)
        .onset(object.time("metadata.deletionTimestamp"))
}
