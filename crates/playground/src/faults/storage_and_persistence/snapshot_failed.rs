//! Nightly volume snapshots fail, so the last good copy grows old: their class is gone, or the driver may not take
//! them. Must not know how it is found.
//! `params.kind`: `class` or `driver`; `params.nights`: failed nights.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::event::{Happening, record};
use crate::build::json::{flag, set, text};
use crate::build::object::{Author, INSTALLER, PIPELINE};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::storage::{claim_name, volume_handle, volume_name};
use crate::world::{ObjectKey, World};

/// `storage-and-persistence/snapshot-failed`.
pub struct SnapshotFailed;

const ID: &str = "storage-and-persistence/snapshot-failed";
const GROUP: &str = "snapshot.storage.k8s.io";
const CONTROLLER: Author = Author {
    manager: "snapshot-controller",
    operation: "Update",
};

impl Fault for SnapshotFailed {
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
        let newest = &cause.object;
        world
            .get("VolumeSnapshot", &newest.namespace, &newest.name)
            .is_some_and(|found| {
                let class = text(found, "/spec/volumeSnapshotClassName");
                let refused = text(&cause.params, "/kind") == "driver";
                !flag(found, "/status/readyToUse")
                    && (refused || world.get("VolumeSnapshotClass", "", class).is_none())
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let newest = &cause.object;
        let Some(found) = world.get("VolumeSnapshot", &newest.namespace, &newest.name) else {
            return Vec::new();
        };
        let again = vec![Step::Create({
            let mut again = edits::bare(found);
            set(&mut again, "/metadata/name", json!("manual-retry"));
            again
        })];
        let mut out = vec![Remedy::fails("snapshot-again", again)];
        if text(&cause.params, "/kind") == "class" {
            let wanted = text(found, "/spec/volumeSnapshotClassName");
            let class = edits::bare(&class_object(shop, wanted, shop.now()));
            out.push(Remedy::heals("create-class", vec![Step::Create(class)]));
            let mut renamed = edits::bare(found);
            set(
                &mut renamed,
                "/spec/volumeSnapshotClassName",
                json!(text(&cause.params, "/expected")),
            );
            let steps = vec![Step::Delete(newest.clone()), Step::Create(renamed)];
            out.push(Remedy::heals("recreate-snapshot", steps));
        }
        out
    }
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let workload = ctx.pick_role(&["postgres", "redis", "index", "media"])?;
    let missing = match ctx.text_param("kind") {
        Some(kind) => kind == "class",
        None => ctx.rng.chance(60),
    };
    let nights = ctx.int_param("nights").unwrap_or_else(|| ctx.rng.range(2, 5));
    let shop = ctx.shop.clone();
    define(world, &shop);
    let class = format!("{}-snapshots", shop.names.platform.other_class);
    let old_class = format!("{}-snapshots", shop.names.platform.storage_class);
    let present = if missing { &class } else { &old_class };
    let made = if missing {
        time::before(shop.now(), nights * 86_400 + 20_000)
    } else {
        time::days_before(shop.now(), 300)
    };
    shop.stamp
        .put(world, class_object(&shop, present, made), INSTALLER, made);
    let last = last_run(&shop);
    let mut newest = None;
    for night in (0..nights + 3).rev() {
        let at = time::days_before(last, night);
        let good = night >= nights;
        let used = if missing { &old_class } else { present };
        newest = Some(snapshot(world, &shop, &workload, (used, missing), at, good));
    }
    let object = newest?;
    ctx.shows(&workload, None, time::days_before(last, nights - 1));
    let claim = claim_name(&workload, 0);
    ctx.label("persistentvolumeclaim", &claim);
    let params = if missing {
        json!({
            "field": "spec.volumeSnapshotClassName", "found": old_class, "expected": class, "kind": "class"
        })
    } else {
        json!({ "field": "status.error", "found": "not authorized", "expected": "permission", "kind": "driver" })
    };
    let victims = vec![
        workload_key(&workload),
        key("", "PersistentVolumeClaim", &workload.namespace, &claim),
    ];
    Some(Truth::cause(object, ID, params, victims))
}

/// The last run of a nightly schedule at 01:30.
fn last_run(shop: &Shop) -> Timestamp {
    let now = shop.now().as_second();
    let tonight = Timestamp::from_second(now - now % 86_400 + 5_400).unwrap_or(shop.now());
    if tonight > time::before(shop.now(), 1_200) {
        time::days_before(tonight, 1)
    } else {
        tonight
    }
}

/// A nightly snapshot of the workload's first volume.
fn snapshot(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    (class, missing): (&str, bool),
    at: Timestamp,
    good: bool,
) -> ObjectKey {
    let namespace = workload.namespace.as_str();
    let claim = claim_name(workload, 0);
    let name = format!("{claim}-{}", at.strftime("%Y%m%d%H%M"));
    let content = format!(
        "snapcontent-{}",
        shop.stamp.uid("VolumeSnapshot", namespace, &name)
    );
    let mut object = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "VolumeSnapshot",
        "metadata": shop.stamp.meta("VolumeSnapshot", namespace, &name, at),
        "spec": { "source": { "persistentVolumeClaimName": claim }, "volumeSnapshotClassName": class }
    });
    let size = format!("{}Gi", workload.volume_gi.unwrap_or(10));
    let status = if good {
        json!({
            "boundVolumeSnapshotContentName": content, "creationTime": time::seconds(time::after(at, 4)),
            "readyToUse": true, "restoreSize": size
        })
    } else {
        failure(shop, workload, class, missing, &content, at)
    };
    set(&mut object, "/status", status.clone());
    shop.stamp.put(world, object, PIPELINE, at);
    if good || !missing {
        add_content(world, shop, workload, (&name, &content, class), &status, at);
    }
    if !good {
        tell(world, shop, (namespace, &name, &content), missing, &status);
    }
    key(GROUP, "VolumeSnapshot", namespace, &name)
}

