//! The CSI node plugin does not run on one node, and a pod with a volume moved there. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{edits, waiting};
use crate::build::json::{items, set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, klog};
use crate::build::object::{CONTROLLER, KUBELET};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::app_vs_infra::edits::{cordon, delete_node, takes_pods};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::shop::storage::attachment;
use crate::shop::system::SYSTEM;
use crate::shop::{Node, Shop};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::simulate::reconcile::root_of;
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
        let Some(node) = waiting::sibling(world, &ctx.shop, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        break_plugin(world, ctx, &node, broken);
        let Some(stuck) = waiting::relocate(world, ctx, &workload, &node, moved) else {
            return Truth::without_cause("inconclusive");
        };
        stick(world, ctx, &workload, &stuck, moved);
        let victims = waiting::silence(world, ctx, &workload, &stuck.pod, time::after(moved, 5));
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
        // Elsewhere the driver serves: what matters is whether pods with volumes are there or come there.
        let waits = world.of_kind("Pod").any(|pod| {
            text(pod, "/spec/nodeName") == node
                && !crate::build::service::is_ready(pod)
                && items(pod, "/spec/volumes")
                    .iter()
                    .any(|volume| volume.get("persistentVolumeClaim").is_some())
        });
        !serves && !registered && (takes_pods(world, node) || waits)
    }

    /// The plugin on its node, and the pods there that wait for it; elsewhere the driver serves.
    fn afflicts(&self, world: &World, truth: &Truth, pod: &Value) -> Option<bool> {
        let cause = truth.root_causes.first()?;
        let here = text(pod, "/spec/nodeName") == text(&cause.params, "/node");
        let root = root_of(world, pod);
        Some(here && (root == cause.object || truth.victims.contains(&root)))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut out = edits::hasty(shop, truth);
        let Some(cause) = truth.root_causes.first() else {
            return out;
        };
        let node = text(&cause.params, "/node");
        if let Some(workload) = edits::sufferer(shop, truth) {
            let mut moved = cordon(node);
            moved.extend(edits::delete_pods(world, workload));
            out.push(Remedy::heals("cordon-and-move", moved));
        }
        out.push(Remedy::heals("delete-node", delete_node(node)));
        let plugin = world.of_kind("Pod").find(|pod| {
            text(pod, "/metadata/ownerReferences/0/name") == cause.object.name
                && text(pod, "/spec/nodeName") == node
        });
        if let Some(plugin) = plugin {
            let plugin = key("", "Pod", SYSTEM, text(plugin, "/metadata/name"));
            out.push(Remedy::fails("delete-plugin-pod", vec![Step::Delete(plugin)]));
        }
        out
    }
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

/// The pod waits for its volume: the attacher's error (`external-attacher`, `pkg/controller/csi_handler.go`,
/// `getNodeID`) reaches the pod as the attach/detach controller's event
/// (`pkg/volume/util/operationexecutor/operation_generator.go`, `FailedAttachVolume`), and the kubelet gives up
/// waiting every two minutes.
fn stick(world: &mut World, ctx: &FaultContext, workload: &Workload, stuck: &waiting::Stuck, at: Timestamp) {
    let (shop, now) = (&ctx.shop, ctx.shop.now());
    let error = format!(
        "CSINode {} does not contain driver {}",
        stuck.node.name, shop.names.platform.driver
    );
    let status = json!({
        "attached": false, "attachError": { "message": error, "time": time::seconds(time::before(now, 64)) }
    });
    let attempt = attachment(shop, &stuck.volume, &stuck.node.name, time::after(at, 2), &status);
    shop.stamp.put(world, attempt, CONTROLLER, time::after(at, 3));
    let count = (now.as_second() - at.as_second()) / 122 + 6;
    let message = format!(
        "AttachVolume.Attach failed for volume \"{}\" : {error}",
        stuck.volume
    );
    waiting::attach_failed(
        world,
        shop,
        workload,
        &stuck.pod,
        message,
        (time::after(at, 3), count),
    );
    waiting::gives_up(world, shop, workload, stuck);
}
