//! Edits that people make in trouble, as requests. Must not know which of them heals.

use serde_json::{Value, json};

use crate::build::controller::{REVISION, TEMPLATE_HASH};
use crate::build::json::{escape, text, unset};
use crate::faults::Step;
use crate::world::{ObjectKey, World};

/// `kubectl rollout restart`: a new annotation on the pod template.
pub(super) fn restart(workload: &ObjectKey) -> Vec<Step> {
    let annotations = json!({ "kubectl.kubernetes.io/restartedAt": "2026-06-30T12:00:00Z" });
    vec![Step::MergePatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } }),
    }]
}

/// `kubectl scale`.
pub(super) fn scale(workload: &ObjectKey, replicas: i64) -> Vec<Step> {
    vec![Step::MergePatch {
        object: workload.clone(),
        patch: json!({ "spec": { "replicas": replicas } }),
    }]
}

/// `kubectl rollout undo`: the template of the revision before. None where there is no such revision.
pub(super) fn undo(world: &World, workload: &ObjectKey) -> Vec<Step> {
    let Some(template) = previous_template(world, workload) else {
        return Vec::new();
    };
    vec![Step::JsonPatch {
        object: workload.clone(),
        patch: json!([{ "op": "replace", "path": "/spec/template", "value": template }]),
    }]
}

/// `kubectl set resources` of the first container: a JSON patch of its resources.
pub(super) fn resources(workload: &ObjectKey, resources: &Value) -> Vec<Step> {
    vec![Step::JsonPatch {
        object: workload.clone(),
        patch: json!([{
            "op": "replace", "path": "/spec/template/spec/containers/0/resources", "value": resources
        }]),
    }]
}

/// The resources of a Deployment's first container.
pub(super) fn resources_of(world: &World, workload: &ObjectKey) -> Value {
    world
        .get("Deployment", &workload.namespace, &workload.name)
        .and_then(|found| found.pointer("/spec/template/spec/containers/0/resources"))
        .cloned()
        .unwrap_or_default()
}

/// `kubectl delete pod` of all pods of a workload.
pub(super) fn delete_pods(world: &World, workload: &ObjectKey) -> Vec<Step> {
    world
        .of_kind("Pod")
        .filter(|pod| {
            text(pod, "/metadata/namespace") == workload.namespace
                && text(pod, "/metadata/ownerReferences/0/name").starts_with(&workload.name)
        })
        .filter_map(|pod| ObjectKey::of(pod).map(Step::Delete))
        .collect()
}

/// `kubectl cordon`.
pub(super) fn cordon(node: &str) -> Vec<Step> {
    vec![Step::MergePatch {
        object: crate::faults::key("", "Node", "", node),
        patch: json!({ "spec": { "unschedulable": true } }),
    }]
}

/// The template of the revision before a Deployment's current one.
pub(super) fn previous_template(world: &World, workload: &ObjectKey) -> Option<Value> {
    let revision = |set: &Value| -> i64 {
        text(set, &format!("/metadata/annotations/{}", escape(REVISION)))
            .parse()
            .unwrap_or(0)
    };
    let current = world
        .get("Deployment", &workload.namespace, &workload.name)
        .map(revision)?;
    let mut template = world
        .of_kind("ReplicaSet")
        .filter(|set| {
            text(set, "/metadata/namespace") == workload.namespace
                && text(set, "/metadata/ownerReferences/0/name") == workload.name
        })
        .filter(|set| revision(set) < current)
        .max_by_key(|set| revision(set))?
        .pointer("/spec/template")?
        .clone();
    unset(&mut template, "/metadata/labels", TEMPLATE_HASH);
    Some(template)
}

/// Millicores of a CPU quantity, 0 when there is none.
pub(super) fn millicores(quantity: &str) -> f64 {
    match quantity.strip_suffix('m') {
        Some(value) => value.parse().unwrap_or(0.0),
        None => quantity.parse::<f64>().unwrap_or(0.0) * 1_000.0,
    }
}
