//! The CSI node plugin does not run on one node, and a pod with a volume moved there. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::event::{Happening, record};
use crate::build::log::Lines;
use crate::build::log::voice::{CallFailure, Level, klog};
use crate::build::object::{CONTROLLER, KUBELET};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::image_and_deployment::image_reference_wrong::forget_start;
use crate::faults::{Fault, FaultContext, Truth, key, workload_key};
use crate::json::{items, set, text};
use crate::shop::storage::{attachment, attachment_name, claim_name, volume_name};
use crate::shop::system::SYSTEM;
use crate::shop::{Node, Shop};
use crate::simulate::callers::{self, Silence, pods_of};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash, waiting};
use crate::simulate::rollout::{active_set, remove_pod, stopping_event};
use crate::simulate::spawn;
use crate::world::{ContainerLog, World};

/// `storage-and-persistence/csi-driver-unavailable`.
pub struct CsiDriverUnavailable;

const ID: &str = "storage-and-persistence/csi-driver-unavailable";

impl Fault for CsiDriverUnavailable {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let moved = ctx.minutes_ago(19, 40);
        let broken = time::before(moved, ctx.rng.range(400, 5_000));
        let Some(workload) = ctx.pick_role(&["media", "reports", "redis"]) else {
            return Truth::without_cause("inconclusive");
        };
        let Some(node) = other_node(world, &ctx.shop, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        break_plugin(world, ctx, &node, broken);
        let Some(pod) = relocate(world, ctx, &workload, &node, moved) else {
            return Truth::without_cause("inconclusive");
        };
        stick(world, ctx, &workload, &node, &pod, moved);
        let from = time::after(moved, 5);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let mut victims = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, Some(&pod), from);
        victims.push(workload_key(&workload));
        victims.push(key("", "Pod", &workload.namespace, &pod));
        victims.push(key(
            "",
            "PersistentVolumeClaim",
            &workload.namespace,
            &claim_name(&workload, 0),
        ));
        let platform = &ctx.shop.names.platform;
        let params = json!({
            "field": "CSINode.spec.drivers", "found": null, "expected": platform.driver, "node": node.name
        });
        Truth::cause(
            key("apps", "DaemonSet", SYSTEM, platform.csi_node),
            ID,
            params,
            victims,
        )
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let (node, driver) = (text(&cause.params, "/node"), text(&cause.params, "/expected"));
        let serves = world.of_kind("Pod").any(|pod| {
            text(pod, "/metadata/ownerReferences/0/name") == cause.object.name
                && text(pod, "/spec/nodeName") == node
                && crate::build::service::is_ready(pod)
        });
        let registered = world.get("CSINode", "", node).is_some_and(|object| {
            items(object, "/spec/drivers")
                .iter()
                .any(|found| text(found, "/name") == driver)
        });
        !serves && !registered
    }
}

/// Another node in the zone of the workload's volume.
fn other_node(world: &World, shop: &Shop, workload: &Workload) -> Option<Node> {
    let pod = pods_of(world, workload).into_iter().next()?;
    let current = text(&pod, "/spec/nodeName");
    let zone = shop.zone(current);
    shop.nodes
        .iter()
        .find(|node| node.zone == zone && node.name != current)
        .cloned()
}

/// The node plugin crashes, its socket goes, and the kubelet withdraws the driver from the CSINode
/// (`pkg/volume/csi/nodeinfomanager`, `UninstallCSIDriver`).
fn break_plugin(world: &mut World, ctx: &mut FaultContext, node: &Node, at: Timestamp) {
    let name = ctx.shop.names.platform.csi_node;
    let pod = world
        .of_kind("Pod")
        .find(|pod| {
            text(pod, "/metadata/ownerReferences/0/name") == name && text(pod, "/spec/nodeName") == node.name
        })
        .map(|pod| text(pod, "/metadata/name").to_owned());
    if let Some(pod) = pod {
        let first_life = Lives::since(at, ctx.rng.range(6, 11), ctx.shop.now());
        crash(world, &ctx.shop, SYSTEM, &pod, &first_life, FAILED);
        plugin_log(world, ctx, &pod, &first_life);
    }
    if let Some(object) = world.get_mut("CSINode", "", &node.name) {
        set(object, "/spec/drivers", Value::Null);
        ctx.shop
            .stamp
            .touch(object, KUBELET, time::after(at, 9), &["/spec/drivers"]);
    }
}

