//! A memory module of one node fails: processes there die by bus errors, and the same image is fine elsewhere. Must not know
//! how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use super::network_degraded::{node_of, node_remedies};
use crate::build::event::{Happening, record};
use crate::build::json::text;
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, line};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::{Shop, vitals};
use crate::simulate::callers::pods_of;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{Exit, crash};
use crate::world::World;

/// `app-vs-infra/hardware-fault`.
pub struct HardwareFault;

const ID: &str = "app-vs-infra/hardware-fault";
/// Memory errors by node-exporter's edac collector.
const CORRECTED: &str = "node_edac_correctable_errors_total";
const UNCORRECTED: &str = "node_edac_uncorrectable_errors_total";
/// 128 + SIGBUS.
const BUS_ERROR: Exit = Exit {
    code: 135,
    reason: "Error",
};

impl Fault for HardwareFault {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(26, 55);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let Some(node) = node_of(world, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        let from = at.as_second();
        let (shop, metrics) = (&ctx.shop, &mut ctx.metrics);
        vitals::counter(shop, metrics, CORRECTED, &node, |moment| {
            if moment > from { 2.6 } else { 0.0 }
        });
        vitals::counter(shop, metrics, UNCORRECTED, &node, |moment| {
            if moment > from { 0.01 } else { 0.0 }
        });
        kernel_events(world, ctx, &node, at);
        let struck = die(world, ctx, &workload, &node, at);
        ctx.shows(&workload, struck.as_deref(), at);
        ctx.label("node", &node);
        let params = json!({ "field": "DIMM", "found": "memory read errors", "expected": null });
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

/// node-problem-detector's `config/kernel-monitor.json`, rule `MemoryReadError`, over the kernel's EDAC messages.
fn kernel_events(world: &mut World, ctx: &FaultContext, node: &str, at: Timestamp) {
    let minutes = (ctx.shop.now().as_second() - at.as_second()) / 60;
    let happening = Happening {
        object: ("Node", "", node),
        container: None,
        kind: "Warning",
        reason: "MemoryReadError",
        message: "CE memory read error on CPU_SrcID#0_Ha#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x3c7f21 offset:0x9c0 grain:32 \
                  syndrome:0x0 - OVERFLOW area:DRAM err_code:0001:0091 socket:0 ha:0 channel_mask:2 rank:1)"
            .to_owned(),
        component: "kernel-monitor",
        node,
        first: at,
        last: time::before(ctx.shop.now(), 70).max(at),
        count: minutes * 3 + 4,
    };
    record(&ctx.shop.stamp, world, &happening);
}

/// The workload's pods on the node die again and again.
fn die(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &str,
    at: Timestamp,
) -> Option<String> {
    let mut first = None;
    for pod in pods_of(world, workload) {
        if text(&pod, "/spec/nodeName") != node {
            continue;
        }
        let name = text(&pod, "/metadata/name").to_owned();
        let lives = Lives::since(time::before(at, 4), ctx.rng.range(25, 90), ctx.shop.now());
        crash(world, &ctx.shop, &workload.namespace, &name, &lives, BUS_ERROR);
        if let Some(&(start, end)) = lives.finished.last() {
            let dead = instance(workload, &name, (start, end));
            let log = world.log_mut(&workload.namespace, &name, &workload.name);
            log.current = Some(dead.clone());
            log.previous = Some(dead);
        }
        first = first.or(Some(name));
    }
    first
}

/// An ordinary start, and then nothing: the signal leaves no time for words but the runtime's.
fn instance(workload: &Workload, pod: &str, (start, end): (Timestamp, Timestamp)) -> String {
    let mut lines = Lines::default();
    for (index, message) in greeting(workload, workload.version).iter().enumerate() {
        let at = time::after(start, i64::try_from(index).unwrap_or(0));
        lines.add(at, &line(workload, pod, Level::Info, at, message));
    }
    lines.add(end, "Bus error (core dumped)");
    lines.to_text()
}
