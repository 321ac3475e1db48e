//! Several workloads write to one shared volume and damage each other's files. Must not know how it is found.
//!
//! The applications word it as SQLite (`SQLITE_CORRUPT`, "database disk image is malformed") and Lucene
//! (`CorruptIndexException`, `LockObtainFailedException`) do; SQLite's "How To Corrupt An SQLite Database File", §2.1,
//! names network file systems with several writers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{items, push, text};
use crate::build::log::Lines;
use crate::build::log::merge;
use crate::build::log::voice::{CallFailure, Level, line};
use crate::build::object::{INSTALLER, PIPELINE, PROVISIONER};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Shop, storage};
use crate::simulate::callers::{self, Silence, pods_of};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `cascading-failure/shared-pvc-corruption`.
pub struct SharedPvcCorruption;

const ID: &str = "cascading-failure/shared-pvc-corruption";
/// CSI driver of kubernetes-csi/csi-driver-nfs.
const DRIVER: &str = "nfs.csi.k8s.io";
const CLASS: &str = "nfs-shared";

impl Fault for SharedPvcCorruption {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 50);
        let first = ctx.pick_role(&["search", "recommendations", "cart"]);
        ctx.target = None;
        let others: Vec<&str> = ["search", "recommendations", "cart", "orders"]
            .into_iter()
            .filter(|role| first.as_ref().is_some_and(|first| first.role != *role))
            .collect();
        let (Some(first), Some(second)) = (first, ctx.pick_role(&others)) else {
            return Truth::without_cause("inconclusive");
        };
        let claim = add_volume(world, ctx, &first);
        let before = time::before(ctx.shop.now(), ctx.rng.range(4, 9) * 86_400);
        mount(world, ctx, (&first, &claim), before);
        mount(world, ctx, (&second, &claim), at);
        let from = time::after(at, ctx.rng.range(75, 160));
        for workload in [&first, &second] {
            complain(world, ctx, workload, from);
        }
        let mut victims = Vec::new();
        for workload in [&first, &second] {
            let silence = Silence {
                callee: workload,
                why: CallFailure::Refused,
                from: time::after(from, 4),
                until: ctx.shop.now(),
                only: &[],
            };
            victims.extend(callers::keys(&callers::answer_errors(
                world,
                &ctx.shop,
                &mut ctx.metrics,
                &silence,
            )));
            victims.push(workload_key(workload));
        }
        victims.sort();
        victims.dedup();
        ctx.shows(&first, None, from);
        ctx.label("persistentvolumeclaim", &claim);
        let params = json!({
            "field": "writers", "found": format!("{}, {}", first.name, second.name), "expected": "one"
        });
        Truth::cause(
            key("", "PersistentVolumeClaim", &first.namespace, &claim),
            ID,
            params,
            victims,
        )
    }

    /// More than one workload with replicas mounts the claim for writing.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            let (namespace, claim) = (&cause.object.namespace, &cause.object.name);
            world
                .of_kind("Deployment")
                .filter(|found| writes(found, namespace, claim))
                .count()
                > 1
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let (namespace, claim) = (&cause.object.namespace, &cause.object.name);
        let writers: Vec<&Workload> = shop
            .workloads
            .iter()
            .filter(|found| {
                world
                    .get("Deployment", &found.namespace, &found.name)
                    .is_some_and(|object| writes(object, namespace, claim))
            })
            .collect();
        let all_but_one = || writers.iter().skip(1);
        let mut pods = Vec::new();
        writers
            .iter()
            .for_each(|writer| pods.extend(edits::delete_pods(world, writer)));
        let larger = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "resources": { "requests": { "storage": "200Gi" } } } }),
        };
        vec![
            Remedy::heals(
                "one-writer",
                all_but_one().map(|writer| edits::scale(writer, 0)).collect(),
            ),
            Remedy::heals(
                "rollout-undo",
                all_but_one()
                    .flat_map(|writer| edits::undo(world, writer))
                    .collect(),
            ),
            Remedy::fails(
                "restart",
                writers
                    .iter()
                    .map(|writer| edits::restart(shop, &workload_key(writer)))
                    .collect(),
            ),
            Remedy::fails("delete-pod", pods),
            Remedy::fails("expand-volume", vec![larger]),
        ]
    }
}