/// `external-snapshotter`, `pkg/common-controller/snapshot_controller.go` (`GetSnapshotClassFailed`) and
/// `pkg/sidecar-controller` (`SnapshotContentCheckandUpdateFailed`).
fn failure(
    shop: &Shop,
    workload: &Workload,
    class: &str,
    missing: bool,
    content: &str,
    at: Timestamp,
) -> Value {
    let when = time::seconds(time::after(at, 1));
    if missing {
        let message = format!(
            "Failed to get snapshot class with error failed to retrieve snapshot class {class} from the informer: \
             \"volumesnapshotclass.snapshot.storage.k8s.io \\\"{class}\\\" not found\""
        );
        return json!({ "readyToUse": false, "error": { "message": message, "time": when } });
    }
    let volume = volume_name(shop, &workload.namespace, &claim_name(workload, 0));
    let handle = volume_handle(shop, &volume);
    let message = format!(
        "Failed to check and update snapshot content: failed to take snapshot of the volume {handle}: \"{}\"",
        refusal(shop, &handle)
    );
    json!({
        "boundVolumeSnapshotContentName": content, "readyToUse": false,
        "error": { "message": message, "time": when }
    })
}

fn refusal(shop: &Shop, handle: &str) -> String {
    let request = shop.stamp.uuid(&format!("snapshot/{handle}"));
    match shop.names.platform.driver {
        "pd.csi.storage.gke.io" => format!(
            "rpc error: code = PermissionDenied desc = Failed to create snapshot: googleapi: Error 403: Required \
             'compute.disks.createSnapshot' permission for 'projects/main-project/zones/{}/disks/{handle}', forbidden",
            shop.names.platform.zones[0]
        ),
        "disk.csi.azure.com" => format!(
            "rpc error: code = Internal desc = create snapshot error: Retriable: false, RetryAfter: 0s, \
             HTTPStatusCode: 403, RawError: {{\\\"error\\\":{{\\\"code\\\":\\\"AuthorizationFailed\\\",\\\"message\\\":\\\"The client '{request}' \
             does not have authorization to perform action 'Microsoft.Compute/snapshots/write'\\\"}}}}"
        ),
        _ => format!(
            "rpc error: code = Internal desc = Could not create snapshot \\\"snapshot-{request}\\\": error creating \
             snapshot of volume {handle}: operation error EC2: CreateSnapshot, https response error StatusCode: 403, \
             RequestID: {request}, api error UnauthorizedOperation: You are not authorized to perform this operation."
        ),
    }
}

