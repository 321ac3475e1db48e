//! The registry answers 429 after many pods were started at once. Must not know how it is found. `params.form`:
//! `quota` (a limit by account and time) or `burst`.

use jiff::Timestamp;
use serde_json::json;

use super::edits::{delete_all, restart, scale, set_image, unready_pods};
use super::image_reference_wrong::fail_pull;
use super::pulls::{add_pod, free_nodes, pulled_afresh};
use crate::build::json::{number, set, text};
use crate::build::object::CONTROLLER;
use crate::build::service::is_ready;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::rollout::{active_set, controller_event};
use crate::world::{ObjectKey, World};

/// `image-and-deployment/registry-rate-limited`.
pub struct RegistryRateLimited;

const ID: &str = "image-and-deployment/registry-rate-limited";

impl Fault for RegistryRateLimited {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 40);
        let mut scaled: Vec<Workload> = ["storefront", "cart"]
            .iter()
            .filter_map(|role| ctx.shop.role(role).cloned())
            .collect();
        ctx.rng.shuffle(&mut scaled);
        if let Some(target) = ctx.target.clone() {
            scaled.sort_by_key(|workload| workload.role != target);
        }
        let is_quota = match ctx.text_param("form") {
            Some(form) => form == "quota",
            None => ctx.rng.chance(50),
        };
        let mut victims = Vec::new();
        for (index, workload) in scaled.iter().enumerate() {
            let began = time::after(at, 30 * i64::try_from(index).unwrap_or(0));
            let stuck = grow(world, ctx, workload, began, is_quota);
            if index == 0 {
                ctx.shows(
                    workload,
                    stuck.first().map(|pod| pod.name.as_str()),
                    time::after(began, 4),
                );
            }
            victims.push(workload_key(workload));
            victims.extend(stuck);
        }
        let host = ctx.shop.names.registry.clone();
        let params = json!({ "field": "image registry", "found": "429 Too Many Requests", "expected": host });
        Truth::cause(key("", "External", "", &host), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let host = format!("{}/", cause.object.name);
        victims(truth).any(|victim| {
            world
                .get("Deployment", &victim.namespace, &victim.name)
                .is_some_and(|object| {
                    text(object, "/spec/template/spec/containers/0/image").starts_with(&host)
                        && number(object, "/spec/replicas") > ready(world, victim)
                })
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let mut back = Vec::new();
        let mut mirrored = Vec::new();
        let mut deleted = Vec::new();
        let mut restarted = Vec::new();
        for victim in victims(truth) {
            let Some(workload) = shop.named(&victim.namespace, &victim.name) else {
                continue;
            };
            let path = workload.repository.split_once('/').map_or("", |(_, path)| path);
            let tag = crate::build::workload::tag(workload.version);
            let image = format!("mirror.internal.example/{path}:{tag}");
            back.push(scale(victim, workload.replicas));
            mirrored.push(set_image(victim, &workload.name, &image));
            deleted.extend(delete_all(&unready_pods(world, victim)));
            restarted.push(restart(victim));
        }
        vec![
            Remedy::heals("use-mirror", mirrored),
            Remedy::heals("scale-down", back),
            Remedy::fails("delete-pod", deleted),
            Remedy::fails("restart", restarted),
        ]
    }
}

fn victims(truth: &Truth) -> impl Iterator<Item = &ObjectKey> {
    truth.victims.iter().filter(|victim| victim.kind == "Deployment")
}

fn ready(world: &World, deployment: &ObjectKey) -> i64 {
    let pods = world.of_kind("Pod").filter(|pod| {
        text(pod, "/metadata/namespace") == deployment.namespace
            && text(pod, "/spec/containers/0/name") == deployment.name
            && is_ready(pod)
    });
    i64::try_from(pods.count()).unwrap_or(0)
}

/// The autoscaler adds pods on nodes that lack the image; the first pull is served, the others are refused
/// (`pkg/controller/podautoscaler/horizontal.go`, reason `SuccessfulRescale`).
fn grow(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    at: Timestamp,
    is_quota: bool,
) -> Vec<ObjectKey> {
    let namespace = workload.namespace.as_str();
    let nodes = free_nodes(world, ctx, workload);
    let size = workload.replicas + nodes.len();
    resize(world, ctx, workload, size, at);
    let rescaled =
        format!("New size: {size}; reason: cpu resource utilization (percentage of request) above target");
    let scaler = ("HorizontalPodAutoscaler", namespace, workload.name.as_str());
    controller_event(
        world,
        &ctx.shop,
        scaler,
        "horizontal-pod-autoscaler",
        "SuccessfulRescale",
        rescaled,
        at,
    );
    let mut stuck = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let Some(pod) = add_pod(world, ctx, workload, node, time::after(at, 1)) else {
            continue;
        };
        if index == 0 {
            pulled_afresh(world, &ctx.shop, namespace, &pod);
            continue;
        }
        let error = refused(&ctx.shop, workload, is_quota);
        fail_pull(world, ctx, namespace, &pod, &error, true);
        stuck.push(key("", "Pod", namespace, &pod));
    }
    stuck
}

/// What the autoscaler and the Deployment controller write for a new size.
fn resize(world: &mut World, ctx: &mut FaultContext, workload: &Workload, size: usize, at: Timestamp) {
    let namespace = workload.namespace.as_str();
    let Some(active) = active_set(world, namespace, &workload.name) else {
        return;
    };
    let set_name = text(&active, "/metadata/name").to_owned();
    let objects = [
        ("Deployment", workload.name.as_str()),
        ("ReplicaSet", set_name.as_str()),
    ];
    for (kind, name) in objects {
        if let Some(object) = world.get_mut(kind, namespace, name) {
            set(object, "/spec/replicas", json!(size));
            ctx.shop.stamp.touch(object, CONTROLLER, at, &["/spec/replicas"]);
        }
    }
    if let Some(scaler) = world.get_mut("HorizontalPodAutoscaler", namespace, &workload.name) {
        set(scaler, "/status/desiredReplicas", json!(size));
        set(scaler, "/status/currentReplicas", json!(size));
        set(scaler, "/status/lastScaleTime", json!(time::seconds(at)));
        set(scaler, "/spec/maxReplicas", json!(size + 4));
        ctx.shop.stamp.touch_status(scaler, at);
    }
    let message = format!(
        "Scaled up replica set {set_name} from {} to {size}",
        workload.replicas
    );
    let deployment = ("Deployment", namespace, workload.name.as_str());
    controller_event(
        world,
        &ctx.shop,
        deployment,
        "deployment-controller",
        "ScalingReplicaSet",
        message,
        at,
    );
}

/// containerd `core/remotes/docker/fetcher.go` (`unexpected status code …: 429 Too Many Requests - Server message`)
/// and `resolver.go` (`unexpected status from HEAD request to …: 429 Too Many Requests`).
fn refused(shop: &Shop, workload: &Workload, is_quota: bool) -> String {
    let image = workload.image();
    let host = &shop.names.registry;
    let path = workload.repository.split_once('/').map_or("", |(_, path)| path);
    let tag = crate::build::workload::tag(workload.version);
    if is_quota {
        let digest = shop.stamp.digest(&format!("manifest/{image}"));
        return format!(
            "failed to pull and unpack image \"{image}\": failed to copy: httpReadSeeker: failed open: unexpected \
             status code https://{host}/v2/{path}/manifests/sha256:{digest}: 429 Too Many Requests - Server message: \
             toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating."
        );
    }
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": unexpected status from \
         HEAD request to https://{host}/v2/{path}/manifests/{tag}: 429 Too Many Requests"
    )
}