/// Whether a Deployment with replicas mounts a claim for writing.
fn writes(deployment: &Value, namespace: &str, claim: &str) -> bool {
    let spec = "/spec/template/spec";
    let volumes = items(deployment, &format!("{spec}/volumes"));
    let name = volumes
        .iter()
        .find(|volume| {
            text(volume, "/persistentVolumeClaim/claimName") == claim
                && volume.pointer("/persistentVolumeClaim/readOnly") != Some(&json!(true))
        })
        .map(|volume| text(volume, "/name"));
    let writable = |mount: &Value| {
        Some(text(mount, "/name")) == name && mount.pointer("/readOnly") != Some(&json!(true))
    };
    text(deployment, "/metadata/namespace") == namespace
        && deployment.pointer("/spec/replicas") != Some(&json!(0))
        && items(deployment, &format!("{spec}/containers"))
            .iter()
            .any(|container| items(container, "/volumeMounts").iter().any(writable))
}

/// A ReadWriteMany claim with its class and volume.
fn add_volume(world: &mut World, ctx: &mut FaultContext, owner: &Workload) -> String {
    let created = time::days_before(ctx.shop.now(), 150);
    let stamp = ctx.shop.stamp.clone();
    let claim = format!(
        "{}-{}",
        ctx.rng
            .pick(&["shared", "assets", "workspace"])
            .unwrap_or(&"shared"),
        stamp.suffix("shared-claim", 4)
    );
    let volume = storage::volume_name(&ctx.shop, &owner.namespace, &claim);
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": stamp.meta("StorageClass", "", CLASS, created), "provisioner": DRIVER,
        "parameters": { "server": "10.0.9.20", "share": "/export" }, "reclaimPolicy": "Retain",
        "volumeBindingMode": "Immediate", "mountOptions": ["nfsvers=4.1"]
    });
    stamp.put(world, class, INSTALLER, created);
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": stamp.meta("PersistentVolume", "", &volume, created),
        "spec": {
            "accessModes": ["ReadWriteMany"], "capacity": { "storage": "100Gi" }, "storageClassName": CLASS,
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": owner.namespace, "name": claim,
                "uid": stamp.uid("PersistentVolumeClaim", &owner.namespace, &claim)
            },
            "csi": { "driver": DRIVER, "volumeHandle": format!("10.0.9.20#export#{volume}##"),
                "volumeAttributes": { "server": "10.0.9.20", "share": "/export" } },
            "mountOptions": ["nfsvers=4.1"], "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"
        },
        "status": { "phase": "Bound" }
    });
    stamp.put(world, object, PROVISIONER, created);
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": stamp.meta("PersistentVolumeClaim", &owner.namespace, &claim, created),
        "spec": {
            "accessModes": ["ReadWriteMany"], "storageClassName": CLASS, "volumeMode": "Filesystem",
            "volumeName": volume, "resources": { "requests": { "storage": "100Gi" } }
        },
        "status": { "phase": "Bound", "accessModes": ["ReadWriteMany"], "capacity": { "storage": "100Gi" } }
    });
    stamp.put(world, object, PIPELINE, created);
    claim
}

/// A rollout that mounts the claim for writing.
fn mount(world: &mut World, ctx: &mut FaultContext, (workload, claim): (&Workload, &str), at: Timestamp) {
    let change = Change::of(workload, at, true);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        let volume = json!({ "name": "store", "persistentVolumeClaim": { "claimName": claim } });
        push(template, "/spec/volumes", volume);
        let place = json!({ "name": "store", "mountPath": "/var/lib/store" });
        push(template, "/spec/containers/0/volumeMounts", place);
    });
}

fn complain(world: &mut World, ctx: &mut FaultContext, workload: &Workload, from: Timestamp) {
    let words: &[&str] = match workload.voice {
        Voice::Java => &[
            "org.apache.lucene.index.CorruptIndexException: checksum failed (hardware problem?) : expected=4f1c22a7 actual=91b0e5d3 (resource=BufferedChecksumIndexInput(MMapIndexInput(path=\"/var/lib/store/_4k.cfs\")))",
            "org.apache.lucene.store.LockObtainFailedException: Lock held elsewhere: /var/lib/store/write.lock",
        ],
        Voice::Python => &[
            "sqlite3.DatabaseError: database disk image is malformed",
            "sqlite3.OperationalError: database is locked",
        ],
        _ => &[
            "write /var/lib/store/items.db: database disk image is malformed (11)",
            "open /var/lib/store/items.db: database is locked (5) (SQLITE_BUSY)",
        ],
    };
    for pod in pods_of(world, workload) {
        let name = text(&pod, "/metadata/name");
        let mut lines = Lines::default();
        let mut at = time::after(from, ctx.rng.range(2, 25));
        while at < ctx.shop.now() {
            let message = if ctx.rng.chance(70) { words[0] } else { words[1] };
            lines.add(at, &line(workload, name, Level::Error, at, message));
            at = time::after(at, ctx.rng.range(30, 80));
        }
        let log = world.log_mut(&workload.namespace, name, &workload.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}
