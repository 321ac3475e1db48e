//! Claims that stay Pending: is the class there, does the provisioner refuse, is the claim there at all?

use cluster::{ClusterView, Object};
use domain::{LookupOutcome, ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
use crate::detectors::finding::{event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "storage-class",
    mechanisms: &[
        "storage-and-persistence/storage-class-missing",
        "storage-and-persistence/provisioning-failed",
        "storage-and-persistence/pvc-missing",
    ],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let claims = view
        .of_kind("PersistentVolumeClaim")
        .filter(|claim| claim.str("status.phase") == "Pending");
    claims
        .filter_map(|claim| pending(view, claim))
        .chain(view.of_kind("Pod").filter_map(|pod| claim_missing(view, pod)))
        .collect()
}

/// The pods that wait for a claim, and their workloads.
fn waiting_for(view: &ClusterView, claim: &Object) -> Vec<ObjectRef> {
    let mounts = |pod: &&Object| {
        pod.list("spec.volumes").iter().any(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(Value::as_str)
                == Some(claim.name())
        })
    };
    let pods = view.in_namespace("Pod", claim.namespace()).filter(mounts);
    pods.flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .chain([claim.reference().clone()])
        .collect()
}

fn pending(view: &ClusterView, claim: &Object) -> Option<Signal> {
    let class = claim.str("spec.storageClassName");
    let failed = view
        .events_of(claim.reference())
        .into_iter()
        .rev()
        .find(|event| event.str("reason") == "ProvisioningFailed");
    let class_ref = ObjectRef::of("StorageClass", "", class);
    let statically_bound = view
        .of_kind("PersistentVolume")
        .any(|volume| volume.str("spec.storageClassName") == class);
    let affects = waiting_for(view, claim);
    if !class.is_empty() && !statically_bound && view.lookup(&class_ref).outcome == LookupOutcome::Empty {
        let classes: Vec<&str> = view.of_kind("StorageClass").map(Object::name).collect();
        let known = if classes.is_empty() {
            "none exists".to_owned()
        } else {
            format!("there are: {}", classes.join(", "))
        };
        let message = format!(
            "{} asks for StorageClass {class}, which does not exist ({known})",
            claim.reference()
        );
        return Some(
            signal("storage-class", &class_ref, &message)
                .mechanism("storage-and-persistence/storage-class-missing", 0.97)
                .severity(Severity::Critical)
                .onset(claim.created())
                .affects(affects)
                .lookup(view, &class_ref)
                .facts(
                    claim,
                    [
                        "spec.storageClassName",
                        "status.phase",
                        "metadata.creationTimestamp",
                    ],
                )
                .fact(failed.map(event_fact))
                .params("metadata.name", "absent", Some(class))
                .param("claim", claim.name())
                .build(),
        );
    }
    let failed = failed?;
    let message = format!(
        "{} is not provisioned: {}",
        claim.reference(),
        failed.str("message")
    );
    Some(
        signal("storage-class", claim.reference(), &message)
            .mechanism("storage-and-persistence/provisioning-failed", 0.6)
            .severity(Severity::Critical)
            .onset(claim.created())
            .affects(affects)
            .facts(claim, ["spec.storageClassName", "status.phase"])
            .fact(Some(event_fact(failed)))
            .build(),
    )
}

/// A pod that mounts a claim which does not exist.
fn claim_missing(view: &ClusterView, pod: &Object) -> Option<Signal> {
    if pod.str("status.phase") != "Pending" {
        return None;
    }
    let claims = pod
        .list("spec.volumes")
        .iter()
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
    let absent = claims
        .map(|name| ObjectRef::of("PersistentVolumeClaim", pod.namespace(), name))
        .find(|claim| view.lookup(claim).outcome == LookupOutcome::Empty)?;
    let message = format!("{} mounts {absent}, which does not exist", pod.reference());
    Some(
        signal("storage-class", &absent, &message)
            .mechanism("storage-and-persistence/pvc-missing", 0.95)
            .severity(Severity::Critical)
            .onset(pod.created())
            .affects([pod.reference().clone(), view.workload_of(pod)])
            .lookup(view, &absent)
            .facts(pod, ["status.phase", "status.conditions[PodScheduled].message"])
            .build(),
    )
}
