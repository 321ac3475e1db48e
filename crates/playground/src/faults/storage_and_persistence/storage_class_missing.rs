//! A claim names a StorageClass that does not exist. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::controller::stateful_set;
use crate::build::event::{Happening, record, record_scheduling};
use crate::build::log::voice::CallFailure;
use crate::build::object::{CONTROLLER, owner};
use crate::build::pod::{Placement, pending};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::{Fault, FaultContext, Truth, key, workload_key};
use crate::json::text;
use crate::rng::Rng;
use crate::shop::Shop;
use crate::shop::storage::{attachment_name, claim, claim_name, volume_name};
use crate::simulate::callers::{self, Silence, pods_of};
use crate::simulate::rollout::{active_set, remove_pod};
use crate::simulate::spawn::{ordinal_template, replica_name};
use crate::world::{ObjectKey, World};

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
        drop_volumes(world, ctx, &workload, at);
        if workload.kind == Kind::StatefulSet {
            recreate_set(world, &ctx.shop, &workload, &class, at);
        }
        let claim_name = claim_name(&workload, 0);
        add_claim(world, &ctx.shop, &workload, (&claim_name, &class), at);
        let pod = add_pod(world, &ctx.shop, &workload, at);
        let from = time::after(at, 8);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let affected = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, Some(&pod), from);
        let params = json!({ "field": "spec.storageClassName", "found": class, "expected": expected });
        let victims = [
            key("", "PersistentVolumeClaim", &workload.namespace, &claim_name),
            key("", "Pod", &workload.namespace, &pod),
            workload_key(&workload),
            key("", "Service", &workload.namespace, &workload.name),
        ];
        let victims: Vec<ObjectKey> = victims.into_iter().chain(affected).collect();
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
}

fn missing_class(world: &World, rng: &mut Rng) -> String {
    let free: Vec<&str> = CLASSES
        .iter()
        .copied()
        .filter(|name| world.get("StorageClass", "", name).is_none())
        .collect();
    rng.pick(&free).copied().unwrap_or("tier-2").to_owned()
}

/// Removes the workload's pods with their claims, volumes and attachments, as someone does who starts afresh.
fn drop_volumes(world: &mut World, ctx: &mut FaultContext, workload: &Workload, at: Timestamp) {
    for (ordinal, pod) in pods_of(world, workload).iter().enumerate() {
        let claim = claim_name(workload, ordinal);
        let volume = volume_name(&ctx.shop, &workload.namespace, &claim);
        let attachment = attachment_name(&ctx.shop, &volume, text(pod, "/spec/nodeName"));
        remove_pod(
            world,
            &mut ctx.metrics,
            &workload.namespace,
            text(pod, "/metadata/name"),
            at,
        );
        world.remove("PersistentVolumeClaim", &workload.namespace, &claim);
        world.remove("PersistentVolume", "", &volume);
        world.remove("VolumeAttachment", "", &attachment);
        ctx.metrics.end(
            &[
                ("namespace", workload.namespace.as_str()),
                ("persistentvolumeclaim", claim.as_str()),
            ],
            at,
        );
    }
}

/// A StatefulSet's claim templates cannot be edited, so it is created again.
fn recreate_set(world: &mut World, shop: &Shop, workload: &Workload, class: &str, at: Timestamp) {
    let template = shop.template(workload, workload.version);
    let object = stateful_set(&shop.stamp, workload, &template, class, at);
    shop.stamp.put(world, object, workload.delivery.author(), at);
    let happening = Happening {
        object: ("StatefulSet", &workload.namespace, &workload.name),
        container: None,
        kind: "Normal",
        reason: "SuccessfulCreate",
        message: format!("create Pod {0}-0 in StatefulSet {0} successful", workload.name),
        component: "statefulset-controller",
        node: "",
        first: time::after(at, 2),
        last: time::after(at, 2),
        count: 1,
    };
    record(&shop.stamp, world, &happening);
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
    let mut object = claim(
        shop,
        workload,
        name,
        workload.volume_gi.unwrap_or(10),
        class,
        created,
    );
    object["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    let author = if workload.kind == Kind::StatefulSet {
        CONTROLLER
    } else {
        workload.delivery.author()
    };
    shop.stamp.put(world, object, author, created);
    let happening = Happening {
        object: ("PersistentVolumeClaim", &workload.namespace, name),
        container: None,
        kind: "Warning",
        reason: "ProvisioningFailed",
        message: format!("storageclass.storage.k8s.io \"{class}\" not found"),
        component: "persistentvolume-controller",
        node: "",
        first: created,
        last: time::before(shop.now(), 7),
        count: (shop.now().as_second() - created.as_second()) / 15 + 1,
    };
    record(&shop.stamp, world, &happening);
}

/// The pod that waits for the claim: `pkg/scheduler/framework/plugins/volumebinding` (`ErrReasonUnbound…`) and
/// `pkg/scheduler/framework/types.go` (`FitError`).
fn add_pod(world: &mut World, shop: &Shop, workload: &Workload, at: Timestamp) -> String {
    let created = time::after(at, 2);
    let Some((name, template, owner)) = shape(world, shop, workload, created) else {
        return String::new();
    };
    let nodes = shop.nodes.len();
    let message = format!(
        "0/{nodes} nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/{nodes} nodes \
         are available: {nodes} Preemption is not helpful for scheduling."
    );
    let place = Placement {
        namespace: &workload.namespace,
        name: &name,
        owner,
        node: None,
        address: "",
        created,
    };
    let pod = pending(&shop.stamp, &template, &place, &message);
    shop.stamp.put(world, pod, CONTROLLER, created);
    let happening = Happening {
        object: ("Pod", &workload.namespace, &name),
        container: None,
        kind: "Warning",
        reason: "FailedScheduling",
        message,
        component: "default-scheduler",
        node: "",
        first: created,
        last: time::before(shop.now(), 100).max(created),
        count: (shop.now().as_second() - created.as_second()) / 300 + 1,
    };
    record_scheduling(&shop.stamp, world, &happening);
    name
}

/// Name, template and owner of the waiting pod.
fn shape(
    world: &World,
    shop: &Shop,
    workload: &Workload,
    created: Timestamp,
) -> Option<(String, Value, Value)> {
    let Workload { namespace, name, .. } = workload;
    if workload.kind == Kind::StatefulSet {
        let parent = world.get("StatefulSet", namespace, name)?;
        let template = ordinal_template(shop, parent, 0);
        return Some((
            format!("{name}-0"),
            template,
            owner(&shop.stamp, "apps/v1", "StatefulSet", namespace, name),
        ));
    }
    let parent = active_set(world, namespace, name)?;
    let set_name = text(&parent, "/metadata/name");
    let node = shop.place(&workload.name, 0)?;
    let pod = replica_name(shop, &parent, node, created);
    let template = parent.pointer("/spec/template")?.clone();
    Some((
        pod,
        template,
        owner(&shop.stamp, "apps/v1", "ReplicaSet", namespace, set_name),
    ))
}
