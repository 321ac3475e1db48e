//! A volume has no space left and the application's writes fail. Must not know how it is found.

use serde_json::{Value, json};

use super::{edits, writes};
use crate::build::json::{set, text};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::storage::claim_name;
use crate::shop::telemetry::{aligned, mebibytes};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// `storage-and-persistence/volume-full`.
pub struct VolumeFull;

const ID: &str = "storage-and-persistence/volume-full";
const REQUEST: &str = "/spec/resources/requests/storage";

impl Fault for VolumeFull {
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
        let Some(workload) = edits::struck(truth) else {
            return false;
        };
        let is_full = |claim: &Value| {
            mebibytes(text(claim, REQUEST)) <= mebibytes(text(&cause.params, "/found"))
                && text(claim, "/spec/volumeName") == text(&cause.params, "/volume")
        };
        edits::claims_in_use(world, workload)
            .iter()
            .any(|claim| claim.is_none_or(is_full))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut out = edits::hasty(shop, truth);
        let Some(cause) = truth.root_causes.first() else {
            return out;
        };
        let size = world
            .get(
                "PersistentVolumeClaim",
                &cause.object.namespace,
                &cause.object.name,
            )
            .map_or(0.0, |claim| mebibytes(text(claim, REQUEST)) / 1024.0);
        let larger = json!({ "requests": { "storage": format!("{:.0}Gi", size * 2.0) } });
        let expand = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "resources": larger } }),
        };
        out.push(Remedy::heals("expand-claim", vec![expand]));
        if let Some(workload) = edits::sufferer(shop, truth) {
            let moved = edits::move_to_claim(world, workload, &cause.object.name, |claim| {
                let source = json!({ "kind": "PersistentVolumeClaim", "name": cause.object.name });
                set(claim, "/spec/resources", larger.clone());
                set(claim, "/spec/dataSource", source);
            });
            out.push(Remedy::heals("clone-to-larger-claim", moved));
        }
        out
    }
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(16, 50);
    let workload = ctx.pick_role(&["media", "reports", "redis"])?;
    let pod = pods_of(world, &workload).into_iter().next()?;
    let name = text(&pod, "/metadata/name").to_owned();
    let node = text(&pod, "/spec/nodeName").to_owned();
    let namespace = workload.namespace.as_str();
    let claim = claim_name(&workload, 0);
    let object = world.get("PersistentVolumeClaim", namespace, &claim)?;
    let (size, volume) = (
        text(object, REQUEST).to_owned(),
        text(object, "/spec/volumeName").to_owned(),
    );
    let bytes = mebibytes(&size) * 1_048_576.0 * 0.96;
    let labels = [
        ("namespace", namespace),
        ("persistentvolumeclaim", claim.as_str()),
        ("node", node.as_str()),
    ];
    let now = ctx.shop.now();
    let span = aligned(time::before(now, 5_400), now, 240);
    let full_at = at.as_second();
    let slope = 0.09 / 5_400.0 * (1.0 + ctx.rng.fraction());
    let used = move |moment: i64| {
        let left = f64::from(i32::try_from((full_at - moment).max(0)).unwrap_or(0)) * slope;
        0.9994 - left
    };
    ctx.metrics
        .gauge("kubelet_volume_stats_used_bytes", &labels, span, |moment| {
            (bytes * used(moment)).round()
        });
    ctx.metrics
        .gauge("kubelet_volume_stats_available_bytes", &labels, span, |moment| {
            (bytes * (0.9994 - used(moment))).round()
        });
    writes::fail(
        world,
        ctx,
        &workload,
        &name,
        writes::Why::Full,
        time::after(at, 3),
    );
    ctx.shows(&workload, Some(&name), time::after(at, 3));
    ctx.label("persistentvolumeclaim", &claim);
    let victims = vec![
        workload_key(&workload),
        key("", "Service", namespace, &workload.name),
        key("", "Pod", namespace, &name),
    ];
    let params = json!({
        "field": "spec.resources.requests.storage", "found": size, "expected": "more than is used", "volume": volume
    });
    Some(Truth::cause(
        key("", "PersistentVolumeClaim", namespace, &claim),
        ID,
        params,
        victims,
    ))
}
