//! Pods that move to other nodes and whose image can or cannot be pulled there. Must not know why.

use jiff::Timestamp;
use serde_json::json;

use crate::build::event::{Happening, record};
use crate::build::json::{flag, text};
use crate::build::service::is_ready;
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Workload};
use crate::faults::{FaultContext, Remedy, Step, Truth, key};
use crate::shop::{Node, Shop};
use crate::simulate::callers;
use crate::simulate::rollout::{active_set, controller_event, pods_of, remove_pod, stopping_event};
use crate::simulate::spawn::replica;
use crate::world::{ObjectKey, World};

/// Workloads whose pods may move, in random order, the target of the scenario first.
pub(super) fn movable(ctx: &mut FaultContext) -> Vec<Workload> {
    let mut found: Vec<Workload> = ctx
        .shop
        .workloads
        .iter()
        .filter(|workload| workload.kind == Kind::Deployment && workload.delivery == Delivery::Pipeline)
        .filter(|workload| workload.replicas > 1 && workload.volume_gi.is_none())
        .cloned()
        .collect();
    ctx.rng.shuffle(&mut found);
    if let Some(target) = ctx.target.clone() {
        found.sort_by_key(|workload| workload.role != target);
        if found.first().is_some_and(|first| first.role != target) {
            found.clear();
        }
    }
    found
}

/// Whether a node runs a pod of the workload.
pub(super) fn runs_on(world: &World, workload: &Workload, node: &str) -> bool {
    callers::pods_of(world, workload)
        .iter()
        .any(|pod| text(pod, "/spec/nodeName") == node)
}

/// Nodes without a pod of the workload, in random order.
pub(super) fn free_nodes(world: &World, ctx: &mut FaultContext, workload: &Workload) -> Vec<Node> {
    let mut nodes: Vec<Node> = ctx
        .shop
        .nodes
        .iter()
        .filter(|node| !runs_on(world, workload, &node.name))
        .cloned()
        .collect();
    ctx.rng.shuffle(&mut nodes);
    nodes
}

/// Deletes the workload's `index`th pod that is ready and lets the ReplicaSet replace it on a node.
pub(super) fn move_pod(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    index: usize,
    node: &Node,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let set = active_set(world, namespace, &workload.name)?;
    let set_name = text(&set, "/metadata/name").to_owned();
    let old = pods_of(world, namespace, &set_name)
        .into_iter()
        .filter(|pod| world.get("Pod", namespace, pod).is_some_and(is_ready))
        .nth(index)?;
    stopping_event(world, &ctx.shop, namespace, &old, at);
    remove_pod(world, &mut ctx.metrics, namespace, &old, at);
    add_pod(world, ctx, workload, node, time::after(at, 1))
}

/// Lets the ReplicaSet create a further pod on a node.
pub(in crate::faults) fn add_pod(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &Node,
    created: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let set = active_set(world, namespace, &workload.name)?;
    let set_name = text(&set, "/metadata/name").to_owned();
    let pod = replica(world, &ctx.shop, &set, node, created);
    let parent = ("ReplicaSet", namespace, set_name.as_str());
    let message = format!("Created pod: {pod}");
    controller_event(
        world,
        &ctx.shop,
        parent,
        "replicaset-controller",
        "SuccessfulCreate",
        message,
        created,
    );
    if let Some(object) = world.get("Pod", namespace, &pod).cloned() {
        crate::shop::chatter::write_pod(world, &ctx.shop, &object);
        crate::shop::telemetry::add_pod(&ctx.shop, &mut ctx.metrics, &object, created);
    }
    Some(pod)
}

/// Turns a pod's start with an image that was there into one that pulled it
/// (`pkg/kubelet/images/image_manager.go`, `logIt` after `PullImage`).
pub(super) fn pulled_afresh(world: &mut World, shop: &Shop, namespace: &str, pod: &str) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let present: Vec<String> = world
        .of_kind("Event")
        .filter(|event| {
            text(event, "/involvedObject/name") == pod
                && text(event, "/metadata/namespace") == namespace
                && text(event, "/reason") == "Pulled"
        })
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for name in present {
        world.remove("Event", namespace, &name);
    }
    let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(shop.now());
    let image = text(&object, "/spec/containers/0/image");
    let hash = shop.stamp.hash(&format!("size/{image}"));
    let (ms, bytes) = (900 + hash % 900, 31_000_000 + hash % 90_000_000);
    let took = format!("{}.{:03}s", ms / 1000, ms % 1000);
    let done = format!(
        "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {bytes} bytes."
    );
    for (reason, message, delay) in [
        ("Pulling", format!("Pulling image \"{image}\""), 1),
        ("Pulled", done, 2),
    ] {
        let at = time::after(created, delay);
        let happening = Happening {
            object: ("Pod", namespace, pod),
            container: Some(text(&object, "/spec/containers/0/name")),
            kind: "Normal",
            reason,
            message,
            component: "kubelet",
            node: text(&object, "/spec/nodeName"),
            first: at,
            last: at,
            count: 1,
        };
        record(&shop.stamp, world, &happening);
    }
}

/// Pods on a node whose first container waits for its image.
pub(super) fn stuck_on(world: &World, node: &str) -> Vec<ObjectKey> {
    world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/spec/nodeName") == node)
        .filter(|pod| {
            matches!(
                text(pod, "/status/containerStatuses/0/state/waiting/reason"),
                "ErrImagePull" | "ImagePullBackOff" | "CreateContainerError"
            )
        })
        .map(|pod| {
            key(
                "",
                "Pod",
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/name"),
            )
        })
        .collect()
}

/// Whether the node of the truth still takes pods that it cannot start, or holds some.
pub(super) fn node_in_use(world: &World, truth: &Truth) -> bool {
    let Some(cause) = truth.root_causes.first() else {
        return false;
    };
    world.get("Node", "", &cause.object.name).is_some_and(|node| {
        !flag(node, "/spec/unschedulable") || !stuck_on(world, &cause.object.name).is_empty()
    })
}

/// What people do about a node that cannot pull: out of service with it, or a new try that ends there again.
pub(super) fn node_remedies(world: &World, truth: &Truth) -> Vec<Remedy> {
    let Some(cause) = truth.root_causes.first() else {
        return Vec::new();
    };
    let stuck = stuck_on(world, &cause.object.name);
    let mut drain = vec![Step::MergePatch {
        object: cause.object.clone(),
        patch: json!({ "spec": { "unschedulable": true } }),
    }];
    drain.extend(stuck.iter().cloned().map(Step::Delete));
    let mut replace = drain.clone();
    replace.push(Step::Delete(cause.object.clone()));
    let mut out = vec![
        Remedy::heals("cordon-and-drain", drain),
        Remedy::heals("replace-node", replace),
        Remedy::fails("delete-pod", stuck.into_iter().map(Step::Delete).collect()),
    ];
    if let Some(workload) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
        out.push(Remedy::fails("restart", vec![super::edits::restart(workload)]));
    }
    out
}
