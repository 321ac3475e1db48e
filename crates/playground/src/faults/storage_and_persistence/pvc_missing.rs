//! A pod refers to a claim that is not there: a rollout names another one, or someone deleted it. Must not know how
//! it is found.
//! `params.kind`: `renamed` or `deleted`.

use serde_json::{Value, json};

use super::{edits, unplaced, waiting};
use crate::build::json::{set, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::storage::{claim, claim_name};
use crate::simulate::callers::pods_of;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `storage-and-persistence/pvc-missing`.
pub struct PvcMissing;

const ID: &str = "storage-and-persistence/pvc-missing";

impl Fault for PvcMissing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        stage(world, ctx).unwrap_or_else(|| Truth::without_cause("inconclusive"))
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(workload) = edits::struck(truth) else {
            return false;
        };
        // Without any claim the workload has nowhere to keep what it stored.
        let used = edits::claims_in_use(world, workload);
        used.is_empty() || used.iter().any(Option::is_none)
    }

    fn remedies(&self, _: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut out = edits::hasty(shop, truth);
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return out;
        };
        let size = workload.volume_gi.unwrap_or(10);
        let class = shop.names.platform.storage_class;
        let fresh = claim(shop, workload, &cause.object.name, size, class, shop.now());
        out.push(Remedy::heals(
            "create-claim",
            vec![Step::Create(edits::bare(&fresh))],
        ));
        let mount = |name: &str| {
            let volumes = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": name } }]);
            edits::patch_template(workload, "/spec/volumes", volumes)
        };
        if text(&cause.params, "/kind") == "renamed" {
            let usual = claim_name(workload, 0);
            out.push(Remedy::heals("rollout-undo", vec![mount(&usual)]));
        } else {
            let name = format!("{}-restored", cause.object.name);
            let other = claim(shop, workload, &name, size, class, shop.now());
            let steps = vec![Step::Create(edits::bare(&other)), mount(&name)];
            out.push(Remedy::heals("claim-of-other-name", steps));
        }
        out
    }
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(19, 50);
    let workload = ctx.pick_role(&["media", "reports"])?;
    let namespace = workload.namespace.clone();
    let renamed = match ctx.text_param("kind") {
        Some(kind) => kind == "renamed",
        None => ctx.rng.chance(50),
    };
    let usual = claim_name(&workload, 0);
    let earlier = pods_of(world, &workload)
        .first()
        .map(|pod| text(pod, "/spec/nodeName").to_owned())?;
    let (name, pod) = if renamed {
        let suffix = ctx.rng.pick(&["-v2", "-new", "-ssd", "-01"]).copied()?;
        let name = format!("{usual}{suffix}");
        let pod = rename(world, ctx, &workload, &name, at)?;
        unplaced::detach(world, &ctx.shop, &workload, &earlier);
        (name, pod)
    } else {
        unplaced::drop_volumes(world, ctx, &workload, at);
        let why = format!("persistentvolumeclaim \"{usual}\" not found");
        let message = unplaced::refused(&ctx.shop, &why);
        let pod = unplaced::add_pod(world, &ctx.shop, &workload, &message, at);
        (usual, pod)
    };
    let object = key("", "PersistentVolumeClaim", &namespace, &name);
    let mut victims = waiting::silence(world, ctx, &workload, &pod, time::after(at, 8));
    victims.retain(|victim| victim.kind != "PersistentVolumeClaim");
    let params = json!({
        "field": "metadata.name", "found": "absent", "expected": name,
        "kind": if renamed { "renamed" } else { "deleted" }
    });
    debug_assert_eq!(victims.first(), Some(&workload_key(&workload)));
    Some(Truth::cause(object, ID, params, victims))
}

/// A rollout names a claim that nobody made.
fn rename(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    name: &str,
    at: jiff::Timestamp,
) -> Option<String> {
    let change = Change::of(workload, at, false);
    let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        for volume in template
            .pointer_mut("/spec/volumes")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter(|volume| text(volume, "/name") == "data")
        {
            set(volume, "/persistentVolumeClaim/claimName", json!(name));
        }
    })?;
    let pod = rolled.new_pods.first()?.clone();
    let why = format!("persistentvolumeclaim \"{name}\" not found");
    let message = unplaced::refused(&ctx.shop, &why);
    unplaced::unschedule(world, ctx, workload, &pod, &message)?;
    Some(pod)
}