fn plugin_log(world: &mut World, ctx: &FaultContext, pod: &str, lives: &Lives) {
    let platform = &ctx.shop.names.platform;
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let mut lines = Lines::default();
    let hello = format!("Driver: {} starting in mode node", platform.driver);
    lines.add(start, &klog(Level::Info, start, "main.go:157", &hello));
    let metadata = "Get \"http://169.254.169.254/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    let message =
        format!("\"Failed to initialize node service\" err=\"could not get instance metadata: {metadata}\"");
    lines.add(end, &klog(Level::Error, end, "node.go:86", &message));
    let text = lines.to_text();
    *world.log_mut(SYSTEM, pod, platform.csi_container) = ContainerLog {
        current: Some(text.clone()),
        previous: Some(text),
        ..ContainerLog::default()
    };
}

/// Moves the workload's pod to the node, as after a drain.
fn relocate(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &Node,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let old = pods_of(world, workload).into_iter().next()?;
    let old_name = text(&old, "/metadata/name").to_owned();
    let volume = volume_name(&ctx.shop, namespace, &claim_name(workload, 0));
    stopping_event(world, &ctx.shop, namespace, &old_name, time::before(at, 33));
    remove_pod(world, &mut ctx.metrics, namespace, &old_name, at);
    world.remove(
        "VolumeAttachment",
        "",
        &attachment_name(&ctx.shop, &volume, text(&old, "/spec/nodeName")),
    );
    let created = time::after(at, 1);
    if workload.kind == Kind::StatefulSet {
        let set = world.get("StatefulSet", namespace, &workload.name)?.clone();
        return Some(spawn::ordinal(world, &ctx.shop, &set, 0, node, created));
    }
    let set = active_set(world, namespace, &workload.name)?;
    Some(spawn::replica(world, &ctx.shop, &set, node, created))
}

/// The pod waits for its volume: the attacher's error (`external-attacher`, `pkg/controller/csi_handler.go`,
/// `getNodeID`) reaches the pod as the attach/detach controller's event
/// (`pkg/volume/util/operationexecutor/operation_generator.go`, `FailedAttachVolume`), and the kubelet gives up
/// waiting every two minutes (`pkg/kubelet/volumemanager/volume_manager.go`, `FailedMount`).
fn stick(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &Node,
    pod: &str,
    at: Timestamp,
) {
    let (namespace, now) = (workload.namespace.as_str(), ctx.shop.now());
    let volume = volume_name(&ctx.shop, namespace, &claim_name(workload, 0));
    let error = format!(
        "CSINode {} does not contain driver {}",
        node.name, ctx.shop.names.platform.driver
    );
    let status = json!({
        "attached": false, "attachError": { "message": error, "time": time::seconds(time::before(now, 64)) }
    });
    let attempt = attachment(&ctx.shop, &volume, &node.name, time::after(at, 2), &status);
    ctx.shop.stamp.put(world, attempt, CONTROLLER, time::after(at, 3));
    forget_start(world, namespace, pod);
    waiting(
        world,
        &ctx.shop,
        namespace,
        pod,
        "ContainerCreating",
        "",
        time::after(at, 1),
    );
    *world.log_mut(namespace, pod, &workload.name) = ContainerLog {
        error: Some(format!(
            "container \"{}\" in pod \"{pod}\" is waiting to start: ContainerCreating",
            workload.name
        )),
        previous_error: Some(format!(
            "previous terminated container \"{}\" in pod \"{pod}\" not found",
            workload.name
        )),
        ..ContainerLog::default()
    };
    let waited = now.as_second() - at.as_second();
    let attach = format!("AttachVolume.Attach failed for volume \"{volume}\" : {error}");
    let mount = "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process \
                 volumes=[]: context deadline exceeded";
    let rows = [
        (
            "FailedAttachVolume",
            attach,
            "attachdetach-controller",
            "",
            time::after(at, 3),
            waited / 122 + 6,
        ),
        (
            "FailedMount",
            mount.to_owned(),
            "kubelet",
            node.name.as_str(),
            time::after(at, 125),
            waited / 135,
        ),
    ];
    for (reason, message, component, host, first, count) in rows {
        let happening = Happening {
            object: ("Pod", namespace, pod),
            container: None,
            kind: "Warning",
            reason,
            message,
            component,
            node: host,
            first,
            last: time::before(now, 40).max(first),
            count,
        };
        record(&ctx.shop.stamp, world, &happening);
    }
}
