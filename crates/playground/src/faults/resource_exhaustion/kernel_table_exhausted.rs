//! The connection tracking table of one node is full: the kernel drops packets of new connections there, old ones go on.
//! Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use crate::build::event::{Happening, record};
use crate::build::time;
use crate::faults::app_vs_infra::edits as machines;
use crate::faults::app_vs_infra::network_degraded::{node_of, node_remedies, timeouts};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::telemetry::wave;
use crate::shop::{Shop, vitals};
use crate::simulate::slowness::{Slowness, slow};
use crate::world::World;

/// `resource-exhaustion/kernel-table-exhausted`.
pub struct KernelTableExhausted;

const ID: &str = "resource-exhaustion/kernel-table-exhausted";
/// node-exporter, `collector/conntrack_linux.go`.
const ENTRIES: &str = "node_nf_conntrack_entries";
const LIMIT: &str = "node_nf_conntrack_entries_limit";
/// kube-proxy's `conntrack.maxPerCore` times four cores.
const MOST: f64 = 131_072.0;

impl Fault for KernelTableExhausted {
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
        series(ctx, &node, at);
        say(world, ctx, &node, at);
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
        victims.extend(machines::residents(world, &node));
        ctx.shows(&workload, None, at);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        ctx.label("node", &node);
        let params = json!({ "field": "net.netfilter.nf_conntrack_count", "found": "131072", "expected": "below 131072" });
        Truth::cause(key("", "Node", "", &node), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| machines::strikes(world, &cause.object.name))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        node_remedies(world, shop, truth)
    }
}

/// The table of one node fills within minutes and stays full; those of the others are as usual.
fn series(ctx: &mut FaultContext, node: &str, at: Timestamp) {
    let from = at.as_second();
    let (shop, metrics) = (&ctx.shop, &mut ctx.metrics);
    for other in shop.nodes.iter().map(|other| other.name.as_str()) {
        let phase = shop.stamp.hash(&format!("conntrack/{other}")) % 600;
        let usual = 9_000.0 + 20.0 * f64::from(u32::try_from(phase).unwrap_or(0));
        vitals::gauge(shop, metrics, LIMIT, other, |_| MOST);
        vitals::gauge(shop, metrics, ENTRIES, other, |moment| {
            let calm = (usual * (1.0 + 0.1 * wave(moment, phase))).round();
            let climb = f64::from(i32::try_from(moment - from + 600).unwrap_or(0)) / 600.0;
            match (other == node, climb) {
                (true, climb) if climb >= 1.0 => MOST - f64::from(u32::try_from(moment % 7).unwrap_or(0)),
                (true, climb) if climb > 0.0 => (calm + (MOST - calm) * climb).round(),
                _ => calm,
            }
        });
    }
}

/// node-problem-detector, `config/plugin/network_problem.sh` by `config/network-problem-monitor.json`.
fn say(world: &mut World, ctx: &FaultContext, node: &str, at: Timestamp) {
    let last = time::before(ctx.shop.now(), 31);
    let first = time::after(at, 12).min(last);
    let happening = Happening {
        object: ("Node", "", node),
        container: None,
        kind: "Warning",
        reason: "ConntrackFull",
        message: "Conntrack table usage over 90%: 131070 out of 131072".to_owned(),
        component: "network-plugin-monitor",
        node,
        first,
        last,
        count: ((last.as_second() - first.as_second()) / 30).max(1),
    };
    record(&ctx.shop.stamp, world, &happening);
}
