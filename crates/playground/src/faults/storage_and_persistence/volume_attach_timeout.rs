//! The attacher does not finish: the node is full of volumes, or the volume does not come off the node that it was on.
//! Must not know how it is found.
//! `params.kind`: `limit` or `detach`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::waiting::Stuck;
use super::{edits, waiting};
use crate::build::json::{flag, items, set, text, unset};
use crate::build::object::{CONTROLLER, PROVISIONER};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::shop::Shop;
use crate::shop::nodes::instance_id;
use crate::shop::storage::{attachment, attachment_name, volume_handle};
use crate::world::{ObjectKey, World};

/// `storage-and-persistence/volume-attach-timeout`.
pub struct VolumeAttachTimeout;

const ID: &str = "storage-and-persistence/volume-attach-timeout";

impl Fault for VolumeAttachTimeout {
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
        if cause.object.kind == "VolumeAttachment" {
            return world
                .get("VolumeAttachment", "", &cause.object.name)
                .is_some_and(|found| !items(found, "/metadata/finalizers").is_empty());
        }
        let node = cause.object.name.as_str();
        let room = attached(world, node) < limit(&cause.params);
        let open = world
            .get("Node", "", node)
            .is_some_and(|found| !flag(found, "/spec/unschedulable"));
        let waits_here = truth.victims.iter().any(|victim| {
            world
                .get("Pod", &victim.namespace, &victim.name)
                .is_some_and(|pod| victim.kind == "Pod" && text(pod, "/spec/nodeName") == node)
        });
        let is_in = edits::struck(truth).is_some_and(|workload| holds(world, workload, node));
        !room && !is_in && (open || waits_here)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut out = edits::hasty(shop, truth);
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), edits::sufferer(shop, truth)) else {
            return out;
        };
        if cause.object.kind == "VolumeAttachment" {
            let release = Step::MergePatch {
                object: cause.object.clone(),
                patch: json!({ "metadata": { "finalizers": null } }),
            };
            out.push(Remedy::heals("remove-stale-attachment", vec![release]));
            let drop = Step::JsonPatch {
                object: cause.object.clone(),
                patch: json!([{ "op": "remove", "path": "/metadata/finalizers" }]),
            };
            out.push(Remedy::heals("drop-finalizer", vec![drop]));
            return out;
        }
        let cordon = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "unschedulable": true } }),
        };
        let mut steps = vec![cordon];
        steps.extend(edits::delete_pods(world, workload));
        out.push(Remedy::heals("cordon-and-move", steps));
        out.push(Remedy::heals(
            "detach-idle",
            detach_idle(world, &cause.object.name),
        ));
        out
    }
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let at = ctx.minutes_ago(19, 45);
    let workload = ctx.pick_role(&["media", "reports", "redis"])?;
    let node = waiting::sibling(world, &ctx.shop, &workload)?;
    let full = match ctx.text_param("kind") {
        Some(kind) => kind == "limit",
        None => ctx.rng.chance(50),
    };
    let stuck = waiting::relocate(world, ctx, &workload, &node, at)?;
    let (object, params) = if full {
        fill(world, ctx, &stuck, at)?;
        refuse(world, &ctx.shop, &workload, &stuck, at);
        let count = attached(world, &node.name);
        (
            key("", "Node", "", &node.name),
            json!({ "field": "CSINode.spec.drivers.allocatable.count", "found": null, "expected": count }),
        )
    } else {
        hold(world, &ctx.shop, &workload, &stuck, at);
        let name = attachment_name(&ctx.shop, &stuck.volume, &stuck.earlier);
        (
            key("storage.k8s.io", "VolumeAttachment", "", &name),
            json!({ "field": "status.detachError", "found": "set", "expected": "detached", "node": stuck.earlier }),
        )
    };
    waiting::gives_up(world, &ctx.shop, &workload, &stuck);
    let victims = waiting::silence(world, ctx, &workload, &stuck.pod, time::after(at, 5));
    Some(Truth::cause(object, ID, params, victims))
}

/// Whether a volume of the workload is attached to the node.
fn holds(world: &World, workload: &ObjectKey, node: &str) -> bool {
    let used = edits::claims_in_use(world, workload);
    world
        .of_kind("VolumeAttachment")
        .filter(|found| text(found, "/spec/nodeName") == node && flag(found, "/status/attached"))
        .any(|found| {
            let volume = text(found, "/spec/source/persistentVolumeName");
            used.iter()
                .flatten()
                .any(|claim| text(claim, "/spec/volumeName") == volume)
        })
}

