//! The DCGM exporter's series of a healthy GPU pool (NVIDIA/dcgm-exporter, `etc/default-counters.csv`). Must not know
//! which of them a fault alters.

use super::{MODEL, PER_NODE, Pool};
use crate::build::metrics::{Metrics, Span};
use crate::build::time;
use crate::shop::Shop;
use crate::shop::telemetry::{aligned, wave};

/// Temperature of a GPU in degrees Celsius.
pub const TEMPERATURE: &str = "DCGM_FI_DEV_GPU_TEMP";
/// Clock of the streaming multiprocessors in MHz.
pub const SM_CLOCK: &str = "DCGM_FI_DEV_SM_CLOCK";
/// Share of time in which a kernel ran, in percent.
pub const UTILIZATION: &str = "DCGM_FI_DEV_GPU_UTIL";
/// Power draw in watts.
pub const POWER: &str = "DCGM_FI_DEV_POWER_USAGE";
/// Code of the last Xid error, 0 for none.
pub const XID: &str = "DCGM_FI_DEV_XID_ERRORS";
/// Why clocks are held down, as a bit mask (`nvml.h`, `nvmlClocksEventReasons`).
pub const CLOCK_REASONS: &str = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS";

/// Usual values while the training runs.
const USUAL: &[(&str, f64, f64)] = &[
    (TEMPERATURE, 61.0, 2.0),
    (SM_CLOCK, 1_410.0, 0.0),
    (UTILIZATION, 96.0, 2.0),
    (POWER, 352.0, 14.0),
    (XID, 0.0, 0.0),
    (CLOCK_REASONS, 0.0, 0.0),
];

/// Adds the series of all GPUs for the last two hours.
pub fn build(shop: &Shop, metrics: &mut Metrics, pool: &Pool) {
    for (node, pod) in pool.nodes.iter().zip(&pool.pods) {
        for gpu in 0..PER_NODE {
            for (name, usual, swing) in USUAL {
                let phase = shop.stamp.hash(&format!("{name}/{}/{gpu}", node.name)) % 600;
                put(shop, metrics, pool, (&node.name, pod, gpu), name, |at| {
                    (usual + swing * wave(at, phase)).round()
                });
            }
        }
    }
}

/// Replaces a series of one GPU; `(node, pod, gpu)` says which.
pub fn put(
    shop: &Shop,
    metrics: &mut Metrics,
    pool: &Pool,
    (node, pod, gpu): (&str, &str, usize),
    name: &str,
    value: impl Fn(i64) -> f64,
) {
    let uuid = Pool::uuid(shop, node, gpu);
    let (index, device) = (gpu.to_string(), format!("nvidia{gpu}"));
    let labels = [
        ("gpu", index.as_str()),
        ("UUID", uuid.as_str()),
        ("device", device.as_str()),
        ("modelName", MODEL),
        ("Hostname", node),
        ("namespace", pool.namespace.as_str()),
        ("pod", pod),
        ("container", pool.job.as_str()),
    ];
    metrics.gauge(name, &labels, span(shop), value);
}

fn span(shop: &Shop) -> Span {
    aligned(time::before(shop.now(), 7_200), shop.now(), 240)
}
