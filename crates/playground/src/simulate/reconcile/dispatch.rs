//! Which controllers look at an object after a change of another. Must not know what they do about it.

use jiff::SignedDuration;
use serde_json::Value;

use super::cluster::{millis, owner};
use super::queue::{Role, Task};
use crate::build::json::{items, text};
use crate::build::service::{is_ready, selects};
use crate::world::World;

/// What is to be done, and how soon.
pub(super) fn tasks(
    world: &World,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Vec<(SignedDuration, Task)> {
    let Some(object) = after.or(before) else {
        return Vec::new();
    };
    let (kind, namespace, name) = (
        text(object, "/kind"),
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    );
    if matches!(kind, "Event" | "Lease" | "PodMetrics" | "NodeMetrics") {
        return Vec::new();
    }
    let mut found = vec![(millis(20), Task::new(Role::Faults, "", ""))];
    let own = |role| (millis(120), Task::new(role, namespace, name));
    match kind {
        "Deployment" => {
            found.push(own(Role::Deployment));
            autoscalers(world, namespace, name, &mut found);
        }
        "ReplicaSet" => {
            found.push(own(Role::ReplicaSet));
            found.extend(owner_task(object));
        }
        "StatefulSet" => found.push(own(Role::StatefulSet)),
        "DaemonSet" => found.push(own(Role::DaemonSet)),
        "HorizontalPodAutoscaler" => found.push(own(Role::Autoscaler)),
        "Job" => found.push(own(Role::Job)),
        "Service" => found.push(own(Role::Endpoints)),
        "PodDisruptionBudget" => found.push(own(Role::Budget)),
        "Pod" => pod_tasks(world, before, after, &mut found),
        "Node" => {
            let delay = if after.is_some() { 900 } else { 40_000 };
            found.push((millis(delay), Task::new(Role::Node, "", name)));
            node_tasks(world, &mut found);
        }
        "PersistentVolumeClaim" => {
            found.push((millis(300), Task::new(Role::Claim, namespace, name)));
            waiting_pods(world, namespace, &mut found);
        }
        "PersistentVolume" | "StorageClass" | "CSINode" | "VolumeAttachment" => {
            for claim in world.of_kind("PersistentVolumeClaim") {
                if text(claim, "/status/phase") != "Bound" {
                    found.push((millis(700), task_of(Role::Claim, claim)));
                }
            }
            waiting_pods(world, "", &mut found);
        }
        "Secret" | "ConfigMap" | "ServiceAccount" => waiting_pods(world, namespace, &mut found),
        _ => {}
    }
    found
}

/// All controllers of pods, to look again at what they could not do.
pub(super) fn controllers(world: &World) -> Vec<Task> {
    let kinds = [
        ("ReplicaSet", Role::ReplicaSet),
        ("StatefulSet", Role::StatefulSet),
        ("DaemonSet", Role::DaemonSet),
    ];
    kinds
        .into_iter()
        .flat_map(|(kind, role)| world.of_kind(kind).map(move |object| task_of(role, object)))
        .filter(|task| blocked(world, task))
        .collect()
}

/// Whether creating pods failed for this controller.
fn blocked(world: &World, task: &Task) -> bool {
    world
        .objects_of("", "Event", Some(&task.namespace))
        .any(|(_, event)| {
            text(event, "/reason") == "FailedCreate" && text(event, "/involvedObject/name") == task.name
        })
}

fn pod_tasks(
    world: &World,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<(SignedDuration, Task)>,
) {
    let Some(pod) = after.or(before) else { return };
    found.extend(owner_task(pod));
    let namespace = text(pod, "/metadata/namespace");
    if after.is_some() {
        let role = if text(pod, "/spec/nodeName").is_empty() {
            Role::Scheduler
        } else {
            Role::Kubelet
        };
        found.push((millis(400), task_of(role, pod)));
    } else {
        for waiting in world
            .of_kind("Pod")
            .filter(|pod| text(pod, "/spec/nodeName").is_empty())
        {
            found.push((millis(1_500), task_of(Role::Scheduler, waiting)));
        }
        for volume in items(pod, "/spec/volumes") {
            let claim = text(volume, "/persistentVolumeClaim/claimName");
            if !claim.is_empty() {
                found.push((millis(500), Task::new(Role::Claim, namespace, claim)));
            }
        }
    }
    let matches = |selector: Option<&Value>| {
        [before, after].into_iter().flatten().any(|pod| {
            let labels = pod.pointer("/metadata/labels");
            selector.is_some_and(|selector| labels.is_some_and(|labels| selects(selector, labels)))
        })
    };
    for (role, group, kind, pointer) in [
        (Role::Endpoints, "", "Service", "/spec/selector"),
        (
            Role::Budget,
            "policy",
            "PodDisruptionBudget",
            "/spec/selector/matchLabels",
        ),
    ] {
        for (_, follower) in world.objects_of(group, kind, Some(namespace)) {
            if matches(follower.pointer(pointer)) {
                found.push((millis(250), task_of(role, follower)));
            }
        }
    }
}

/// The autoscalers of a workload look every 15 s (`--horizontal-pod-autoscaler-sync-period`).
fn autoscalers(world: &World, namespace: &str, name: &str, found: &mut Vec<(SignedDuration, Task)>) {
    for (_, scaler) in world.objects_of("autoscaling", "HorizontalPodAutoscaler", Some(namespace)) {
        if text(scaler, "/spec/scaleTargetRef/name") == name {
            found.push((millis(15_000), task_of(Role::Autoscaler, scaler)));
        }
    }
}

fn node_tasks(world: &World, found: &mut Vec<(SignedDuration, Task)>) {
    for agents in world.of_kind("DaemonSet") {
        found.push((millis(600), task_of(Role::DaemonSet, agents)));
    }
    waiting_pods(world, "", found);
}

/// Pods that are not ready look again at what they wait for.
fn waiting_pods(world: &World, namespace: &str, found: &mut Vec<(SignedDuration, Task)>) {
    let scope = (!namespace.is_empty()).then_some(namespace);
    for (_, pod) in world
        .objects_of("", "Pod", scope)
        .filter(|(_, pod)| !is_ready(pod))
    {
        let role = if text(pod, "/spec/nodeName").is_empty() {
            Role::Scheduler
        } else {
            Role::Kubelet
        };
        found.push((millis(1_200), task_of(role, pod)));
    }
}

fn owner_task(object: &Value) -> Option<(SignedDuration, Task)> {
    let parent = owner(object)?;
    let role = match text(parent, "/kind") {
        "Deployment" => Role::Deployment,
        "ReplicaSet" => Role::ReplicaSet,
        "StatefulSet" => Role::StatefulSet,
        "DaemonSet" => Role::DaemonSet,
        "Job" => Role::Job,
        _ => return None,
    };
    let namespace = text(object, "/metadata/namespace");
    Some((millis(150), Task::new(role, namespace, text(parent, "/name"))))
}

fn task_of(role: Role, object: &Value) -> Task {
    Task::new(
        role,
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}
