//! The clock of one node is off: its pods reject tokens that others just issued. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use super::network_degraded::{node_of, node_remedies};
use crate::build::json::text;
use crate::build::log::voice::{Level, line};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::telemetry::{request_rate, requests};
use crate::shop::{Shop, vitals};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// `app-vs-infra/clock-skew`.
pub struct ClockSkew;

const ID: &str = "app-vs-infra/clock-skew";

impl Fault for ClockSkew {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 60);
        let Some(workload) = ctx.pick_role(&["payments-api", "checkout"]) else {
            return Truth::without_cause("inconclusive");
        };
        let Some(node) = node_of(world, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        let seconds = 70.0 + 200.0 * ctx.rng.fraction();
        series(ctx, &node, seconds, at);
        reject(world, ctx, &workload, &node, (at, seconds));
        answers(ctx, &workload, at);
        ctx.shows(&workload, None, at);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        ctx.label("node", &node);
        let params = json!({ "field": "clock", "found": format!("-{seconds:.0}s"), "expected": "0s" });
        let mut victims = vec![workload_key(&workload)];
        victims.extend(edits::residents(world, &node));
        Truth::cause(key("", "Node", "", &node), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| edits::strikes(world, &cause.object.name))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        node_remedies(world, shop, truth)
    }
}

/// The node lost its time server and stands behind since it woke.
fn series(ctx: &mut FaultContext, node: &str, seconds: f64, at: Timestamp) {
    let from = at.as_second();
    let (shop, metrics) = (&ctx.shop, &mut ctx.metrics);
    vitals::gauge(shop, metrics, vitals::CLOCK_OFFSET, node, |moment| {
        if moment > from { -seconds } else { 0.000_01 }
    });
    vitals::gauge(shop, metrics, vitals::CLOCK_SYNC, node, |moment| {
        f64::from(u8::from(moment <= from))
    });
}

/// Every pod of the workload on the node refuses fresh tokens (golang-jwt `errors.go`; Nimbus, used by Spring Security).
fn reject(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &str,
    (from, seconds): (Timestamp, f64),
) {
    for pod in pods_of(world, workload) {
        if text(&pod, "/spec/nodeName") != node {
            continue;
        }
        let name = text(&pod, "/metadata/name").to_owned();
        let mut lines = Lines::default();
        let mut at = time::after(from, ctx.rng.range(3, 20));
        while at < ctx.shop.now() {
            let issued = time::before(at, 2);
            // Whole seconds suffice for what a token says.
            let own = time::before(at, seconds.round() as i64);
            let message = match workload.voice {
                Voice::Java => format!(
                    "authentication failed: JwtValidationException: The token is not yet valid: iat {issued:.0} is after the \
                     current time {own:.0}"
                ),
                _ => format!(
                    "authentication failed: token is not valid yet: token used before issued (iat {issued:.0}, now {own:.0})"
                ),
            };
            lines.add(at, &line(workload, &name, Level::Error, at, &message));
            at = time::after(at, ctx.rng.range(20, 50));
        }
        let log = world.log_mut(&workload.namespace, &name, &workload.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}

/// The front turns a refused token into 500 for its share of the requests.
fn answers(ctx: &mut FaultContext, backend: &Workload, from: Timestamp) {
    let rate = request_rate(&ctx.shop, backend);
    let share = 0.8 / f64::from(u32::try_from(backend.replicas).unwrap_or(2));
    let failing = |at: i64| at > from.as_second();
    requests(&ctx.shop, &mut ctx.metrics, backend, "500", |at| {
        if failing(at) { rate * share } else { 0.0 }
    });
    requests(&ctx.shop, &mut ctx.metrics, backend, "200", |at| {
        rate * if failing(at) { 0.97 - share } else { 0.97 }
    });
}
