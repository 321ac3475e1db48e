//! What metrics-server reports of pods and nodes. Must not know why a pod does not run.

use serde_json::{Value, json};

use super::settle::keys;
use crate::build::json::{items, text};
use crate::build::time;
use crate::shop::Shop;
use crate::world::{ObjectKey, World};

/// Adds PodMetrics of pods that run and removes those of others.
pub fn pod_metrics(world: &mut World, shop: &Shop, pods: &[Value]) {
    let stale: Vec<ObjectKey> = keys(world, "PodMetrics");
    for key in stale {
        let runs = pods.iter().any(|pod| {
            text(pod, "/metadata/name") == key.name
                && text(pod, "/metadata/namespace") == key.namespace
                && is_running(pod)
        });
        if !runs {
            world.remove("PodMetrics", &key.namespace, &key.name);
        }
    }
    for pod in pods.iter().filter(|pod| is_running(pod)) {
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        if world.get("PodMetrics", namespace, name).is_none() {
            world.insert(metrics_of(shop, pod));
        }
    }
}

fn is_running(pod: &Value) -> bool {
    let statuses = items(pod, "/status/containerStatuses");
    !statuses.is_empty()
        && statuses
            .iter()
            .all(|status| status.pointer("/state/running").is_some())
}

/// What metrics-server reports: usage over the last scrape window.
fn metrics_of(shop: &Shop, pod: &Value) -> Value {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let containers: Vec<Value> = items(pod, "/spec/containers")
        .iter()
        .map(|container| {
            let container_name = text(container, "/name");
            let (cpu_m, usual_mi) = usage(shop, namespace, name, container_name);
            let memory_mi = usual_mi.min(ceiling_mi(container));
            json!({
                "name": container_name,
                "usage": { "cpu": format!("{}n", cpu_m * 1_000_000 + 4_213), "memory": format!("{}Ki", memory_mi * 1024 + 312) }
            })
        })
        .collect();
    json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
        "metadata": {
            "name": name, "namespace": namespace, "labels": pod.pointer("/metadata/labels"),
            "creationTimestamp": time::seconds(shop.now())
        },
        "timestamp": time::seconds(time::before(shop.now(), 18)), "window": "15.021s", "containers": containers
    })
}

/// The most that a container can use: nine tenths of its limit, in MiB.
fn ceiling_mi(container: &Value) -> u64 {
    let limit = text(container, "/resources/limits/memory");
    let mebibytes = limit
        .strip_suffix("Mi")
        .and_then(|value| value.parse::<u64>().ok());
    mebibytes.map_or(u64::MAX, |value| value * 9 / 10)
}

/// Usual CPU (millicores) and memory (MiB) of a container.
pub fn usage(shop: &Shop, namespace: &str, pod: &str, container: &str) -> (u64, u64) {
    let spread = shop.stamp.hash(&format!("usage/{pod}/{container}")) % 21;
    match shop.named(namespace, container) {
        Some(workload) => (
            workload.cpu_m * (25 + spread) / 100,
            workload.memory_use_mi * (90 + spread) / 100,
        ),
        None => (4 + spread / 3, 34 + spread),
    }
}

/// Usual load of a node: busy CPUs, and memory in use in MiB.
pub fn node_usage(shop: &Shop, node: &str) -> (f64, f64) {
    let spread = u32::try_from(shop.stamp.hash(&format!("node-usage/{node}")) % 700).unwrap_or(0);
    let spread = f64::from(spread);
    ((700.0 + spread) / 1_000.0, 5_200.0 + spread * 3.0)
}

/// Adds NodeMetrics, where no fault has set them.
pub fn node_metrics(world: &mut World, shop: &Shop) {
    for node in &shop.nodes {
        if world.get("NodeMetrics", "", &node.name).is_none() {
            set_node_usage(world, shop, &node.name, node_usage(shop, &node.name));
        }
    }
}

/// Sets what metrics-server reports of a node: busy CPUs, and memory in use in MiB.
pub fn set_node_usage(world: &mut World, shop: &Shop, node: &str, (cores, memory_mi): (f64, f64)) {
    world.insert(json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics",
        "metadata": { "name": node, "creationTimestamp": time::seconds(shop.now()) },
        "timestamp": time::seconds(time::before(shop.now(), 12)), "window": "20.04s",
        "usage": {
            "cpu": format!("{:.0}n", cores * 1e9 + 77_123.0), "memory": format!("{:.0}Ki", memory_mi * 1024.0)
        }
    }));
}

/// Sets what metrics-server reports of a pod's first container: CPU in millicores, memory in MiB.
pub fn set_pod_usage(world: &mut World, shop: &Shop, pod: &Value, (cpu_m, memory_mi): (f64, f64)) {
    world.insert(json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
        "metadata": {
            "name": text(pod, "/metadata/name"), "namespace": text(pod, "/metadata/namespace"),
            "labels": pod.pointer("/metadata/labels"), "creationTimestamp": time::seconds(shop.now())
        },
        "timestamp": time::seconds(time::before(shop.now(), 18)), "window": "15.021s",
        "containers": [{
            "name": text(pod, "/spec/containers/0/name"),
            "usage": { "cpu": format!("{:.0}n", cpu_m * 1e6), "memory": format!("{:.0}Ki", memory_mi * 1024.0) }
        }]
    }));
}
