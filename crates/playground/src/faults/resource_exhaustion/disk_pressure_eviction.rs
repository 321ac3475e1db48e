//! A workload writes to a directory of its node until the kubelet is short of disk and evicts pods that have nothing to
//! do with it. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{items, push, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, line};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::telemetry::{machines, wave};
use crate::shop::{Node, Shop};
use crate::simulate::callers;
use crate::simulate::pressure::{Shortage, elsewhere, evict, node_event, press, replace, residents};
use crate::simulate::tenant::{Tenancy, background, deploy, template};
use crate::world::{ObjectKey, World};

/// `resource-exhaustion/disk-pressure-eviction`.
pub struct DiskPressureEviction;

const ID: &str = "resource-exhaustion/disk-pressure-eviction";
const MIB: f64 = 1_048_576.0;
/// Share of the disk at which the kubelet begins to evict: `nodefs.available<10%`, the default of a hard eviction.
const FULL: f64 = 0.9;

impl Fault for DiskPressureEviction {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(110, 165);
        let Some(victim) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let pods = callers::pods_of(world, &victim);
        let Some(pod) = ctx.rng.pick(&pods).cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let found = ctx
            .shop
            .nodes
            .iter()
            .find(|node| node.name == text(&pod, "/spec/nodeName"));
        let Some(node) = found.cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let tenant = background(&ctx.shop, "recorder", "platform", 1);
        let short = ctx.minutes_ago(24, 50);
        write(world, ctx, &tenant, &node, (at, short));
        press(world, &ctx.shop, &node.name, Shortage::Disk, short);
        collect_images(world, ctx, &node, short);
        let mut victims = push_out(world, ctx, &victim, &node, short);
        victims.push(key("", "Node", "", &node.name));
        ctx.shows(
            &victim,
            Some(text(&pod, "/metadata/name")),
            time::after(short, 15),
        );
        ctx.label("node", &node.name);
        ctx.label("condition", "DiskPressure");
        let field = format!(
            "spec.template.spec.containers[{}].env[CAPTURE].value",
            tenant.name
        );
        let params = json!({ "field": field, "found": "full", "expected": "off" });
        let truth = Truth::cause(workload_key(&tenant), ID, params, victims);
        ctx.shop.workloads.push(tenant);
        truth
    }

    fn may_be_removed(&self) -> bool {
        true
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(object) = world.get("Deployment", &cause.object.namespace, &cause.object.name) else {
            return false;
        };
        let captures = items(object, "/spec/template/spec/containers/0/env")
            .iter()
            .any(|variable| text(variable, "/name") == "CAPTURE" && text(variable, "/value") == "full");
        let on_node = items(object, "/spec/template/spec/volumes")
            .iter()
            .any(|volume| volume.get("hostPath").is_some());
        captures && on_node && object.pointer("/spec/replicas") != Some(&json!(0))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let mut remedies = vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("scale-down", edits::scale(object, 0)),
            Remedy::fails("restart", edits::restart(object)),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            let roomy = json!({ "requests": { "ephemeral-storage": "2Gi" }, "limits": { "memory": "1Gi" } });
            remedies.push(Remedy::fails("request-storage", edits::resources(victim, &roomy)));
            remedies.push(Remedy::fails("delete-pod", edits::delete_pods(world, victim)));
        }
        if let Some(node) = truth.victims.iter().find(|victim| victim.kind == "Node") {
            remedies.push(Remedy::fails("cordon", edits::cordon(&node.name)));
        }
        remedies
    }
}

