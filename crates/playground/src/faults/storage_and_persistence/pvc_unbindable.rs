//! A claim that no volume satisfies and for which none is provisioned: for each reason a fault of its own. Must not
//! know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{edits, unplaced, waiting};
use crate::build::json::{entries, items, push, set, text, unset};
use crate::build::object::INSTALLER;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::shop::Shop;
use crate::shop::storage::{claim, claim_name};
use crate::shop::telemetry::mebibytes;
use crate::world::World;

/// `storage-and-persistence/pvc-unbindable` and its kinds.
pub struct PvcUnbindable {
    why: Why,
}

/// There is no free volume at all.
pub const NONE: PvcUnbindable = PvcUnbindable { why: Why::None };
/// The claim is larger than any free volume.
pub const SIZE: PvcUnbindable = PvcUnbindable { why: Why::Size };
/// No free volume offers the claim's access mode.
pub const MODE: PvcUnbindable = PvcUnbindable { why: Why::Mode };
/// The claim's selector fits no free volume.
pub const SELECTOR: PvcUnbindable = PvcUnbindable { why: Why::Selector };
/// The free volumes are of a class that the claim does not name.
pub const CLASS: PvcUnbindable = PvcUnbindable { why: Why::Class };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    None,
    Size,
    Mode,
    Selector,
    Class,
}

/// Class of volumes that an administrator made by hand.
const STATIC_CLASS: &str = "shared-nfs";

impl Fault for PvcUnbindable {
    fn id(&self) -> &'static str {
        match self.why {
            Why::None => "storage-and-persistence/pvc-unbindable",
            Why::Size => "storage-and-persistence/pvc-unbindable-size",
            Why::Mode => "storage-and-persistence/pvc-unbindable-mode",
            Why::Selector => "storage-and-persistence/pvc-unbindable-selector",
            Why::Class => "storage-and-persistence/pvc-unbindable-class",
        }
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 55);
        let Some(workload) = ctx.pick_role(&["media", "reports"]) else {
            return Truth::without_cause("inconclusive");
        };
        unplaced::drop_volumes(world, ctx, &workload, at);
        let name = claim_name(&workload, 0);
        let object = self.claim(&ctx.shop, &workload, &name, at);
        unplaced::put_claim(world, &ctx.shop, &workload, object, time::after(at, 1));
        if self.why != Why::None {
            let count = ctx.rng.range(2, 3);
            for index in 1..=count {
                let created = time::days_before(at, 20 + index);
                let volume = self.volume(&ctx.shop, &workload, index, created);
                ctx.shop.stamp.put(world, volume, INSTALLER, created);
            }
        }
        // `pkg/controller/volume/persistentvolume/pv_controller.go`, `syncUnboundClaim`.
        unplaced::claim_event(
            world,
            &ctx.shop,
            (&workload.namespace, &name),
            ("Normal", "FailedBinding"),
            "persistentvolume-controller",
            "no persistent volumes available for this claim and no storage class is set".to_owned(),
            (time::after(at, 1), 15),
        );
        let message = unplaced::unbound(&ctx.shop);
        let pod = unplaced::add_pod(world, &ctx.shop, &workload, &message, at);
        let mut victims = waiting::silence(world, ctx, &workload, &pod, time::after(at, 8));
        let object = key("", "PersistentVolumeClaim", &workload.namespace, &name);
        victims.retain(|victim| *victim != object);
        Truth::cause(object, self.id(), self.params(&workload), victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(claim) = world.get(
            "PersistentVolumeClaim",
            &cause.object.namespace,
            &cause.object.name,
        ) else {
            return false;
        };
        let class = text(claim, "/spec/storageClassName");
        let provisioned = world
            .get("StorageClass", "", class)
            .is_some_and(|class| text(class, "/provisioner") != "kubernetes.io/no-provisioner");
        let bound = world
            .of_kind("PersistentVolume")
            .any(|volume| satisfies(volume, claim));
        !provisioned && !bound
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut out = edits::hasty(shop, truth);
        let (Some(workload), Some(cause)) = (edits::sufferer(shop, truth), truth.root_causes.first()) else {
            return out;
        };
        let class = shop.names.platform.storage_class;
        let renewed = edits::renew_claim(world, workload, &cause.object.name, |claim| {
            set(claim, "/spec/storageClassName", json!(class));
            unset(claim, "/spec", "selector");
        });
        out.push(Remedy::heals("recreate-claim", renewed));
        let Some(claim) = world.get(
            "PersistentVolumeClaim",
            &cause.object.namespace,
            &cause.object.name,
        ) else {
            return out;
        };
        let mut volume = self.volume(shop, workload, 9, shop.now());
        set(
            &mut volume,
            "/spec/capacity/storage",
            json!(text(claim, "/spec/resources/requests/storage")),
        );
        set(
            &mut volume,
            "/spec/storageClassName",
            json!(text(claim, "/spec/storageClassName")),
        );
        set(
            &mut volume,
            "/spec/accessModes",
            json!(items(claim, "/spec/accessModes")),
        );
        if let Some(labels) = claim.pointer("/spec/selector/matchLabels") {
            set(&mut volume, "/metadata/labels", labels.clone());
        }
        out.push(Remedy::heals(
            "create-volume",
            vec![Step::Create(edits::bare(&volume))],
        ));
        out
    }
}

