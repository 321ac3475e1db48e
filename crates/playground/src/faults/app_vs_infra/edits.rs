//! The edits that people make when an application or a node is suspected. Must not know which of them heals.

use serde_json::{Value, json};

use crate::build::json::{flag, items, text};
use crate::build::workload::Workload;
use crate::faults::{Step, key};
use crate::simulate::callers::pods_of;
use crate::world::{ObjectKey, World};

/// The taint that keeps pods without a need for GPUs away (NVIDIA/gpu-operator, and the clouds' GPU node pools).
const GPU_TAINT: &str = "nvidia.com/gpu";

/// `kubectl rollout restart`.
pub(super) fn restart(object: &ObjectKey) -> Vec<Step> {
    let annotations = json!({ "kubectl.kubernetes.io/restartedAt": "2026-06-01T08:00:00Z" });
    vec![Step::StrategicPatch {
        object: object.clone(),
        patch: json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } }),
    }]
}

/// Alters the container that is named like its workload.
pub(super) fn container(object: &ObjectKey, change: Value) -> Vec<Step> {
    let mut container = json!({ "name": object.name });
    if let (Some(own), Value::Object(change)) = (container.as_object_mut(), change) {
        own.extend(change);
    }
    vec![Step::StrategicPatch {
        object: object.clone(),
        patch: json!({ "spec": { "template": { "spec": { "containers": [container] } } } }),
    }]
}

/// Another number of replicas.
pub(super) fn scale(object: &ObjectKey, replicas: i64) -> Vec<Step> {
    vec![Step::MergePatch {
        object: object.clone(),
        patch: json!({ "spec": { "replicas": replicas } }),
    }]
}

/// Deletes a workload's pods.
pub(super) fn delete_pods(world: &World, workload: &Workload) -> Vec<Step> {
    pods_of(world, workload)
        .iter()
        .map(|pod| Step::Delete(key("", "Pod", &workload.namespace, text(pod, "/metadata/name"))))
        .collect()
}

/// `kubectl cordon`.
pub(in crate::faults) fn cordon(node: &str) -> Vec<Step> {
    vec![Step::MergePatch {
        object: key("", "Node", "", node),
        patch: json!({ "spec": { "unschedulable": true } }),
    }]
}

/// `kubectl drain --ignore-daemonsets`: cordons, then evicts.
pub(super) fn drain(world: &World, node: &str) -> Vec<Step> {
    let mut steps = cordon(node);
    steps.extend(movable(world, node).map(|pod| {
        Step::Delete(key(
            "",
            "Pod",
            text(pod, "/metadata/namespace"),
            text(pod, "/metadata/name"),
        ))
    }));
    steps
}

/// `kubectl delete node`: its pods are deleted after it (`pkg/controller/podgc`).
pub(in crate::faults) fn delete_node(node: &str) -> Vec<Step> {
    vec![Step::Delete(key("", "Node", "", node))]
}

/// `kubectl taint nodes NODE maintenance=:NoExecute`: no pod comes, and those that are there go.
pub(in crate::faults) fn taint(world: &World, node: &str) -> Vec<Step> {
    add_taint(world, node, "maintenance", "")
}

/// `kubectl taint nodes NODE KEY=VALUE:NoExecute`.
pub(super) fn add_taint(world: &World, node: &str, name: &str, value: &str) -> Vec<Step> {
    let object = key("", "Node", "", node);
    let mut taints = world
        .object(&object)
        .map(|found| items(found, "/spec/taints").to_vec())
        .unwrap_or_default();
    taints.push(json!({ "key": name, "value": value, "effect": "NoExecute" }));
    vec![Step::MergePatch {
        object,
        patch: json!({ "spec": { "taints": taints } }),
    }]
}

/// Pods of a node that a drain moves: all but those of DaemonSets.
pub(super) fn movable<'a>(world: &'a World, node: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
    world.of_kind("Pod").filter(move |pod| {
        text(pod, "/spec/nodeName") == node
            && text(pod, "/metadata/ownerReferences/0/kind") != "DaemonSet"
            && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
    })
}

/// Whether a node's fault still strikes something: it takes pods, or has some that a drain would move.
pub(in crate::faults) fn strikes(world: &World, node: &str) -> bool {
    takes_pods(world, node) || world.get("Node", "", node).is_some() && movable(world, node).next().is_some()
}

/// Whether the scheduler gives a node ordinary pods: it is neither cordoned nor tainted. GPU nodes carry a taint that the
/// pods meant for them tolerate.
pub(in crate::faults) fn takes_pods(world: &World, node: &str) -> bool {
    world.get("Node", "", node).is_some_and(|object| {
        let is_tainted = items(object, "/spec/taints").iter().any(|taint| {
            text(taint, "/key") != GPU_TAINT && matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute")
        });
        !is_tainted && !flag(object, "/spec/unschedulable")
    })
}

/// The workloads whose pods a drain of the node moves.
pub(in crate::faults) fn residents(world: &World, node: &str) -> Vec<ObjectKey> {
    let mut out: Vec<ObjectKey> = movable(world, node)
        .filter_map(|pod| {
            let namespace = text(pod, "/metadata/namespace");
            let owner = |object: &Value, field: &str| {
                text(object, &format!("/metadata/ownerReferences/0/{field}")).to_owned()
            };
            match owner(pod, "kind").as_str() {
                "ReplicaSet" => {
                    let set = world.get("ReplicaSet", namespace, &owner(pod, "name"))?;
                    Some(key("apps", &owner(set, "kind"), namespace, &owner(set, "name")))
                }
                "StatefulSet" => Some(key("apps", "StatefulSet", namespace, &owner(pod, "name"))),
                _ => None,
            }
        })
        .collect();
    out.sort();
    out.dedup();
    out
}
