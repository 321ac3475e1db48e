//! A rollout pins a workload to a zone in which its volume is not. Must not know how it is found.

use serde_json::{Value, json};

use super::{edits, unplaced, waiting};
use crate::build::json::{escape, set, text};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `storage-and-persistence/pv-node-affinity-conflict`.
pub struct PvNodeAffinityConflict;

const ID: &str = "storage-and-persistence/pv-node-affinity-conflict";
const ZONE: &str = "topology.kubernetes.io/zone";

impl Fault for PvNodeAffinityConflict {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        stage(world, ctx).unwrap_or_else(|| Truth::without_cause("inconclusive"))
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let pinned = format!("/spec/template/spec/nodeSelector/{}", escape(ZONE));
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|owner| text(owner, &pinned) == text(&cause.params, "/found"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let _ = world;
        let mut out = edits::hasty(shop, truth);
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return out;
        };
        let pin = |value: Value| Step::MergePatch {
            object: workload_key(workload),
            patch: json!({ "spec": { "template": { "spec": { "nodeSelector": value } } } }),
        };
        out.push(Remedy::heals("rollout-undo", vec![pin(Value::Null)]));
        let zone = text(&cause.params, "/expected");
        out.push(Remedy::heals(
            "pin-to-zone-of-volume",
            vec![pin(json!({ ZONE: zone }))],
        ));
        out
    }
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(19, 50);
    let workload = ctx.pick_role(&["media", "reports"])?;
    let old = pods_of(world, &workload).into_iter().next()?;
    let earlier = text(&old, "/spec/nodeName").to_owned();
    let home = ctx.shop.zone(&earlier);
    let away = ctx
        .shop
        .names
        .platform
        .zones
        .iter()
        .find(|zone| **zone != home)?
        .clone();
    let change = Change::of(&workload, at, false);
    let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(template, "/spec/nodeSelector", json!({ ZONE: away }));
    })?;
    let pod = rolled.new_pods.first()?.clone();
    let here = ctx.shop.nodes.iter().filter(|node| node.zone == home).count();
    let there = ctx.shop.nodes.len() - here;
    // `pkg/scheduler/framework/plugins/nodeaffinity` (`ErrReasonPod`) and `volumebinding` (`ErrReasonNodeConflict`).
    let why = format!(
        "{here} node(s) didn't match Pod's node affinity/selector, {there} node(s) had volume node affinity conflict"
    );
    let message = unplaced::refused(&ctx.shop, &why);
    unplaced::unschedule(world, ctx, &workload, &pod, &message)?;
    unplaced::detach(world, &ctx.shop, &workload, &earlier);
    let mut victims = waiting::silence(world, ctx, &workload, &pod, time::after(at, 8));
    victims.retain(|victim| *victim != workload_key(&workload) && victim.kind != "PersistentVolumeClaim");
    let params = json!({
        "field": "spec.template.spec.nodeSelector", "found": away, "expected": home
    });
    Some(Truth::cause(workload_key(&workload), ID, params, victims))
}