impl PvcUnbindable {
    fn claim(&self, shop: &Shop, workload: &Workload, name: &str, at: Timestamp) -> Value {
        let size = workload.volume_gi.unwrap_or(10);
        let mut object = claim(shop, workload, name, size, "", time::after(at, 1));
        if self.why == Why::Selector {
            set(
                &mut object,
                "/spec/selector",
                json!({ "matchLabels": { "tier": "fast" } }),
            );
        }
        object
    }

    /// A volume on a file server, as an administrator writes it.
    fn volume(&self, shop: &Shop, workload: &Workload, index: i64, created: Timestamp) -> Value {
        let size = workload.volume_gi.unwrap_or(10);
        let name = format!("nfs-{index:02}");
        let capacity = if self.why == Why::Size {
            size / 2
        } else {
            size + 10
        };
        let mode = if self.why == Why::Mode {
            "ReadOnlyMany"
        } else {
            "ReadWriteOnce"
        };
        let class = if self.why == Why::Class { STATIC_CLASS } else { "" };
        let mut object = json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": shop.stamp.meta("PersistentVolume", "", &name, created),
            "spec": {
                "accessModes": [mode], "capacity": { "storage": format!("{capacity}Gi") },
                "nfs": { "path": format!("/export/{index:02}"), "server": "10.20.0.14" },
                "persistentVolumeReclaimPolicy": "Retain", "storageClassName": class, "volumeMode": "Filesystem"
            },
            "status": { "phase": "Available" }
        });
        if self.why == Why::Selector {
            set(&mut object, "/metadata/labels", json!({ "tier": "standard" }));
        }
        if self.why == Why::Mode {
            push(&mut object, "/spec/mountOptions", json!("ro"));
        }
        object
    }

    fn params(&self, workload: &Workload) -> Value {
        let size = workload.volume_gi.unwrap_or(10);
        match self.why {
            Why::None => {
                json!({ "field": "spec.storageClassName", "found": "", "expected": "a class that provisions" })
            }
            Why::Size => json!({
                "field": "spec.resources.requests.storage", "found": format!("{size}Gi"),
                "expected": format!("at most {}Gi", size / 2)
            }),
            Why::Mode => {
                json!({ "field": "spec.accessModes", "found": "ReadWriteOnce", "expected": "ReadOnlyMany" })
            }
            Why::Selector => {
                json!({ "field": "spec.selector", "found": "tier=fast", "expected": "tier=standard" })
            }
            Why::Class => {
                json!({ "field": "spec.storageClassName", "found": "", "expected": STATIC_CLASS })
            }
        }
    }
}

/// Whether a volume is free and fits a claim (`pkg/controller/volume/persistentvolume/index.go`,
/// `findBestMatchForClaim`).
fn satisfies(volume: &Value, claim: &Value) -> bool {
    let class = "/spec/storageClassName";
    let free = volume.pointer("/spec/claimRef").is_none()
        || text(volume, "/spec/claimRef/name") == text(claim, "/metadata/name");
    let large = mebibytes(text(volume, "/spec/capacity/storage"))
        >= mebibytes(text(claim, "/spec/resources/requests/storage"));
    let modes = items(claim, "/spec/accessModes")
        .iter()
        .all(|mode| items(volume, "/spec/accessModes").contains(mode));
    let labels = entries(claim, "/spec/selector/matchLabels")
        .all(|(key, value)| volume.pointer(&format!("/metadata/labels/{key}")) == Some(value));
    free && large && modes && labels && text(volume, class) == text(claim, class)
}