/// Takes off a volume that no pod uses: its attachment is deleted, with the finalizer that waits for the driver.
fn detach_idle(world: &World, node: &str) -> Vec<Step> {
    let is_idle = |attachment: &&Value| {
        let volume = world.get(
            "PersistentVolume",
            "",
            text(attachment, "/spec/source/persistentVolumeName"),
        );
        volume.is_some_and(|volume| {
            !world.of_kind("Pod").any(|pod| {
                text(pod, "/metadata/namespace") == text(volume, "/spec/claimRef/namespace")
                    && items(pod, "/spec/volumes").iter().any(|mounted| {
                        text(mounted, "/persistentVolumeClaim/claimName")
                            == text(volume, "/spec/claimRef/name")
                    })
            })
        })
    };
    world
        .of_kind("VolumeAttachment")
        .filter(|found| text(found, "/spec/nodeName") == node && flag(found, "/status/attached"))
        .filter(is_idle)
        .filter_map(ObjectKey::of)
        .take(1)
        .flat_map(|object| {
            let patch = json!({ "metadata": { "finalizers": null } });
            [Step::Delete(object.clone()), Step::MergePatch { object, patch }]
        })
        .collect()
}

fn limit(params: &Value) -> usize {
    usize::try_from(crate::build::json::number(params, "/expected")).unwrap_or(usize::MAX)
}

/// Volumes attached to a node.
fn attached(world: &World, node: &str) -> usize {
    world
        .of_kind("VolumeAttachment")
        .filter(|found| text(found, "/spec/nodeName") == node && flag(found, "/status/attached"))
        .count()
}

/// Fills a node up to what its machine takes, with volumes of a batch namespace; the driver reports no limit.
fn fill(world: &mut World, ctx: &mut FaultContext, stuck: &Stuck, at: Timestamp) -> Option<()> {
    let shop = ctx.shop.clone();
    let node = stuck.node.name.as_str();
    if let Some(csi_node) = world.get_mut("CSINode", "", node) {
        unset(csi_node, "/spec/drivers/0", "allocatable");
    }
    let namespace = shop.names.namespace("platform");
    for index in 0..machine_limit(&shop) {
        if attached(world, node) >= machine_limit(&shop) {
            break;
        }
        let claim = format!("work-{index}");
        let created = time::before(at, 40_000 + i64::try_from(index).ok()? * 611);
        scratch(world, &shop, (&namespace, &claim), node, created);
    }
    Some(())
}

/// Data disks that the machines of each cloud take, by the clouds' documentation.
fn machine_limit(shop: &Shop) -> usize {
    match shop.names.platform.driver {
        "disk.csi.azure.com" => 8,
        "pd.csi.storage.gke.io" => 15,
        _ => 26,
    }
}

/// A bound volume of a batch job, attached to a node.
fn scratch(world: &mut World, shop: &Shop, (namespace, name): (&str, &str), node: &str, created: Timestamp) {
    let platform = &shop.names.platform;
    let uid = shop.stamp.uid("PersistentVolumeClaim", namespace, name);
    let volume = format!("pvc-{uid}");
    let spec = |more: Value| {
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"], "storageClassName": platform.storage_class, "volumeMode": "Filesystem"
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            set(&mut spec, &format!("/{field}"), value.clone());
        }
        spec
    };
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": shop.stamp.meta("PersistentVolumeClaim", namespace, name, created),
        "spec": spec(json!({ "volumeName": volume, "resources": { "requests": { "storage": "5Gi" } } })),
        "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "5Gi" } }
    });
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": shop.stamp.meta("PersistentVolume", "", &volume, created),
        "spec": spec(json!({
            "capacity": { "storage": "5Gi" }, "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": { "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": name, "uid": uid },
            "csi": { "driver": platform.driver, "fsType": "ext4", "volumeHandle": volume_handle(shop, &volume) }
        })),
        "status": { "phase": "Bound" }
    });
    shop.stamp.put(world, claim, CONTROLLER, time::after(created, 5));
    shop.stamp
        .put(world, object, PROVISIONER, time::after(created, 5));
    let done = attachment(shop, &volume, node, created, &json!({ "attached": true }));
    shop.stamp.put(world, done, CONTROLLER, time::after(created, 9));
}

/// The cloud refuses one more disk: the driver's error stands in the VolumeAttachment and, through
/// `pkg/volume/util/operationexecutor`, in the attach/detach controller's event.
fn refuse(world: &mut World, shop: &Shop, workload: &Workload, stuck: &Stuck, at: Timestamp) {
    let now = shop.now();
    let error = refusal(shop, stuck);
    let status = json!({
        "attached": false,
        "attachError": { "message": error, "time": time::seconds(time::before(now, 55)) }
    });
    let attempt = attachment(shop, &stuck.volume, &stuck.node.name, time::after(at, 2), &status);
    shop.stamp.put(world, attempt, CONTROLLER, time::after(at, 3));
    let count = (now.as_second() - at.as_second()) / 122 + 6;
    let message = format!(
        "AttachVolume.Attach failed for volume \"{}\" : {error}",
        stuck.volume
    );
    let first = time::after(at, 4);
    waiting::attach_failed(world, shop, workload, &stuck.pod, message, (first, count));
}

