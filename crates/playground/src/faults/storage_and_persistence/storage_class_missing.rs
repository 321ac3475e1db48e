//! A claim names a StorageClass that does not exist. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::{edits, unplaced, waiting};
use crate::build::json::{set, text};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::shop::storage::{claim, claim_name};
use crate::world::World;

/// `storage-and-persistence/storage-class-missing`.
pub struct StorageClassMissing;

const ID: &str = "storage-and-persistence/storage-class-missing";

/// Plausible names that no cloud of the playground defines.
const CLASSES: &[&str] = &[
    "block-retain",
    "ssd-encrypted",
    "tier-1",
    "zonal-balanced",
    "rwo-expandable",
    "std-retain",
];

impl Fault for StorageClassMissing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 55);
        let Some(workload) = ctx.pick_role(&["media", "reports", "index"]) else {
            return Truth::without_cause("inconclusive");
        };
        let class = missing_class(world, &mut ctx.rng);
        let expected = ctx.shop.names.platform.storage_class;
        unplaced::drop_volumes(world, ctx, &workload, at);
        if workload.kind == Kind::StatefulSet {
            unplaced::recreate_set(world, &ctx.shop, &workload, &class, at);
        }
        let claim_name = claim_name(&workload, 0);
        add_claim(world, &ctx.shop, &workload, (&claim_name, &class), at);
        let pod = unplaced::add_pod(world, &ctx.shop, &workload, &unplaced::unbound(&ctx.shop), at);
        let victims = waiting::silence(world, ctx, &workload, &pod, time::after(at, 8));
        let params = json!({ "field": "spec.storageClassName", "found": class, "expected": expected });
        Truth::cause(
            key("storage.k8s.io", "StorageClass", "", &class),
            ID,
            params,
            victims,
        )
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let name = &cause.object.name;
        world.get("StorageClass", "", name).is_none()
            && world.of_kind("PersistentVolumeClaim").any(|claim| {
                text(claim, "/spec/storageClassName") == name && text(claim, "/status/phase") == "Pending"
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return Vec::new();
        };
        let platform = &shop.names.platform;
        let mut class = world
            .get("StorageClass", "", platform.storage_class)
            .map(edits::bare)
            .unwrap_or_default();
        set(&mut class, "/metadata/name", json!(cause.object.name));
        let right = edits::renew_claim(world, workload, &claim_name(workload, 0), |claim| {
            set(claim, "/spec/storageClassName", json!(platform.storage_class));
        });
        let mut out = edits::hasty(shop, truth);
        out.push(Remedy::heals("create-class", vec![Step::Create(class)]));
        out.push(Remedy::heals("recreate-claim", right));
        out
    }
}

fn missing_class(world: &World, rng: &mut Rng) -> String {
    let free: Vec<&str> = CLASSES
        .iter()
        .copied()
        .filter(|name| world.get("StorageClass", "", name).is_none())
        .collect();
    rng.pick(&free).copied().unwrap_or("tier-2").to_owned()
}

/// The pending claim, with the event of the volume controller (`pkg/controller/volume/persistentvolume/pv_controller.go`,
/// `provisionClaimOperation` and `findProvisionablePlugin`: the class lister's NotFound error), repeated at each resync.
fn add_claim(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    (name, class): (&str, &str),
    at: Timestamp,
) {
    let created = time::after(at, 1);
    let size = workload.volume_gi.unwrap_or(10);
    let object = claim(shop, workload, name, size, class, created);
    unplaced::put_claim(world, shop, workload, object, created);
    unplaced::claim_event(
        world,
        shop,
        (&workload.namespace, name),
        ("Warning", "ProvisioningFailed"),
        "persistentvolume-controller",
        format!("storageclass.storage.k8s.io \"{class}\" not found"),
        (created, 15),
    );
}
