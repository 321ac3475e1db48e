//! A rollout's image has no build for the arm64 nodes: its pods run on amd64 nodes and fail on the others. Must not
//! know how it is found. `params.form`: `exec` (a single-platform image) or `manifest` (an index without the platform).

use jiff::Timestamp;
use serde_json::json;

use super::edits::{in_vain, set_image, undo};
use super::image_reference_wrong::fail_pull;
use super::pulls::{add_pod, pulled_afresh};
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::object::{CONTROLLER, KUBELET};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{Exit, crash};
use crate::simulate::rollout::{Change, Rolled, controller_event, remove_pod, rollout, stopping_event};
use crate::world::World;

/// `image-and-deployment/image-wrong-architecture`.
pub struct ImageWrongArchitecture;

const ID: &str = "image-and-deployment/image-wrong-architecture";
const ARCH: &str = "kubernetes.io/arch";
/// The shim's exit code when the container's init process cannot be executed (runc `libcontainer/init_linux.go`).
const CANNOT_EXEC: Exit = Exit {
    code: 255,
    reason: "Error",
};

impl Fault for ImageWrongArchitecture {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(22, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let (expected, found) = (workload.image(), workload.image_at(workload.next_version()));
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(found));
        });
        let pod = rolled.and_then(|rolled| second_pod(world, ctx, &workload, &rolled, at));
        let Some(pod) = pod else {
            return Truth::without_cause("inconclusive");
        };
        let by_manifest = match ctx.text_param("form") {
            Some(form) => form == "manifest",
            None => ctx.rng.chance(40),
        };
        if by_manifest {
            fail_pull(world, ctx, &workload.namespace, &pod, &no_match(&found), true);
        } else {
            fail_exec(world, ctx, &workload, &pod, time::after(at, 29));
        }
        ctx.shows(&workload, Some(&pod), time::after(at, 34));
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].image", workload.name),
            "found": found, "expected": expected
        });
        let victims = vec![key("", "Pod", &workload.namespace, &pod)];
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| {
                let spec = "/spec/template/spec";
                let image = text(object, &format!("{spec}/containers/0/image"));
                let pinned = text(object, &format!("{spec}/nodeSelector/kubernetes.io~1arch")) == "amd64";
                image == text(&cause.params, "/found") && !pinned
            })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = cause.object.clone();
        let image = format!("{}-multiarch", text(&cause.params, "/found"));
        let pin = Step::StrategicPatch {
            object: object.clone(),
            patch: json!({ "spec": { "template": { "spec": { "nodeSelector": { ARCH: "amd64" } } } } }),
        };
        let rebuilt = set_image(&object, &object.name, &image);
        let mut out: Vec<Remedy> = undo(world, &object).into_iter().collect();
        out.push(Remedy::heals("pin-architecture", vec![pin]));
        out.push(Remedy::heals("multi-arch-image", vec![rebuilt]));
        out.extend(in_vain(world, &object));
        out
    }
}

/// containerd `core/images/image.go`, `Manifest`: no manifest of an index matches the node's platform.
fn no_match(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": no match for platform in \
         manifest: not found"
    )
}

/// The first new pod became ready on an amd64 node; an old one went, and the next new one lands on an arm64 node.
fn second_pod(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    rolled: &Rolled,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let first = world.get("Pod", namespace, rolled.new_pods.first()?)?;
    let home = text(first, "/spec/nodeName").to_owned();
    let mut others: Vec<_> = ctx
        .shop
        .nodes
        .iter()
        .filter(|node| node.name != home)
        .cloned()
        .collect();
    ctx.rng.shuffle(&mut others);
    let (arm, also) = (others.first()?.clone(), others.get(1)?.clone());
    for node in [&arm, &also] {
        turn_into_arm(world, &ctx.shop, &node.name);
    }
    let new_pod = rolled.new_pods.first()?.clone();
    pulled_afresh(world, &ctx.shop, namespace, &new_pod);
    let old = rolled.old_pods.first()?.clone();
    let gone = time::after(at, 19);
    for (set_name, replicas) in [
        (&rolled.previous, rolled.old_pods.len() - 1),
        (&rolled.replica_set, rolled.new_pods.len() + 1),
    ] {
        if let Some(object) = world.get_mut("ReplicaSet", namespace, set_name) {
            set(object, "/spec/replicas", json!(replicas));
            ctx.shop
                .stamp
                .touch(object, CONTROLLER, gone, &["/spec/replicas"]);
        }
    }
    let events = [
        format!(
            "Scaled down replica set {} from {} to {}",
            rolled.previous,
            rolled.old_pods.len(),
            rolled.old_pods.len() - 1
        ),
        format!(
            "Scaled up replica set {} from {} to {}",
            rolled.replica_set,
            rolled.new_pods.len(),
            rolled.new_pods.len() + 1
        ),
    ];
    for message in events {
        let deployment = ("Deployment", namespace, workload.name.as_str());
        controller_event(
            world,
            &ctx.shop,
            deployment,
            "deployment-controller",
            "ScalingReplicaSet",
            message,
            gone,
        );
    }
    stopping_event(world, &ctx.shop, namespace, &old, gone);
    remove_pod(world, &mut ctx.metrics, namespace, &old, gone);
    add_pod(world, ctx, workload, &arm, time::after(at, 25))
}

/// Labels and `status.nodeInfo` as an arm64 kubelet reports them.
fn turn_into_arm(world: &mut World, shop: &Shop, node: &str) {
    let Some(object) = world.get_mut("Node", "", node) else {
        return;
    };
    set(object, "/metadata/labels/kubernetes.io~1arch", json!("arm64"));
    set(
        object,
        "/metadata/labels/node.kubernetes.io~1instance-type",
        json!(arm_type(shop.names.platform.instance_type)),
    );
    set(object, "/status/nodeInfo/architecture", json!("arm64"));
    let created = time::parse(text(object, "/metadata/creationTimestamp")).unwrap_or(shop.now());
    shop.stamp.touch(object, KUBELET, created, &["/metadata/labels"]);
}

/// The arm64 machine type of the same cloud.
fn arm_type(amd: &str) -> &'static str {
    match amd {
        "m6i.xlarge" => "m7g.xlarge",
        "n2-standard-4" => "c4a-standard-4",
        _ => "Standard_D4ps_v5",
    }
}

fn fail_exec(world: &mut World, ctx: &mut FaultContext, workload: &Workload, pod: &str, start: Timestamp) {
    let shop = &ctx.shop;
    let namespace = workload.namespace.as_str();
    let lives = Lives::since(start, 0, shop.now());
    crash(world, shop, namespace, pod, &lives, CANNOT_EXEC);
    pulled_afresh(world, shop, namespace, pod);
    let mut lines = Lines::default();
    let last = lives.finished.last().map_or(start, |(_, end)| *end);
    lines.add(
        last,
        &format!("exec {}: exec format error", binary(workload.voice)),
    );
    let log = world.log_mut(namespace, pod, &workload.name);
    log.current = Some(lines.to_text());
    log.previous = Some(lines.to_text());
    log.error = None;
    ctx.metrics.forget(&[("namespace", namespace), ("pod", pod)]);
}

/// What the image's entrypoint starts, as runc prints it.
fn binary(voice: Voice) -> &'static str {
    match voice {
        Voice::Node => "/usr/local/bin/docker-entrypoint.sh",
        Voice::Java => "/opt/java/openjdk/bin/java",
        Voice::Python => "/usr/local/bin/gunicorn",
        _ => "/app/server",
    }
}
