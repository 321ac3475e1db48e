//! The metric series of the machines as node-exporter gives them, and the quota counters of cAdvisor. Must not know
//! which of them a fault alters.

use serde_json::Value;

use super::{aligned, wave};
use crate::build::json::{items, text};
use crate::build::metrics::{Metrics, Span};
use crate::build::time;
use crate::shop::Shop;
use crate::simulate::usage::node_usage;
use crate::world::World;

/// CPU time of a machine by CPU and mode (node-exporter, `collector/cpu_linux.go`).
pub const CPU: &str = "node_cpu_seconds_total";
/// Memory that can be had without swapping (node-exporter, `collector/meminfo.go`).
pub const MEMORY_AVAILABLE: &str = "node_memory_MemAvailable_bytes";
/// Memory of a machine.
pub const MEMORY_TOTAL: &str = "node_memory_MemTotal_bytes";
/// Space that is left on a file system (node-exporter, `collector/filesystem_common.go`).
pub const DISK_AVAILABLE: &str = "node_filesystem_avail_bytes";
/// Size of a file system.
pub const DISK_SIZE: &str = "node_filesystem_size_bytes";
/// Scheduling periods of a container that has a CPU quota (cAdvisor, `metrics/prometheus.go`).
pub const PERIODS: &str = "container_cpu_cfs_periods_total";
/// Those of them in which it was throttled.
pub const THROTTLED: &str = "container_cpu_cfs_throttled_periods_total";
/// Bytes that a container wrote to disk.
pub const WRITTEN: &str = "container_fs_writes_bytes_total";

/// Memory of each machine in MiB.
pub const MEMORY_MI: f64 = 15_693.0;
/// Root disk of each machine in MiB.
pub const DISK_MI: f64 = 102_388.0;
/// Share of the root disk that a healthy machine uses.
pub const DISK_USED: f64 = 0.46;
/// CPUs of each machine.
pub const CPUS: f64 = 4.0;

const MIB: f64 = 1_048_576.0;
const CPU_NAMES: [&str; 4] = ["0", "1", "2", "3"];

/// Adds the series of healthy machines and of containers that stay below their CPU quota.
pub fn build(world: &World, shop: &Shop, metrics: &mut Metrics) {
    for node in &shop.nodes {
        let (cores, memory_mi) = node_usage(shop, &node.name);
        let phase = shop.stamp.hash(&node.name) % 600;
        cpu(shop, metrics, &node.name, |at| {
            cores * (1.0 + 0.08 * wave(at, phase))
        });
        memory(shop, metrics, &node.name, |at| {
            memory_mi * (1.0 + 0.01 * wave(at, phase))
        });
        disk(shop, metrics, &node.name, |_| DISK_USED);
    }
    for pod in world.of_kind("Pod") {
        if text(pod, "/status/phase") == "Running" && has_quota(pod) {
            let span = aligned(time::before(shop.now(), 5_400), shop.now(), 300);
            quota(metrics, pod, span, |_| 0.01);
        }
    }
}

/// Sets how many CPUs of a machine are busy over time.
pub fn cpu(shop: &Shop, metrics: &mut Metrics, node: &str, busy: impl Fn(i64) -> f64) {
    let span = recent(shop);
    for name in CPU_NAMES {
        let labels = [("instance", node), ("cpu", name), ("mode", "user")];
        metrics.counter(CPU, &labels, span, 210_000.0, |at| busy(at).min(CPUS) / CPUS);
        let labels = [("instance", node), ("cpu", name), ("mode", "idle")];
        metrics.counter(CPU, &labels, span, 2_400_000.0, |at| {
            1.0 - busy(at).min(CPUS) / CPUS
        });
    }
}

/// Sets how much memory of a machine is in use over time, in MiB.
pub fn memory(shop: &Shop, metrics: &mut Metrics, node: &str, used_mi: impl Fn(i64) -> f64) {
    let labels = [("instance", node)];
    let span = recent(shop);
    metrics.gauge(MEMORY_TOTAL, &labels, span, |_| (MEMORY_MI * MIB).round());
    metrics.gauge(MEMORY_AVAILABLE, &labels, span, |at| {
        ((MEMORY_MI - used_mi(at)).max(90.0) * MIB).round()
    });
}

/// Sets which share of a machine's root disk is in use over time.
pub fn disk(shop: &Shop, metrics: &mut Metrics, node: &str, used: impl Fn(i64) -> f64) {
    let labels = [
        ("instance", node),
        ("device", "/dev/nvme0n1p1"),
        ("fstype", "ext4"),
        ("mountpoint", "/"),
    ];
    let span = recent(shop);
    metrics.gauge(DISK_SIZE, &labels, span, |_| (DISK_MI * MIB).round());
    metrics.gauge(DISK_AVAILABLE, &labels, span, |at| {
        (DISK_MI * (1.0 - used(at)) * MIB).round()
    });
}

/// Sets the quota counters of a pod's first container: the share of its periods that is throttled over time.
pub fn quota(metrics: &mut Metrics, pod: &Value, span: Span, throttled: impl Fn(i64) -> f64) {
    let labels = container_labels(pod);
    metrics.counter(PERIODS, &labels, span, 41_000.0, |_| 9.2);
    metrics.counter(THROTTLED, &labels, span, 310.0, |at| 9.2 * throttled(at));
}

/// Sets what a pod's first container writes to disk over time, in bytes per second.
pub fn writes(shop: &Shop, metrics: &mut Metrics, pod: &Value, per_second: impl Fn(i64) -> f64) {
    let mut labels = container_labels(pod).to_vec();
    labels.push(("device", "/dev/nvme0n1"));
    metrics.counter(WRITTEN, &labels, since_start(shop, pod), 9_000_000.0, per_second);
}

/// The labels that cAdvisor gives to a pod's first container.
pub fn container_labels(pod: &Value) -> [(&'static str, &str); 4] {
    [
        ("namespace", text(pod, "/metadata/namespace")),
        ("pod", text(pod, "/metadata/name")),
        ("container", text(pod, "/spec/containers/0/name")),
        ("node", text(pod, "/spec/nodeName")),
    ]
}

/// Whether a pod's first container has a CPU limit.
pub fn has_quota(pod: &Value) -> bool {
    items(pod, "/spec/containers")
        .first()
        .is_some_and(|container| !text(container, "/resources/limits/cpu").is_empty())
}

/// From the start of a pod, at most three hours ago, to now.
pub fn since_start(shop: &Shop, pod: &Value) -> Span {
    let oldest = time::before(shop.now(), 10_800);
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(oldest);
    aligned(started.max(oldest), shop.now(), 120)
}

fn recent(shop: &Shop) -> Span {
    aligned(time::before(shop.now(), 10_800), shop.now(), 300)
}
