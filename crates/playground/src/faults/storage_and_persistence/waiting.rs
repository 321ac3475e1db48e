//! Pods that have a node and wait for their volume: what attach, mount and filesystem faults have in common. Must not
//! know why the volume does not come.

use jiff::Timestamp;
use serde_json::json;

use crate::build::event::{Happening, record};
use crate::build::json::{set, text};
use crate::build::log::voice::CallFailure;
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::image_and_deployment::image_reference_wrong::forget_start;
use crate::faults::{FaultContext, key, workload_key};
use crate::shop::storage::{attachment_name, claim_name, volume_name};
use crate::shop::{Node, Shop};
use crate::simulate::callers::{self, Silence, pods_of};
use crate::simulate::pods::waiting;
use crate::simulate::rollout::{active_set, remove_pod, stopping_event};
use crate::simulate::spawn;
use crate::world::{ContainerLog, ObjectKey, World};

/// A pod that waits for its volume on a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Stuck {
    /// The pod.
    pub pod: String,
    /// Where it waits.
    pub node: Node,
    /// Where its predecessor ran.
    pub earlier: String,
    /// Its claim.
    pub claim: String,
    /// The claim's volume.
    pub volume: String,
    /// When it was created.
    pub since: Timestamp,
}

/// Another node in the zone of the workload's first pod.
pub fn sibling(world: &World, shop: &Shop, workload: &Workload) -> Option<Node> {
    let pod = pods_of(world, workload).into_iter().next()?;
    let current = text(&pod, "/spec/nodeName");
    let zone = shop.zone(current);
    shop.nodes
        .iter()
        .find(|node| node.zone == zone && node.name != current)
        .cloned()
}

/// Moves the workload's first pod to a node, as after a drain, and leaves it waiting there. The attachment to the
/// earlier node is gone.
pub fn relocate(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &Node,
    at: Timestamp,
) -> Option<Stuck> {
    let namespace = workload.namespace.as_str();
    let old = pods_of(world, workload).into_iter().next()?;
    let old_name = text(&old, "/metadata/name").to_owned();
    let earlier = text(&old, "/spec/nodeName").to_owned();
    let claim = claim_name(workload, 0);
    let volume = volume_name(&ctx.shop, namespace, &claim);
    stopping_event(world, &ctx.shop, namespace, &old_name, time::before(at, 33));
    remove_pod(world, &mut ctx.metrics, namespace, &old_name, at);
    world.remove(
        "VolumeAttachment",
        "",
        &attachment_name(&ctx.shop, &volume, &earlier),
    );
    let since = time::after(at, 1);
    let pod = if workload.kind == Kind::StatefulSet {
        let set = world.get("StatefulSet", namespace, &workload.name)?.clone();
        spawn::ordinal(world, &ctx.shop, &set, 0, node, since)
    } else {
        let set = active_set(world, namespace, &workload.name)?;
        spawn::replica(world, &ctx.shop, &set, node, since)
    };
    creating(world, &ctx.shop, workload, &pod, since);
    Some(Stuck {
        pod,
        node: node.clone(),
        earlier,
        claim,
        volume,
        since,
    })
}

/// Shows a pod as `ContainerCreating` since its creation, with the log answers that go with it
/// (`pkg/registry/core/pod/rest/log.go`; `pkg/kubelet/kubelet_pods.go`, `validateContainerLogStatus`).
pub fn creating(world: &mut World, shop: &Shop, workload: &Workload, pod: &str, since: Timestamp) {
    let (namespace, container) = (workload.namespace.as_str(), workload.name.as_str());
    forget_start(world, namespace, pod);
    waiting(world, shop, namespace, pod, "ContainerCreating", "", since);
    *world.log_mut(namespace, pod, container) = ContainerLog {
        error: Some(format!(
            "container \"{container}\" in pod \"{pod}\" is waiting to start: ContainerCreating"
        )),
        previous_error: Some(format!(
            "previous terminated container \"{container}\" in pod \"{pod}\" not found"
        )),
        ..ContainerLog::default()
    };
}

/// Puts a pod that was just created on another node, with what the scheduler said of it.
pub fn settle_on(world: &mut World, shop: &Shop, namespace: &str, pod: &str, node: &Node) {
    let address = shop.pod_address(world, &node.name, pod);
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    let before = text(object, "/spec/nodeName").to_owned();
    set(object, "/spec/nodeName", json!(node.name));
    set(object, "/status/hostIP", json!(node.address));
    set(object, "/status/hostIPs/0/ip", json!(node.address));
    set(object, "/status/podIP", json!(address));
    set(object, "/status/podIPs/0/ip", json!(address));
    for (_, event) in world
        .objects_mut()
        .filter(|(key, event)| key.kind == "Event" && text(event, "/involvedObject/name") == pod)
    {
        let message = text(event, "/message").replace(&before, &node.name);
        set(event, "/message", json!(message));
        if text(event, "/source/host") == before {
            set(event, "/source/host", json!(node.name));
            set(event, "/reportingInstance", json!(node.name));
        }
    }
}

/// A warning of the attach/detach controller about a pod (`pkg/controller/volume/attachdetach`).
pub fn attach_failed(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    pod: &str,
    message: String,
    (first, count): (Timestamp, i64),
) {
    let last = if count > 1 {
        time::before(shop.now(), 40).max(first)
    } else {
        first
    };
    record(
        &shop.stamp,
        world,
        &Happening {
            object: ("Pod", &workload.namespace, pod),
            container: None,
            kind: "Warning",
            reason: "FailedAttachVolume",
            message,
            component: "attachdetach-controller",
            node: "",
            first,
            last,
            count,
        },
    );
}

/// The kubelet gives up waiting for volumes every two minutes
/// (`pkg/kubelet/volumemanager/volume_manager.go`, `WaitForAttachAndMount`).
pub fn gives_up(world: &mut World, shop: &Shop, workload: &Workload, stuck: &Stuck) {
    let message = "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to \
                   process volumes=[]: context deadline exceeded";
    let first = time::after(stuck.since, 124);
    let count = (shop.now().as_second() - stuck.since.as_second()) / 135;
    mount_failed(world, shop, workload, stuck, message.to_owned(), (first, count));
}

/// A warning of the kubelet about a volume of a pod, repeated until now.
pub fn mount_failed(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    stuck: &Stuck,
    message: String,
    (first, count): (Timestamp, i64),
) {
    record(
        &shop.stamp,
        world,
        &Happening {
            object: ("Pod", &workload.namespace, &stuck.pod),
            container: None,
            kind: "Warning",
            reason: "FailedMount",
            message,
            component: "kubelet",
            node: &stuck.node.name,
            first,
            last: time::before(shop.now(), 31).max(first),
            count,
        },
    );
}

/// Callers find nobody at the workload's address since a moment: returns the workload, its Service, the claim and
/// the pod that suffer, then the callers.
pub fn silence(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    from: Timestamp,
) -> Vec<ObjectKey> {
    let silence = Silence {
        callee: workload,
        why: CallFailure::Refused,
        from,
        until: ctx.shop.now(),
        only: &[],
    };
    let affected = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
    ctx.shows(workload, Some(pod), from);
    let namespace = workload.namespace.as_str();
    [
        workload_key(workload),
        key("", "Service", namespace, &workload.name),
        key("", "PersistentVolumeClaim", namespace, &claim_name(workload, 0)),
        key("", "Pod", namespace, pod),
    ]
    .into_iter()
    .chain(affected)
    .collect()
}
