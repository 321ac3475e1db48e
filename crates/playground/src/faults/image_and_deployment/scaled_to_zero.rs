//! Somebody scales a workload to zero: no pods, no failures, only callers that get no answer. Must not know how it is
//! found. `params.by`: the field manager that wrote it (`kubectl` by default).

use jiff::Timestamp;
use serde_json::json;

use super::edits::{restart, rollout_undo, scale};
use crate::build::json::{number, push, set, text, unset};
use crate::build::log::voice::CallFailure;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::simulate::rollout::{active_set, controller_event, pods_of, remove_pod, stopping_event};
use crate::world::World;

/// `image-and-deployment/scaled-to-zero`.
pub struct ScaledToZero;

const ID: &str = "image-and-deployment/scaled-to-zero";

impl Fault for ScaledToZero {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 50);
        let Some(workload) = ctx.pick_role(&["checkout", "search", "recommendations", "orders"]) else {
            return Truth::without_cause("inconclusive");
        };
        let by = ctx.text_param("by").unwrap_or("kubectl").to_owned();
        empty(world, ctx, &workload, at, &by);
        crate::simulate::settle::settle(world, &ctx.shop);
        let from = time::after(at, 3);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let victims = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, None, from);
        let params = json!({ "field": "spec.replicas", "found": 0, "expected": workload.replicas });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| number(object, "/spec/replicas") == 0)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let replicas = shop
            .named(&cause.object.namespace, &cause.object.name)
            .map_or(2, |workload| workload.replicas);
        // As `kubectl edit` or a manifest that is applied again would, and with one to spare.
        let set_replicas = Step::JsonPatch {
            object: cause.object.clone(),
            patch: json!([{ "op": "replace", "path": "/spec/replicas", "value": replicas + 1 }]),
        };
        vec![
            Remedy::heals("scale-up", vec![scale(&cause.object, replicas)]),
            Remedy::heals("set-replicas", vec![set_replicas]),
            Remedy::fails("restart", vec![restart(&cause.object)]),
            Remedy::fails(
                "rollout-undo",
                rollout_undo(world, &cause.object).into_iter().collect(),
            ),
        ]
    }
}

/// `kubectl scale` writes through the scale subresource; the controllers follow.
fn empty(world: &mut World, ctx: &mut FaultContext, workload: &Workload, at: Timestamp, by: &str) {
    let namespace = workload.namespace.as_str();
    let Some(active) = active_set(world, namespace, &workload.name) else {
        return;
    };
    let set_name = text(&active, "/metadata/name").to_owned();
    let pods = pods_of(world, namespace, &set_name);
    write_scale(world, ctx, workload, &set_name, (pods.len(), 0), (at, by));
    for pod in &pods {
        stopping_event(world, &ctx.shop, namespace, pod, time::after(at, 1));
        let parent = ("ReplicaSet", namespace, set_name.as_str());
        let message = format!("Deleted pod: {pod}");
        controller_event(
            world,
            &ctx.shop,
            parent,
            "replicaset-controller",
            "SuccessfulDelete",
            message,
            time::after(at, 1),
        );
        remove_pod(world, &mut ctx.metrics, namespace, pod, time::after(at, 2));
    }
}

/// What a write through the scale subresource leaves on a Deployment and its ReplicaSet: count before and after, when and
/// by which field manager.
pub(in crate::faults) fn write_scale(
    world: &mut World,
    ctx: &FaultContext,
    workload: &Workload,
    set_name: &str,
    (before, after): (usize, usize),
    (at, by): (Timestamp, &str),
) {
    let namespace = workload.namespace.as_str();
    if let Some(object) = world.get_mut("Deployment", namespace, &workload.name) {
        set(object, "/spec/replicas", json!(after));
        disown_replicas(object);
        let generation = number(object, "/metadata/generation").max(1) + 1;
        set(object, "/metadata/generation", json!(generation));
        set(
            object,
            "/metadata/resourceVersion",
            json!(ctx.shop.stamp.version_at(at)),
        );
        let entry = json!({
            "manager": by, "operation": "Update", "apiVersion": "apps/v1", "time": time::seconds(at),
            "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:replicas": {} } }, "subresource": "scale"
        });
        push(object, "/metadata/managedFields", entry);
    }
    if let Some(object) = world.get_mut("ReplicaSet", namespace, set_name) {
        set(object, "/spec/replicas", json!(after));
        let author = crate::build::object::CONTROLLER;
        ctx.shop.stamp.touch(object, author, at, &["/spec/replicas"]);
    }
    let way = if after < before { "down" } else { "up" };
    let message = format!("Scaled {way} replica set {set_name} from {before} to {after}");
    controller_event(
        world,
        &ctx.shop,
        ("Deployment", namespace, &workload.name),
        "deployment-controller",
        "ScalingReplicaSet",
        message,
        at,
    );
}

/// The field has a new owner; those before lose it.
fn disown_replicas(object: &mut serde_json::Value) {
    let entries = object
        .pointer_mut("/metadata/managedFields")
        .and_then(serde_json::Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        unset(entry, "/fieldsV1/f:spec", "f:replicas");
    }
}
