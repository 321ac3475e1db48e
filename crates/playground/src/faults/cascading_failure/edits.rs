//! The edits that people make when calls fail, as requests. Must not know which of them heals.

use serde_json::{Value, json};

use crate::build::json::{items, text, unset};
use crate::build::workload::Workload;
use crate::faults::{Step, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::world::{ObjectKey, World};

/// `kubectl rollout restart`: a new annotation of the pod template.
pub(super) fn restart(shop: &Shop, workload: &ObjectKey) -> Step {
    let at = crate::build::time::seconds(shop.now());
    Step::MergePatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": { "metadata": { "annotations": { RESTARTED: at } } } } }),
    }
}

/// The annotation that `kubectl rollout restart` writes (`kubectl/pkg/polymorphichelpers/objectrestarter.go`).
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Whether a workload's template carries the restart annotation.
pub(super) fn was_restarted(world: &World, workload: &ObjectKey) -> bool {
    world
        .object(workload)
        .and_then(|object| {
            object.pointer("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt")
        })
        .is_some()
}

/// `kubectl delete pod` of all pods of a workload.
pub(super) fn delete_pods(world: &World, workload: &Workload) -> Vec<Step> {
    pods_of(world, workload)
        .iter()
        .map(|pod| {
            Step::Delete(key(
                "",
                "Pod",
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/name"),
            ))
        })
        .collect()
}

/// `kubectl scale`.
pub(super) fn scale(workload: &Workload, replicas: usize) -> Step {
    Step::MergePatch {
        object: workload_key(workload),
        patch: json!({ "spec": { "replicas": replicas } }),
    }
}

/// `kubectl set env`.
pub(in crate::faults) fn set_env(workload: &Workload, name: &str, value: &str) -> Step {
    Step::StrategicPatch {
        object: workload_key(workload),
        patch: json!({ "spec": { "template": { "spec": { "containers": [{
            "name": workload.name, "env": [{ "name": name, "value": value }]
        }] } } } }),
    }
}

/// `kubectl rollout undo`: the template of the ReplicaSet before the current one.
pub(super) fn undo(world: &World, workload: &Workload) -> Vec<Step> {
    let mut sets: Vec<(u64, &Value)> = world
        .of_kind("ReplicaSet")
        .filter(|set| {
            text(set, "/metadata/namespace") == workload.namespace
                && text(set, "/metadata/ownerReferences/0/name") == workload.name
        })
        .map(|set| {
            let revision = text(set, "/metadata/annotations/deployment.kubernetes.io~1revision");
            (revision.parse().unwrap_or(0), set)
        })
        .collect();
    sets.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    let Some((_, previous)) = sets.get(1) else {
        return Vec::new();
    };
    let mut template = previous.pointer("/spec/template").cloned().unwrap_or_default();
    unset(&mut template, "/metadata/labels", "pod-template-hash");
    vec![Step::JsonPatch {
        object: workload_key(workload),
        patch: json!([{ "op": "replace", "path": "/spec/template", "value": template }]),
    }]
}

/// A field of an object, replaced.
pub(super) fn replace(object: &ObjectKey, path: &str, value: &Value) -> Step {
    Step::JsonPatch {
        object: object.clone(),
        patch: json!([{ "op": "replace", "path": path, "value": value }]),
    }
}

/// The value of a variable of a Deployment's first container.
pub(in crate::faults) fn env_of<'a>(world: &'a World, workload: &ObjectKey, name: &str) -> &'a str {
    world
        .object(workload)
        .and_then(|object| {
            items(object, "/spec/template/spec/containers/0/env")
                .iter()
                .find(|variable| text(variable, "/name") == name)
        })
        .map_or("", |variable| text(variable, "/value"))
}

/// Sets a variable in the first container of a pod template.
pub(in crate::faults) fn put_env(template: &mut Value, name: &str, value: &str) {
    let place = items(template, "/spec/containers/0/env")
        .iter()
        .position(|variable| text(variable, "/name") == name);
    let variable = json!({ "name": name, "value": value });
    match place {
        Some(index) => {
            crate::build::json::set(template, &format!("/spec/containers/0/env/{index}"), variable);
        }
        None => crate::build::json::push(template, "/spec/containers/0/env", variable),
    }
}
