//! What a kubelet does when its node runs short: conditions, taints, evictions and their events. Must not know what
//! used the resource up.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pods::FAILED;
use super::rollout::{active_set, controller_event, stopping_event};
use super::spawn;
use crate::build::event::{Happening, record};
use crate::build::json::{items, push, set, text};
use crate::build::metrics::Metrics;
use crate::build::time;
use crate::build::workload::Workload;
use crate::shop::{Node, Shop, chatter, telemetry};
use crate::world::World;

/// What a node is short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Memory.
    Memory,
    /// Space on the disk of pods and logs.
    Disk,
}

impl Shortage {
    fn condition(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Memory => (
                "MemoryPressure",
                "KubeletHasInsufficientMemory",
                "kubelet has insufficient memory available",
            ),
            Self::Disk => (
                "DiskPressure",
                "KubeletHasDiskPressure",
                "kubelet has disk pressure",
            ),
        }
    }

    fn taint(self) -> &'static str {
        match self {
            Self::Memory => "node.kubernetes.io/memory-pressure",
            Self::Disk => "node.kubernetes.io/disk-pressure",
        }
    }

    fn resource(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "ephemeral-storage",
        }
    }

    fn node_reason(self) -> &'static str {
        match self {
            Self::Memory => "NodeHasInsufficientMemory",
            Self::Disk => "NodeHasDiskPressure",
        }
    }
}

/// Puts a node under pressure since a moment (`pkg/kubelet/nodestatus/setters.go`; taint by
/// `pkg/controller/nodelifecycle`; events by `pkg/kubelet/eviction/eviction_manager.go`).
pub fn press(world: &mut World, shop: &Shop, node: &str, shortage: Shortage, since: Timestamp) {
    let (condition, reason, message) = shortage.condition();
    let Some(object) = world.get_mut("Node", "", node) else {
        return;
    };
    let conditions = object
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut);
    for found in conditions.into_iter().flatten() {
        if text(found, "/type") == condition {
            set(found, "/status", json!("True"));
            set(found, "/reason", json!(reason));
            set(found, "/message", json!(message));
            set(found, "/lastTransitionTime", json!(time::seconds(since)));
        }
    }
    let taint = json!({
        "key": shortage.taint(), "effect": "NoSchedule", "timeAdded": time::seconds(time::after(since, 1))
    });
    push(object, "/spec/taints", taint);
    shop.stamp.touch_status(object, time::before(shop.now(), 9));
    let last = time::before(shop.now(), 14);
    let count = (last.as_second() - since.as_second()).max(0) / 300 + 1;
    let status = format!("Node {node} status is now: {}", shortage.node_reason());
    let normal = ("Normal", shortage.node_reason(), status);
    node_event(world, shop, node, normal, (since, since, 1));
    let reclaim = format!("Attempting to reclaim {}", shortage.resource());
    node_event(
        world,
        shop,
        node,
        ("Warning", "EvictionThresholdMet", reclaim),
        (since, last, count),
    );
}

/// Records an event of the kubelet about its node.
pub fn node_event(
    world: &mut World,
    shop: &Shop,
    node: &str,
    (kind, reason, message): (&'static str, &'static str, String),
    (first, last, count): (Timestamp, Timestamp, i64),
) {
    let happening = Happening {
        object: ("Node", "", node),
        container: None,
        kind,
        reason,
        message,
        component: "kubelet",
        node,
        first,
        last,
        count,
    };
    record(&shop.stamp, world, &happening);
}

/// Evicts a pod: it stays behind as failed, with the kubelet's words as status, condition and event
/// (`pkg/kubelet/eviction/eviction_manager.go`, `evictPod`).
pub fn evict(
    world: &mut World,
    shop: &Shop,
    metrics: &mut Metrics,
    (namespace, pod): (&str, &str),
    message: &str,
    at: Timestamp,
) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let started = text(&object, "/status/startTime").to_owned();
    let span = (time::parse(&started).unwrap_or(at), at);
    super::pods::complete(world, shop, namespace, pod, FAILED, span);
    if let Some(failed) = world.get_mut("Pod", namespace, pod) {
        set(failed, "/status/reason", json!("Evicted"));
        set(failed, "/status/message", json!(message));
        let target = json!({
            "type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": message,
            "lastProbeTime": null, "lastTransitionTime": time::seconds(at)
        });
        push(failed, "/status/conditions", target);
        set(
            failed,
            "/status/containerStatuses/0/state/terminated/exitCode",
            json!(137),
        );
        shop.stamp.touch_status(failed, at);
    }
    metrics.end(&[("namespace", namespace), ("pod", pod)], at);
    let evicted = Happening {
        object: ("Pod", namespace, pod),
        container: None,
        kind: "Warning",
        reason: "Evicted",
        message: message.to_owned(),
        component: "kubelet",
        node: text(&object, "/spec/nodeName"),
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &evicted);
    stopping_event(world, shop, namespace, pod, at);
    for container in items(&object, "/spec/containers") {
        world.log_mut(namespace, pod, text(container, "/name")).current = None;
    }
}

/// The pod that a Deployment's ReplicaSet creates in place of one that is gone; returns its name.
pub fn replace(
    world: &mut World,
    shop: &Shop,
    metrics: &mut Metrics,
    workload: &Workload,
    node: &Node,
    at: Timestamp,
) -> Option<String> {
    let set = active_set(world, &workload.namespace, &workload.name)?;
    let pod = spawn::replica(world, shop, &set, node, at);
    let set_name = text(&set, "/metadata/name");
    controller_event(
        world,
        shop,
        ("ReplicaSet", &workload.namespace, set_name),
        "replicaset-controller",
        "SuccessfulCreate",
        format!("Created pod: {pod}"),
        at,
    );
    let object = world.get("Pod", &workload.namespace, &pod).cloned()?;
    chatter::write_pod(world, shop, &object);
    telemetry::add_pod(shop, metrics, &object, at);
    Some(pod)
}

/// The pods that run on a node, of workloads of the shop.
pub fn residents(world: &World, shop: &Shop, node: &str) -> Vec<(Workload, Value)> {
    world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/spec/nodeName") == node && text(pod, "/status/phase") == "Running")
        .filter_map(|pod| {
            let name = text(pod, "/spec/containers/0/name");
            let workload = shop.named(text(pod, "/metadata/namespace"), name)?;
            Some((workload.clone(), pod.clone()))
        })
        .collect()
}

/// Another node than those named.
pub fn elsewhere<'a>(shop: &'a Shop, not: &[&str]) -> Option<&'a Node> {
    shop.nodes.iter().find(|node| !not.contains(&node.name.as_str()))
}
