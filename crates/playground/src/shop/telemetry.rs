//! The metric series of a healthy shop. Must not know which series a fault alters.

pub mod machines;

use jiff::Timestamp;
use serde_json::Value;

use super::{Shop, network};
use crate::build::json::{items, number, text};
use crate::build::metrics::{Metrics, Span};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::simulate::usage::usage;
use crate::world::World;

/// Memory in use by a container.
pub const WORKING_SET: &str = "container_memory_working_set_bytes";
/// CPU time used by a container.
pub const CPU: &str = "container_cpu_usage_seconds_total";
/// Limits of a container, by kube-state-metrics.
pub const LIMITS: &str = "kube_pod_container_resource_limits";
/// Requests that the ingress controller served.
pub const REQUESTS: &str = "nginx_ingress_controller_requests";

const MIB: f64 = 1_048_576.0;

/// Adds the series of all shop pods, ingress routes and volumes.
pub fn build(world: &World, shop: &Shop, metrics: &mut Metrics) {
    for pod in world.of_kind("Pod") {
        if text(pod, "/status/phase") == "Running"
            && shop
                .named(
                    text(pod, "/metadata/namespace"),
                    text(pod, "/spec/containers/0/name"),
                )
                .is_some()
        {
            add_pod(shop, metrics, pod, time::before(shop.now(), 5_400));
        }
    }
    let routed: Vec<&Workload> = shop
        .workloads
        .iter()
        .filter(|workload| workload.path.is_some())
        .collect();
    for backend in routed {
        for (status, share) in [("200", 0.97), ("404", 0.03)] {
            let rate = request_rate(shop, backend) * share;
            requests(shop, metrics, backend, status, |_| rate);
        }
    }
    for claim in world.of_kind("PersistentVolumeClaim") {
        add_volume(world, shop, metrics, claim);
    }
    machines::build(world, shop, metrics);
}

/// Adds memory, CPU and limit of a pod's first container since a moment, or since its start.
pub fn add_pod(shop: &Shop, metrics: &mut Metrics, pod: &Value, since: Timestamp) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let container = text(pod, "/spec/containers/0/name");
    let node = text(pod, "/spec/nodeName");
    let (cpu_m, memory_mi) = usage(shop, namespace, name, container);
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(since);
    let span = aligned(started.max(since), shop.now(), 120);
    let labels = [
        ("namespace", namespace),
        ("pod", name),
        ("container", container),
        ("node", node),
    ];
    let memory = as_f64(memory_mi) * MIB;
    let phase = shop.stamp.hash(name) % 600;
    metrics.gauge(WORKING_SET, &labels, span, |at| {
        (memory * (1.0 + 0.02 * wave(at, phase))).round()
    });
    let rate = as_f64(cpu_m) / 1000.0;
    metrics.counter(CPU, &labels, span, rate * 90_000.0, |at| {
        rate * (1.0 + 0.2 * wave(at, phase))
    });
    let limit = mebibytes(text(pod, "/spec/containers/0/resources/limits/memory"));
    if limit <= 0.0 {
        return;
    }
    let mut limit_labels = labels.to_vec();
    limit_labels.extend([("resource", "memory"), ("unit", "byte")]);
    metrics.gauge(LIMITS, &limit_labels, Span { step_s: 240, ..span }, |_| {
        limit * MIB
    });
}

/// Sets the counter of a route's answers with a status.
pub fn requests(
    shop: &Shop,
    metrics: &mut Metrics,
    backend: &Workload,
    status: &str,
    per_second: impl Fn(i64) -> f64,
) {
    let ingress = network::ingress_name(shop);
    let controller = shop.names.namespace("edge");
    let labels = [
        ("namespace", controller.as_str()),
        ("ingress", ingress.as_str()),
        ("exported_namespace", backend.namespace.as_str()),
        ("exported_service", backend.name.as_str()),
        ("status", status),
    ];
    let span = aligned(time::before(shop.now(), 7_200), shop.now(), 60);
    metrics.counter(REQUESTS, &labels, span, 40_000.0, per_second);
}

/// Usual requests per second of a route.
pub fn request_rate(shop: &Shop, backend: &Workload) -> f64 {
    4.0 + as_f64(shop.stamp.hash(&format!("rate/{}", backend.role)) % 200) / 10.0
}

/// A span whose samples lie on whole steps, as a scraper takes them.
pub fn aligned(from: Timestamp, to: Timestamp, step_s: i64) -> Span {
    let rest = from.as_second().rem_euclid(step_s);
    Span {
        from: if rest == 0 {
            from
        } else {
            time::after(from, step_s - rest)
        },
        to,
        step_s,
    }
}

fn add_volume(world: &World, shop: &Shop, metrics: &mut Metrics, claim: &Value) {
    let (namespace, name) = (text(claim, "/metadata/namespace"), text(claim, "/metadata/name"));
    let Some(user) = user_of(world, namespace, name) else {
        return;
    };
    let capacity: f64 = text(claim, "/status/capacity/storage")
        .trim_end_matches("Gi")
        .parse()
        .unwrap_or(10.0);
    let bytes = capacity * MIB * 1024.0 * 0.96;
    let used = 0.2 + as_f64(shop.stamp.hash(&format!("volume/{name}")) % 40) / 100.0;
    let labels = [
        ("namespace", namespace),
        ("persistentvolumeclaim", name),
        ("node", text(user, "/spec/nodeName")),
    ];
    let span = aligned(time::before(shop.now(), 5_400), shop.now(), 240);
    let end = shop.now().as_second();
    let grown = move |at: i64| used + f64::from(i32::try_from(at - end).unwrap_or(0)) * 1e-7;
    metrics.gauge("kubelet_volume_stats_capacity_bytes", &labels, span, |_| {
        bytes.round()
    });
    metrics.gauge("kubelet_volume_stats_used_bytes", &labels, span, |at| {
        (bytes * grown(at)).round()
    });
    metrics.gauge("kubelet_volume_stats_available_bytes", &labels, span, |at| {
        (bytes * (1.0 - grown(at))).round()
    });
}

fn user_of<'a>(world: &'a World, namespace: &str, claim: &str) -> Option<&'a Value> {
    world.of_kind("Pod").find(|pod| {
        text(pod, "/metadata/namespace") == namespace
            && items(pod, "/spec/volumes")
                .iter()
                .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == claim)
    })
}

/// A quantity of memory in MiB.
pub fn mebibytes(quantity: &str) -> f64 {
    if let Some(value) = quantity.strip_suffix("Gi") {
        return value.parse::<f64>().unwrap_or(0.0) * 1024.0;
    }
    quantity
        .strip_suffix("Mi")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0.0)
}

/// A wave between -1 and 1 with a period of ten minutes.
pub fn wave(at: i64, phase: u64) -> f64 {
    let turn = (at + i64::try_from(phase).unwrap_or(0)).rem_euclid(600);
    let half = f64::from(i32::try_from(turn).unwrap_or(0)) / 300.0;
    if half < 1.0 {
        half * 2.0 - 1.0
    } else {
        3.0 - half * 2.0
    }
}

fn as_f64(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

/// Replicas that a Deployment wants, for callers that share a rate among pods.
pub fn desired(world: &World, workload: &Workload) -> i64 {
    world
        .get(workload.kind.name(), &workload.namespace, &workload.name)
        .filter(|_| workload.kind != Kind::DaemonSet)
        .map_or(1, |object| number(object, "/spec/replicas"))
}
