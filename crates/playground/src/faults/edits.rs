//! Edits that people make to any workload, as kubectl sends them. Must not know which of them heals what.

use serde_json::{Value, json};

use super::Step;
use crate::build::controller::{REVISION, TEMPLATE_HASH};
use crate::build::service::is_ready;
use crate::json::{escape, number, text, unset};
use crate::simulate::reconcile::root_of;
use crate::world::{ObjectKey, World};

/// When the restarts of these edits were asked for; any new text starts a rollout.
const RESTARTED_AT: &str = "2026-01-01T00:00:00Z";

/// A strategic merge patch of a workload's pod template.
pub fn patch_template(workload: &ObjectKey, template: Value) -> Step {
    Step::StrategicPatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": template } }),
    }
}

/// `kubectl rollout restart`.
pub fn restart(workload: &ObjectKey) -> Step {
    patch_template(
        workload,
        json!({ "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": RESTARTED_AT } } }),
    )
}

/// `kubectl scale`, by one.
pub fn scale_up(world: &World, workload: &ObjectKey) -> Step {
    let replicas = world
        .object(workload)
        .map_or(1, |object| number(object, "/spec/replicas"));
    scale(workload, replicas + 1)
}

/// `kubectl scale`.
pub fn scale(workload: &ObjectKey, replicas: i64) -> Step {
    Step::MergePatch {
        object: workload.clone(),
        patch: json!({ "spec": { "replicas": replicas } }),
    }
}

/// `kubectl delete pod` of a workload's pods that are not ready or have restarted; of its first pod if there are none.
pub fn delete_sick_pods(world: &World, workload: &ObjectKey) -> Vec<Step> {
    let pods: Vec<&Value> = world
        .objects_of("", "Pod", Some(&workload.namespace))
        .map(|(_, pod)| pod)
        .filter(|pod| &root_of(world, pod) == workload)
        .collect();
    let sick: Vec<&Value> = pods
        .iter()
        .copied()
        .filter(|pod| !is_ready(pod) || number(pod, "/status/containerStatuses/0/restartCount") > 0)
        .collect();
    let chosen = if sick.is_empty() {
        pods.into_iter().take(1).collect()
    } else {
        sick
    };
    chosen
        .iter()
        .filter_map(|pod| ObjectKey::of(pod))
        .map(Step::Delete)
        .collect()
}

/// `kubectl rollout undo` of a Deployment: the template of the ReplicaSet with the latest revision but one
/// (`k8s.io/kubectl/pkg/polymorphichelpers/rollback.go`).
pub fn rollout_undo(world: &World, deployment: &ObjectKey) -> Vec<Step> {
    let mut sets: Vec<&Value> = world
        .objects_of("apps", "ReplicaSet", Some(&deployment.namespace))
        .map(|(_, set)| set)
        .filter(|set| text(set, "/metadata/ownerReferences/0/name") == deployment.name)
        .collect();
    sets.sort_by_key(|set| revision(set));
    let Some(before) = sets.len().checked_sub(2).and_then(|index| sets.get(index)) else {
        return Vec::new();
    };
    let mut template = before.pointer("/spec/template").cloned().unwrap_or_default();
    unset(&mut template, "/metadata/labels", TEMPLATE_HASH);
    vec![Step::JsonPatch {
        object: deployment.clone(),
        patch: json!([{ "op": "replace", "path": "/spec/template", "value": template }]),
    }]
}

fn revision(object: &Value) -> u64 {
    text(object, &format!("/metadata/annotations/{}", escape(REVISION)))
        .parse()
        .unwrap_or(0)
}
