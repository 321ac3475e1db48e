//! The GPUs of a node overheat and lower their clocks: the training there gets slow, and with it the whole Job, while
//! nothing fails. Must not know how it is found.

use serde_json::json;

use super::edits;
use crate::build::json::text;
use crate::build::log::{Lines, merge, until};
use crate::build::time;
use crate::faults::app_vs_infra::edits::{delete_node, taint, takes_pods};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::shop::Shop;
use crate::shop::gpu::{self, Pool, telemetry};
use crate::shop::telemetry::wave;
use crate::world::World;

/// `resource-exhaustion/gpu-thermal-throttling`.
pub struct GpuThermalThrottling;

const ID: &str = "resource-exhaustion/gpu-thermal-throttling";
/// `nvmlClocksEventReasonSwThermalSlowdown` and `nvmlClocksEventReasonHwThermalSlowdown` (`nvml.h`).
const THERMAL: f64 = 96.0;

impl Fault for GpuThermalThrottling {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let shop = ctx.shop.clone();
        let hours = ctx.rng.range(14, 40);
        let pool = gpu::add(world, &shop, &mut ctx.metrics, hours);
        let index = ctx.rng.index(pool.nodes.len());
        let Some(node) = pool.nodes.get(index).cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let onset = ctx.minutes_ago(35, 75);
        let clock = 600.0 + 15.0 * f64::from(i32::try_from(ctx.rng.range(0, 12)).unwrap_or(0));
        overheat(ctx, &pool, index, onset.as_second(), clock);
        let slower = 1_410.0 / clock;
        for rank in 0..pool.pods.len() {
            slow_log(world, &shop, &pool, rank, (onset, slower));
        }
        ctx.symptom = Some(pool.symptom(index, time::after(onset, 240)));
        let params = json!({
            "field": "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "found": "thermal slowdown", "expected": "none"
        });
        let mut victims = vec![pool.job_key()];
        victims.extend(pool.pods.iter().map(|pod| key("", "Pod", &pool.namespace, pod)));
        Truth::cause(key("", "Node", "", &node.name), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let node = &cause.object.name;
        let works = truth.victims.iter().any(|victim| {
            world
                .get("Pod", &victim.namespace, &victim.name)
                .is_some_and(|pod| text(pod, "/spec/nodeName") == node)
        });
        takes_pods(world, node) || works
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let node = &cause.object.name;
        let there: Vec<Step> = truth
            .victims
            .iter()
            .filter(|victim| {
                world
                    .get("Pod", &victim.namespace, &victim.name)
                    .is_some_and(|pod| text(pod, "/spec/nodeName") == node)
            })
            .cloned()
            .map(Step::Delete)
            .collect();
        let mut drain = edits::cordon(node);
        drain.extend(there.iter().cloned());
        vec![
            Remedy::heals("drain", drain),
            Remedy::heals("delete-node", delete_node(node)),
            Remedy::heals("taint", taint(world, node)),
            Remedy::fails("delete-pod", there),
            Remedy::fails("cordon", edits::cordon(node)),
        ]
    }
}

/// All GPUs of the node are at their threshold, hold their clocks down and draw less; those of the other node wait.
fn overheat(ctx: &mut FaultContext, pool: &Pool, index: usize, from: i64, clock: f64) {
    let shop = ctx.shop.clone();
    for (at, (node, pod)) in pool.nodes.iter().zip(&pool.pods).enumerate() {
        for gpu in 0..gpu::PER_NODE {
            let phase = shop.stamp.hash(&format!("heat/{}/{gpu}", node.name)) % 600;
            let place = (node.name.as_str(), pod.as_str(), gpu);
            let hot = at == index;
            let mut put = |name: &str, before: f64, after: f64, swing: f64| {
                telemetry::put(&shop, &mut ctx.metrics, pool, place, name, |moment| {
                    let level = if moment < from { before } else { after };
                    (level + swing * wave(moment, phase)).round()
                });
            };
            put(telemetry::TEMPERATURE, 63.0, if hot { 88.0 } else { 54.0 }, 1.5);
            put(telemetry::POWER, 352.0, if hot { 205.0 } else { 248.0 }, 9.0);
            put(telemetry::UTILIZATION, 96.0, 98.0, 1.0);
            if hot {
                put(telemetry::SM_CLOCK, 1_410.0, clock, 12.0);
                put(telemetry::CLOCK_REASONS, 0.0, THERMAL, 0.0);
            }
        }
    }
}

/// Every rank waits for the slowest: all steps take longer.
fn slow_log(
    world: &mut World,
    shop: &Shop,
    pool: &Pool,
    rank: usize,
    (onset, slower): (jiff::Timestamp, f64),
) {
    let Some(pod) = pool.pods.get(rank) else { return };
    let from = onset.as_second();
    let usual = |_: i64| 0.62;
    let before: Lines = gpu::progress(shop, pool, rank, (pool.started, onset), usual);
    let after = gpu::progress(shop, pool, rank, (onset, shop.now()), |at| {
        if at < from { 0.62 } else { 0.62 * slower }
    });
    let log = world.log_mut(&pool.namespace, pod, &pool.job);
    let kept = until(&before.to_text(), onset);
    log.current = Some(merge(&kept, &after));
}
