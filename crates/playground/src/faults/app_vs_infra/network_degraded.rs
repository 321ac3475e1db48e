//! The network card of one node loses frames: whatever runs there is slow and times out now and then, in both directions.
//! Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::text;
use crate::build::log::voice::{CallFailure, Level, failure, line};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::{Shop, vitals};
use crate::simulate::callers::{peer, pods_of};
use crate::simulate::slowness::{Slowness, slow};
use crate::world::World;

/// `app-vs-infra/network-degraded`.
pub struct NetworkDegraded;

const ID: &str = "app-vs-infra/network-degraded";

impl Fault for NetworkDegraded {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 55);
        let Some(workload) = ctx.pick_role(&["checkout", "search", "payments-api"]) else {
            return Truth::without_cause("inconclusive");
        };
        let Some(node) = node_of(world, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        let lost = 0.03 + 0.05 * ctx.rng.fraction();
        series(ctx, &node, lost, at);
        let slowness = Slowness {
            callee: &workload,
            from: at,
            until: ctx.shop.now(),
            takes_s: 1.1 + ctx.rng.fraction(),
            ramp_s: 90,
            itself: true,
            only: &[],
        };
        slow(world, &ctx.shop, &mut ctx.metrics, &slowness);
        let mut victims = timeouts(world, ctx, &node, at);
        victims.extend(edits::residents(world, &node));
        ctx.shows(&workload, None, at);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        ctx.label("node", &node);
        let params = json!({
            "field": "eth0", "found": format!("{:.1}% retransmitted", lost * 100.0), "expected": "below 0.1%"
        });
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

/// Moving its pods away heals what a node does to them; cordoning alone does not, nor does a restart of a workload.
pub(in crate::faults) fn node_remedies(world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
    let Some(cause) = truth.root_causes.first() else {
        return Vec::new();
    };
    let mut out = vec![
        Remedy::heals("drain", edits::drain(world, &cause.object.name)),
        Remedy::heals("delete-node", edits::delete_node(&cause.object.name)),
        Remedy::heals("taint", edits::taint(world, &cause.object.name)),
        Remedy::fails("cordon", edits::cordon(&cause.object.name)),
    ];
    let victim = truth
        .victims
        .iter()
        .find(|victim| victim.kind == "Deployment" && shop.named(&victim.namespace, &victim.name).is_some());
    if let Some(victim) = victim {
        out.push(Remedy::fails("restart", edits::restart(victim)));
        out.push(Remedy::fails("scale-up", edits::scale(victim, 6)));
    }
    out
}

/// The node of a workload's first pod.
pub(in crate::faults) fn node_of(world: &World, workload: &Workload) -> Option<String> {
    let pods = pods_of(world, workload);
    let node = text(pods.first()?, "/spec/nodeName");
    (!node.is_empty()).then(|| node.to_owned())
}

fn series(ctx: &mut FaultContext, node: &str, lost: f64, at: Timestamp) {
    let from = at.as_second();
    let (shop, metrics) = (&ctx.shop, &mut ctx.metrics);
    vitals::counter(shop, metrics, vitals::SEGMENTS, node, |_| 1_150.0);
    vitals::counter(shop, metrics, vitals::RETRANSMITS, node, |moment| {
        1_150.0 * if moment > from { lost } else { 0.0004 }
    });
    for (name, rate) in [(vitals::RECEIVE_ERRORS, 34.0), (vitals::TRANSMIT_ERRORS, 11.0)] {
        vitals::counter(
            shop,
            metrics,
            name,
            node,
            |moment| if moment > from { rate } else { 0.0 },
        );
    }
}

/// Calls from and to the pods of the node time out now and then. Returns the workloads that have pods there.
pub(in crate::faults) fn timeouts(
    world: &mut World,
    ctx: &mut FaultContext,
    node: &str,
    at: Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let workloads = ctx.shop.workloads.clone();
    let mut victims = Vec::new();
    for workload in &workloads {
        let here = pods_of(world, workload)
            .iter()
            .any(|pod| text(pod, "/spec/nodeName") == node);
        if here {
            victims.push(workload_key(workload));
        }
        let callees: Vec<Workload> = ctx
            .shop
            .callees(workload)
            .iter()
            .map(|callee| callee.workload.clone())
            .collect();
        for callee in callees {
            let far = pods_of(world, &callee)
                .iter()
                .any(|pod| text(pod, "/spec/nodeName") == node);
            for pod in pods_of(world, workload) {
                let near = text(&pod, "/spec/nodeName") == node;
                if workload.voice != Voice::Nginx && (near || far) {
                    let gap = if near && far { 200 } else { 420 };
                    complain(
                        world,
                        ctx,
                        (workload, &callee),
                        text(&pod, "/metadata/name"),
                        at,
                        gap,
                    );
                }
            }
        }
    }
    victims
}

fn complain(
    world: &mut World,
    ctx: &mut FaultContext,
    (caller, callee): (&Workload, &Workload),
    pod: &str,
    from: Timestamp,
    gap_s: i64,
) {
    let message = failure(caller.voice, CallFailure::TimedOut, &peer(&ctx.shop, callee));
    let mut lines = Lines::default();
    let mut at = time::after(from, ctx.rng.range(20, gap_s));
    while at < ctx.shop.now() {
        lines.add(at, &line(caller, pod, Level::Error, at, &message));
        at = time::after(at, ctx.rng.range(gap_s, gap_s * 3));
    }
    let log = world.log_mut(&caller.namespace, pod, &caller.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}