/// `aws-ebs-csi-driver`, `pkg/driver/controller.go`; `azuredisk-csi-driver`, `pkg/azuredisk/controllerserver.go`;
/// `gcp-compute-persistent-disk-csi-driver`, `pkg/gce-pd-csi-driver/controller.go`: `ControllerPublishVolume`.
fn refusal(shop: &Shop, stuck: &Stuck) -> String {
    let handle = volume_handle(shop, &stuck.volume);
    let instance = instance_id(shop, &stuck.node);
    let (limit, node) = (machine_limit(shop), &stuck.node.name);
    match shop.names.platform.driver {
        "disk.csi.azure.com" => format!(
            "rpc error: code = Internal desc = Attach volume {handle} to instance {node} failed with Retriable: false, \
             RetryAfter: 0s, HTTPStatusCode: 409, RawError: {{\"error\":{{\"code\":\"OperationNotAllowed\",\"message\":\
             \"The maximum number of data disks allowed to be attached to a VM of this size is {limit}.\",\"target\":\
             \"dataDisks\"}}}}"
        ),
        "pd.csi.storage.gke.io" => format!(
            "rpc error: code = InvalidArgument desc = Failed to Attach: failed cloud service attach disk call: \
             googleapi: Error 400: Exceeded limit 'maximum_persistent_disks' on resource '{node}'. Limit: {}.0, \
             limitExceeded",
            limit + 1
        ),
        _ => format!(
            "rpc error: code = ResourceExhausted desc = Could not attach volume \"{handle}\" to node \"{instance}\": \
             operation error EC2: AttachVolume, https response error StatusCode: 400, RequestID: {}, api error \
             AttachmentLimitExceeded: The maximum number of attachments has been reached for instance {instance}",
            shop.stamp.uuid(&format!("attach/{handle}"))
        ),
    }
}

/// The earlier node keeps the volume: the attachment is deleted and its finalizer stays, because the driver cannot
/// detach (`external-attacher`, `pkg/controller/csi_handler.go`, `saveDetachError`); the attach/detach controller
/// sees a volume that no pod uses and that is still attached (`reconciler.go`, `reportMultiAttachError`).
fn hold(world: &mut World, shop: &Shop, workload: &Workload, stuck: &Stuck, at: Timestamp) {
    let now = shop.now();
    let created = time::days_before(at, 6);
    let error = detach_error(shop, stuck);
    let status = json!({
        "attached": true,
        "detachError": { "message": error, "time": time::seconds(time::before(now, 72)) }
    });
    let mut stale = attachment(shop, &stuck.volume, &stuck.earlier, created, &status);
    set(
        &mut stale,
        "/metadata/deletionTimestamp",
        json!(time::seconds(time::after(at, 4))),
    );
    set(&mut stale, "/metadata/deletionGracePeriodSeconds", json!(0));
    shop.stamp.put(world, stale, CONTROLLER, time::before(now, 72));
    let message = format!(
        "Multi-Attach error for volume \"{}\" Volume is already exclusively attached to one node and can't be attached \
         to another",
        stuck.volume
    );
    let first = time::after(at, 3);
    waiting::attach_failed(world, shop, workload, &stuck.pod, message, (first, 1));
}

fn detach_error(shop: &Shop, stuck: &Stuck) -> String {
    let handle = volume_handle(shop, &stuck.volume);
    let earlier = shop
        .nodes
        .iter()
        .find(|node| node.name == stuck.earlier)
        .map_or_else(String::new, |node| instance_id(shop, node));
    match shop.names.platform.driver {
        "disk.csi.azure.com" => format!(
            "rpc error: code = Internal desc = Could not detach volume {handle} from node {}: Retriable: true, \
             RetryAfter: 0s, HTTPStatusCode: 409, RawError: {{\"error\":{{\"code\":\"AttachDiskWhileBeingDetached\",\
             \"message\":\"Cannot attach data disk '{handle}' to VM because the disk is currently being detached.\"}}}}",
            stuck.earlier
        ),
        "pd.csi.storage.gke.io" => format!(
            "rpc error: code = Internal desc = Failed to detach: failed cloud service detach disk call: {handle} is \
             still in use by {}",
            stuck.earlier
        ),
        _ => format!(
            "rpc error: code = Internal desc = Could not detach volume \"{handle}\" from node \"{earlier}\": attachment \
             of disk \"{handle}\" failed, expected device to be detached but was busy"
        ),
    }
}
