//! Edits that people make to rollouts, as steps of remedies. Must not know which of them heals.

use serde_json::{Value, json};

use crate::build::controller::{REVISION, TEMPLATE_HASH};
use crate::build::json::{escape, text, unset};
pub(super) use crate::faults::release::set_image;
use crate::faults::{Remedy, Step, key};
use crate::world::{ObjectKey, World};

/// `kubectl rollout undo`: the template of the revision before, in one JSON patch
/// (`kubectl/pkg/polymorphichelpers/rollback.go`).
pub(in crate::faults) fn rollout_undo(world: &World, deployment: &ObjectKey) -> Option<Step> {
    let mut sets: Vec<(u64, &Value)> = world
        .of_kind("ReplicaSet")
        .filter(|set| {
            text(set, "/metadata/namespace") == deployment.namespace
                && text(set, "/metadata/ownerReferences/0/name") == deployment.name
        })
        .map(|set| (revision(set), set))
        .collect();
    sets.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    let mut template = sets.get(1)?.1.pointer("/spec/template")?.clone();
    unset(&mut template, "/metadata/labels", TEMPLATE_HASH);
    Some(Step::JsonPatch {
        object: deployment.clone(),
        patch: json!([{ "op": "replace", "path": "/spec/template", "value": template }]),
    })
}

/// The remedy of that name, when there is a revision to go back to.
pub(super) fn undo(world: &World, deployment: &ObjectKey) -> Option<Remedy> {
    Some(Remedy::heals(
        "rollout-undo",
        vec![rollout_undo(world, deployment)?],
    ))
}

/// `kubectl rollout restart`.
pub(super) fn restart(workload: &ObjectKey) -> Step {
    Step::StrategicPatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": { "metadata": { "annotations": {
            "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"
        } } } } }),
    }
}

/// `kubectl scale`.
pub(super) fn scale(workload: &ObjectKey, replicas: usize) -> Step {
    Step::MergePatch {
        object: workload.clone(),
        patch: json!({ "spec": { "replicas": replicas } }),
    }
}

/// Deletes pods, for their controller to make them anew.
pub(in crate::faults) fn delete_all(pods: &[ObjectKey]) -> Vec<Step> {
    pods.iter().cloned().map(Step::Delete).collect()
}

/// The pods of a Deployment that are not ready.
pub(in crate::faults) fn unready_pods(world: &World, deployment: &ObjectKey) -> Vec<ObjectKey> {
    world
        .of_kind("Pod")
        .filter(|pod| {
            text(pod, "/metadata/namespace") == deployment.namespace
                && text(pod, "/spec/containers/0/name") == deployment.name
                && !crate::build::service::is_ready(pod)
        })
        .map(|pod| key("", "Pod", &deployment.namespace, text(pod, "/metadata/name")))
        .collect()
}

/// The remedies that fail for any fault of a template: restart and deleting the pods.
pub(super) fn in_vain(world: &World, deployment: &ObjectKey) -> Vec<Remedy> {
    vec![
        Remedy::fails("restart", vec![restart(deployment)]),
        Remedy::fails("delete-pod", delete_all(&unready_pods(world, deployment))),
    ]
}

fn revision(set: &Value) -> u64 {
    text(set, &format!("/metadata/annotations/{}", escape(REVISION)))
        .parse()
        .unwrap_or(0)
}