/// The writer: since its rollout it records everything into a directory of the node, which no pod's usage counts.
fn write(
    world: &mut World,
    ctx: &mut FaultContext,
    tenant: &Workload,
    node: &Node,
    (at, short): (Timestamp, Timestamp),
) {
    let shop = ctx.shop.clone();
    let resources =
        json!({ "requests": { "cpu": "200m", "memory": "512Mi" }, "limits": { "memory": "2Gi" } });
    let path = format!("/var/lib/{}", tenant.name);
    let with_directory = |capture: &str| {
        let mut made = template(
            &shop,
            tenant,
            &resources,
            &[("CAPTURE", capture), ("CAPTURE_DIR", "/capture")],
        );
        let volume = json!({ "name": "capture", "hostPath": { "path": path, "type": "DirectoryOrCreate" } });
        push(&mut made, "/spec/volumes", volume);
        let mount = json!({ "name": "capture", "mountPath": "/capture" });
        push(&mut made, "/spec/containers/0/volumeMounts", mount);
        made
    };
    let (before, now) = (with_directory("off"), with_directory("full"));
    let tenancy = Tenancy {
        workload: tenant,
        before: &before,
        now: &now,
        nodes: &[node],
        at,
    };
    let pods = deploy(world, &shop, &mut ctx.metrics, &tenancy);
    let Some(object) = pods
        .first()
        .and_then(|pod| world.get("Pod", &tenant.namespace, pod))
        .cloned()
    else {
        return;
    };
    let (start, full) = (at.as_second(), short.as_second());
    let span = f64::from(i32::try_from((full - start).max(1)).unwrap_or(1));
    let share_per_s = (FULL - machines::DISK_USED) / span;
    let rate = share_per_s * machines::DISK_MI * MIB;
    machines::writes(&shop, &mut ctx.metrics, &object, |moment| {
        if moment < full {
            rate * (1.0 + 0.05 * wave(moment, 5))
        } else {
            rate * 0.5
        }
    });
    machines::disk(&shop, &mut ctx.metrics, &node.name, |moment| {
        let age = f64::from(i32::try_from((moment - start).max(0)).unwrap_or(0));
        let after = f64::from(i32::try_from((moment - full).max(0)).unwrap_or(0));
        (machines::DISK_USED + share_per_s * age.min(span) + share_per_s * 0.12 * after).min(0.96)
    });
    for (workload, pod) in residents(world, &shop, &node.name) {
        if workload.name != tenant.name {
            let quiet =
                900.0 + f64::from(u32::try_from(shop.stamp.hash(&workload.name) % 4_000).unwrap_or(0));
            machines::writes(&shop, &mut ctx.metrics, &pod, |_| quiet);
        }
    }
    let name = text(&object, "/metadata/name");
    let mut lines = Lines::default();
    let (mut moment, mut file) = (time::after(at, 6), 1);
    while moment < shop.now() {
        let message = format!("wrote segment /capture/{file:06}.rec (512 MiB), mode full");
        lines.add(moment, &line(tenant, name, Level::Info, moment, &message));
        file += 3;
        moment = time::after(moment, 131);
    }
    world.log_mut(&tenant.namespace, name, &tenant.name).current = Some(lines.to_text());
}

/// The kubelet finds no images that it may delete (`pkg/kubelet/images/image_gc_manager.go`).
fn collect_images(world: &mut World, ctx: &mut FaultContext, node: &Node, since: Timestamp) {
    let shop = ctx.shop.clone();
    let wanted = 7_400_000_000 + shop.stamp.hash(&node.name) % 900_000_000;
    let message = format!(
        "Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only found 0 bytes \
         eligible to free."
    );
    let last = time::before(shop.now(), ctx.rng.range(20, 250));
    let first = time::after(since, 70).min(last);
    let count = (last.as_second() - first.as_second()) / 300 + 1;
    for reason in ["FreeDiskSpaceFailed", "ImageGCFailed"] {
        let what = ("Warning", reason, message.clone());
        node_event(world, &shop, &node.name, what, (first, last, count));
    }
}

/// Evicts the victim's pod and others of the node. Returns their workloads.
fn push_out(
    world: &mut World,
    ctx: &mut FaultContext,
    victim: &Workload,
    node: &Node,
    short: Timestamp,
) -> Vec<ObjectKey> {
    let shop = ctx.shop.clone();
    let movable = |workload: &Workload| {
        workload.kind == Kind::Deployment && workload.volume_gi.is_none() && workload.role != "recorder"
    };
    let mut leaving: Vec<(Workload, Value)> = residents(world, &shop, &node.name)
        .into_iter()
        .filter(|(workload, _)| movable(workload))
        .collect();
    leaving.sort_by_key(|(workload, _)| workload.role != victim.role);
    let mut victims = vec![workload_key(victim)];
    let mut at = time::after(short, 12);
    for (workload, pod) in leaving.into_iter().take(3) {
        let name = text(&pod, "/metadata/name");
        let kib = 41_000 + shop.stamp.hash(name) % 90_000;
        let free = 10_300_000 - shop.stamp.hash(&format!("free/{name}")) % 300_000;
        let message = format!(
            "The node was low on resource: ephemeral-storage. Threshold quantity: 10484529Ki, available: {free}Ki. \
             Container {} was using {kib}Ki, request is 0, has larger consumption of ephemeral-storage. ",
            workload.name
        );
        evict(
            world,
            &shop,
            &mut ctx.metrics,
            (&workload.namespace, name),
            &message,
            at,
        );
        if let Some(other) = elsewhere(&shop, &[&node.name]) {
            replace(
                world,
                &shop,
                &mut ctx.metrics,
                &workload,
                other,
                time::after(at, 1),
            );
        }
        if workload.role != victim.role {
            victims.push(workload_key(&workload));
        }
        at = time::after(at, 25);
    }
    victims
}