fn add_content(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    (name, content, class): (&str, &str, &str),
    status: &Value,
    at: Timestamp,
) {
    let volume = volume_name(shop, &workload.namespace, &claim_name(workload, 0));
    let mut own = json!({ "readyToUse": flag(status, "/readyToUse") });
    if let Some(error) = status.pointer("/error") {
        set(&mut own, "/error", error.clone());
    } else {
        let handle = format!("snap-0{}", shop.stamp.digest(name).get(..16).unwrap_or_default());
        set(&mut own, "/snapshotHandle", json!(handle));
    }
    let object = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "VolumeSnapshotContent",
        "metadata": shop.stamp.meta("VolumeSnapshotContent", "", content, at),
        "spec": {
            "deletionPolicy": "Delete", "driver": shop.names.platform.driver,
            "source": { "volumeHandle": volume_handle(shop, &volume) }, "volumeSnapshotClassName": class,
            "volumeSnapshotRef": {
                "apiVersion": format!("{GROUP}/v1"), "kind": "VolumeSnapshot", "name": name,
                "namespace": workload.namespace, "uid": shop.stamp.uid("VolumeSnapshot", &workload.namespace, name)
            }
        },
        "status": own
    });
    shop.stamp.put(world, object, CONTROLLER, time::after(at, 5));
}

/// The controllers try again every few minutes and repeat their event.
fn tell(
    world: &mut World,
    shop: &Shop,
    (namespace, name, content): (&str, &str, &str),
    missing: bool,
    status: &Value,
) {
    let message = text(status, "/error/message").to_owned();
    let (object, reason, component) = if missing {
        (
            ("VolumeSnapshot", namespace, name),
            "GetSnapshotClassFailed",
            "snapshot-controller",
        )
    } else {
        (
            ("VolumeSnapshotContent", "", content),
            "SnapshotContentCheckandUpdateFailed",
            "csi-snapshotter",
        )
    };
    let first = time::parse(text(status, "/error/time")).unwrap_or(shop.now());
    let happening = Happening {
        object,
        container: None,
        kind: "Warning",
        reason,
        message,
        component,
        node: "",
        first,
        last: time::before(shop.now(), 97).max(first),
        count: (shop.now().as_second() - first.as_second()) / 300 + 1,
    };
    record(&shop.stamp, world, &happening);
}

fn class_object(shop: &Shop, name: &str, created: Timestamp) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "VolumeSnapshotClass",
        "metadata": shop.stamp.meta("VolumeSnapshotClass", "", name, created),
        "driver": shop.names.platform.driver, "deletionPolicy": "Delete"
    })
}

/// The definitions of the snapshot kinds (`external-snapshotter`, `client/config/crd`).
fn define(world: &mut World, shop: &Shop) {
    let created = time::days_before(shop.now(), 398);
    for (kind, plural, scope, short) in [
        ("VolumeSnapshot", "volumesnapshots", "Namespaced", "vs"),
        (
            "VolumeSnapshotContent",
            "volumesnapshotcontents",
            "Cluster",
            "vsc",
        ),
        (
            "VolumeSnapshotClass",
            "volumesnapshotclasses",
            "Cluster",
            "vsclass",
        ),
    ] {
        let name = format!("{plural}.{GROUP}");
        let mut version = json!({
            "name": "v1", "served": true, "storage": true,
            "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } }
        });
        if kind != "VolumeSnapshotClass" {
            set(&mut version, "/subresources", json!({ "status": {} }));
        }
        let object = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": shop.stamp.meta("CustomResourceDefinition", "", &name, created),
            "spec": {
                "group": GROUP, "scope": scope, "versions": [version],
                "names": {
                    "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                    "singular": kind.to_lowercase(), "shortNames": [short]
                }
            }
        });
        shop.stamp.put(world, object, INSTALLER, created);
    }
}
