//! Pods that no node takes because of their claims: what faults of binding and provisioning have in common. Must not
//! know what is wrong with the claim.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::controller::stateful_set;
use crate::build::event::{Happening, record, record_scheduling};
use crate::build::json::{set, text};
use crate::build::object::{CONTROLLER, owner};
use crate::build::pod::{Placement, pending};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::FaultContext;
use crate::shop::Shop;
use crate::shop::storage::{attachment_name, claim_name, volume_name};
use crate::simulate::callers::pods_of;
use crate::simulate::rollout::{active_set, remove_pod};
use crate::simulate::spawn::{ordinal_template, replica_name};
use crate::world::{LogKey, World};

/// Removes the workload's pods with their claims, volumes and attachments, as someone does who starts afresh.
pub fn drop_volumes(world: &mut World, ctx: &mut FaultContext, workload: &Workload, at: Timestamp) {
    let namespace = workload.namespace.as_str();
    for (ordinal, pod) in pods_of(world, workload).iter().enumerate() {
        let claim = claim_name(workload, ordinal);
        let volume = volume_name(&ctx.shop, namespace, &claim);
        let attachment = attachment_name(&ctx.shop, &volume, text(pod, "/spec/nodeName"));
        remove_pod(
            world,
            &mut ctx.metrics,
            namespace,
            text(pod, "/metadata/name"),
            at,
        );
        world.remove("PersistentVolumeClaim", namespace, &claim);
        world.remove("PersistentVolume", "", &volume);
        world.remove("VolumeAttachment", "", &attachment);
        let labels = [
            ("namespace", namespace),
            ("persistentvolumeclaim", claim.as_str()),
        ];
        ctx.metrics.end(&labels, at);
    }
}

/// Detaches the workload's first volume, as after its pod has gone.
pub fn detach(world: &mut World, shop: &Shop, workload: &Workload, node: &str) {
    let volume = volume_name(shop, &workload.namespace, &claim_name(workload, 0));
    world.remove("VolumeAttachment", "", &attachment_name(shop, &volume, node));
}

/// A StatefulSet's claim templates cannot be edited, so it is created again.
pub fn recreate_set(world: &mut World, shop: &Shop, workload: &Workload, class: &str, at: Timestamp) {
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

/// Adds a claim of the workload, written by whoever creates it.
pub fn put_claim(world: &mut World, shop: &Shop, workload: &Workload, mut claim: Value, at: Timestamp) {
    claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    let author = if workload.kind == Kind::StatefulSet {
        CONTROLLER
    } else {
        workload.delivery.author()
    };
    shop.stamp.put(world, claim, author, at);
}

/// What a component says of a claim, again and again until now.
pub fn claim_event(
    world: &mut World,
    shop: &Shop,
    (namespace, claim): (&str, &str),
    (kind, reason): (&'static str, &'static str),
    component: &str,
    message: String,
    (first, every_s): (Timestamp, i64),
) {
    let count = (shop.now().as_second() - first.as_second()) / every_s + 1;
    let happening = Happening {
        object: ("PersistentVolumeClaim", namespace, claim),
        container: None,
        kind,
        reason,
        message,
        component,
        node: "",
        first,
        last: time::before(shop.now(), every_s.min(60) / 2).max(first),
        count,
    };
    record(&shop.stamp, world, &happening);
}

/// The scheduler's message for a pod with a pending claim of immediate binding
/// (`pkg/scheduler/framework/plugins/volumebinding`, `ErrReasonUnboundImmediatePVCs`; `FitError` of
/// `pkg/scheduler/framework/types.go`).
pub fn unbound(shop: &Shop) -> String {
    refused(shop, "pod has unbound immediate PersistentVolumeClaims")
}

/// A scheduler's message with one reason for all nodes.
pub fn refused(shop: &Shop, why: &str) -> String {
    let nodes = shop.nodes.len();
    format!(
        "0/{nodes} nodes are available: {why}. preemption: 0/{nodes} nodes are available: {nodes} Preemption is not \
         helpful for scheduling."
    )
}

/// Adds the workload's first pod, which no node takes; returns its name.
pub fn add_pod(world: &mut World, shop: &Shop, workload: &Workload, message: &str, at: Timestamp) -> String {
    let created = time::after(at, 2);
    let Some((name, template, owner)) = shape(world, shop, workload, created) else {
        return String::new();
    };
    put_pending(
        world,
        shop,
        (&workload.namespace, &name),
        &template,
        owner,
        message,
        created,
    );
    name
}

/// Takes the node away from a pod that was just created: the scheduler found none.
pub fn unschedule(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    message: &str,
) -> Option<()> {
    let namespace = workload.namespace.as_str();
    let created = time::parse(text(
        world.get("Pod", namespace, pod)?,
        "/metadata/creationTimestamp",
    ))?;
    let set = active_set(world, namespace, &workload.name)?;
    let template = set.pointer("/spec/template")?.clone();
    let parent = text(&set, "/metadata/name").to_owned();
    let events: Vec<String> = world
        .of_kind("Event")
        .filter(|event| text(event, "/involvedObject/name") == pod)
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for event in events {
        world.remove("Event", namespace, &event);
    }
    world.remove("Pod", namespace, pod);
    world.logs.remove(&LogKey {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: workload.name.clone(),
    });
    ctx.metrics.forget(&[("namespace", namespace), ("pod", pod)]);
    let owner = owner(&ctx.shop.stamp, "apps/v1", "ReplicaSet", namespace, &parent);
    put_pending(
        world,
        &ctx.shop,
        (namespace, pod),
        &template,
        owner,
        message,
        created,
    );
    Some(())
}

fn put_pending(
    world: &mut World,
    shop: &Shop,
    (namespace, name): (&str, &str),
    template: &Value,
    owner: Value,
    message: &str,
    created: Timestamp,
) {
    let place = Placement {
        namespace,
        name,
        owner,
        node: None,
        address: "",
        created,
    };
    let mut pod = pending(&shop.stamp, template, &place, message);
    if message.starts_with("running ") {
        set(&mut pod, "/status/conditions/0/reason", json!("SchedulerError"));
    }
    shop.stamp.put(world, pod, CONTROLLER, created);
    let happening = Happening {
        object: ("Pod", namespace, name),
        container: None,
        kind: "Warning",
        reason: "FailedScheduling",
        message: message.to_owned(),
        component: "default-scheduler",
        node: "",
        first: created,
        last: time::before(shop.now(), 100).max(created),
        count: (shop.now().as_second() - created.as_second()) / 300 + 1,
    };
    record_scheduling(&shop.stamp, world, &happening);
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
