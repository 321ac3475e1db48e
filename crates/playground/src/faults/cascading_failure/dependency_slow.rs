//! A service deep in the call chain answers late, and every hop above inherits it. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::text;
use crate::build::log::voice::request;
use crate::build::log::{Lines, merge, until};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::chatter::some_path;
use crate::simulate::callers::pods_of;
use crate::simulate::traffic::{self, Flow, usual_s};
use crate::world::World;

/// `cascading-failure/dependency-slow`.
pub struct DependencySlow;

const ID: &str = "cascading-failure/dependency-slow";

impl Fault for DependencySlow {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 52);
        let Some(slow) = ctx.pick_role(&["orders", "fraud", "ledger", "cart", "catalog"]) else {
            return Truth::without_cause("inconclusive");
        };
        let late_ms = ctx
            .int_param("late_ms")
            .unwrap_or_else(|| ctx.rng.range(1_400, 3_600));
        let late_s = f64::from(i32::try_from(late_ms).unwrap_or(2_000)) / 1000.0;
        let shop = ctx.shop.clone();
        let flow = Flow {
            load: &|_, _, _| 1.0,
            own: &|workload, moment| {
                let own = usual_s(&shop, workload);
                if workload.role == slow.role && moment > at.as_second() {
                    own + late_s
                } else {
                    own
                }
            },
        };
        traffic::write(world, &ctx.shop, &mut ctx.metrics, &flow);
        let above = above(&ctx.shop, &slow);
        for (workload, hops) in &above {
            let took_ms = late_ms * 6_i64.pow(*hops) / 10_i64.pow(*hops);
            for pod in pods_of(world, workload) {
                slow_requests(world, ctx, workload, &pod, (at, took_ms), *hops == 0);
            }
        }
        let shown = above.last().map_or(&slow, |(workload, _)| workload).clone();
        ctx.shows(&shown, None, time::after(at, 60));
        let uids: Vec<String> = pods_of(world, &slow)
            .iter()
            .map(|pod| text(pod, "/metadata/uid").to_owned())
            .collect();
        let params = json!({
            "field": "latency", "found": format!("{late_s:.1} s"), "expected": "below 0.1 s", "uids": uids
        });
        let mut victims: Vec<_> = above
            .iter()
            .skip(1)
            .map(|(workload, _)| workload_key(workload))
            .collect();
        victims.push(key("", "Service", &slow.namespace, &slow.name));
        Truth::cause(workload_key(&slow), ID, params, victims)
    }

    /// The processes that are slow are still those.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        super::dependency_down::DependencyDown.present(world, truth)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(slow) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let front = shop.role("storefront");
        vec![
            Remedy::heals("restart-backend", vec![edits::restart(shop, &cause.object)]),
            Remedy::heals("delete-pod", edits::delete_pods(world, slow)),
            Remedy::fails(
                "restart",
                front
                    .iter()
                    .map(|front| edits::restart(shop, &workload_key(front)))
                    .collect(),
            ),
            Remedy::fails(
                "scale-up",
                front.iter().map(|front| edits::scale(front, 8)).collect(),
            ),
        ]
    }
}

/// The slow workload and those that wait for it, with their distance.
fn above(shop: &Shop, slow: &Workload) -> Vec<(Workload, u32)> {
    let mut out = vec![(slow.clone(), 0)];
    let mut next = 0;
    while let Some((workload, hops)) = out.get(next).cloned() {
        next += 1;
        for caller in shop
            .callers(&workload)
            .filter(|caller| caller.voice.speaks_http())
        {
            if !out.iter().any(|(known, _)| known.role == caller.role) {
                out.push((caller.clone(), hops + 1));
            }
        }
    }
    out
}

/// Requests that took long, without an error; all of them at the slow workload, a share above it.
fn slow_requests(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &Value,
    (from, took_ms): (Timestamp, i64),
    all: bool,
) {
    let name = text(pod, "/metadata/name");
    let mut lines = Lines::default();
    let mut at = time::after(from, ctx.rng.range(3, 40));
    while at < ctx.shop.now() {
        let took = took_ms + ctx.rng.range(-took_ms / 8, took_ms / 5);
        let path = some_path(&mut ctx.rng);
        lines.add(at, &request(workload, name, at, &path, 200, took));
        at = time::after(at, ctx.rng.range(45, 100));
    }
    let log = world.log_mut(&workload.namespace, name, &workload.name);
    let before = log.current.take().unwrap_or_default();
    let kept = if all { until(&before, from) } else { before };
    log.current = Some(merge(&kept, &lines));
}
