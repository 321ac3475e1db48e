//! A rollout does not finish and nothing more exact is to be seen: it is paused, or its pods do not say why they are
//! not ready. Must not know how it is found. `params.form`: `paused` or `readiness`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{in_vain, restart, scale, set_image, undo};
use crate::build::controller::condition;
use crate::build::event::{Happening, record};
use crate::build::json::{flag, items, number, set, text};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::release::is_to_blame;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::{Shop, chatter};
use crate::simulate::pods::failing_readiness;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `image-and-deployment/rollout-stuck`.
pub struct RolloutStuck;

const ID: &str = "image-and-deployment/rollout-stuck";
const IMAGE: &str = "/spec/template/spec/containers/0/image";

impl Fault for RolloutStuck {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(27, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let is_paused = match ctx.text_param("form") {
            Some(form) => form == "paused",
            None => ctx.rng.chance(40),
        };
        let image = workload.image_at(workload.next_version());
        let params = if is_paused {
            pause(world, ctx, &workload, &image, at);
            ctx.shows(&workload, None, time::after(at, 60));
            json!({ "field": "spec.paused", "found": true, "expected": null })
        } else {
            let pod = hang(world, ctx, &workload, &image, at);
            ctx.shows(&workload, pod.as_deref(), time::after(at, 601));
            json!({
                "field": format!("spec.template.spec.containers[{}].image", workload.name),
                "found": image, "expected": workload.image()
            })
        };
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        if text(&cause.params, "/field") != "spec.paused" {
            return is_to_blame(world, cause);
        }
        world
            .object(&cause.object)
            .is_some_and(|object| flag(object, "/spec/paused"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        if text(&cause.params, "/field") == "spec.paused" {
            let resume = Step::MergePatch {
                object: cause.object.clone(),
                patch: json!({ "spec": { "paused": null } }),
            };
            let unpaused = Step::JsonPatch {
                object: cause.object.clone(),
                patch: json!([{ "op": "replace", "path": "/spec/paused", "value": false }]),
            };
            let more = shop
                .named(&cause.object.namespace, &cause.object.name)
                .map_or(4, |workload| workload.replicas + 1);
            return vec![
                Remedy::heals("rollout-resume", vec![resume]),
                Remedy::heals("unset-paused", vec![unpaused]),
                Remedy::fails("restart", vec![restart(&cause.object)]),
                Remedy::fails("scale-up", vec![scale(&cause.object, more)]),
            ];
        }
        let former = set_image(
            &cause.object,
            &cause.object.name,
            text(&cause.params, "/expected"),
        );
        let mut out: Vec<Remedy> = undo(world, &cause.object).into_iter().collect();
        out.push(Remedy::heals("former-image", vec![former]));
        out.extend(in_vain(world, &cause.object));
        out
    }
}

/// `kubectl rollout pause`, and then a new image that nobody rolls out (`pkg/controller/deployment/sync.go`,
/// `checkPausedConditions`: reason `DeploymentPaused`, message `Deployment is paused`).
fn pause(world: &mut World, ctx: &mut FaultContext, workload: &Workload, image: &str, at: Timestamp) {
    let shop = &ctx.shop;
    let Some(object) = world.get_mut("Deployment", &workload.namespace, &workload.name) else {
        return;
    };
    let paused = time::before(at, 1_500);
    set(object, "/spec/paused", json!(true));
    shop.stamp.touch(object, KUBECTL_EDIT, paused, &["/spec/paused"]);
    set(object, IMAGE, json!(image));
    let author = workload.delivery.author();
    shop.stamp.touch(object, author, at, &["/spec/template"]);
    let unknown = condition(
        "Progressing",
        "Unknown",
        "DeploymentPaused",
        "Deployment is paused",
        paused,
        paused,
    );
    let conditions: Vec<Value> = items(object, "/status/conditions")
        .iter()
        .filter(|condition| text(condition, "/type") != "Progressing")
        .cloned()
        .chain([unknown])
        .collect();
    set(object, "/status/conditions", Value::Array(conditions));
    shop.stamp.touch_status(object, at);
}

/// A rollout whose pods run and answer their readiness probe with 503, without a word in their logs.
fn hang(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    image: &str,
    at: Timestamp,
) -> Option<String> {
    let change = Change::of(workload, at, false);
    let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(template, "/spec/containers/0/image", json!(image));
    })?;
    for pod in &rolled.new_pods {
        failing_readiness(world, &ctx.shop, &workload.namespace, pod, time::after(at, 3));
        unavailable_event(world, &ctx.shop, workload, pod);
        chatter::write_start(world, &ctx.shop, workload, pod);
    }
    rolled.new_pods.first().cloned()
}

/// `pkg/probe/http/http.go`: `HTTP probe failed with statuscode: 503`.
fn unavailable_event(world: &mut World, shop: &Shop, workload: &Workload, pod: &str) {
    let Some(object) = world.get("Pod", &workload.namespace, pod).cloned() else {
        return;
    };
    let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(shop.now());
    let first = time::after(created, 9);
    let period = number(&object, "/spec/containers/0/readinessProbe/periodSeconds").max(1);
    let happening = Happening {
        object: ("Pod", &workload.namespace, pod),
        container: Some(&workload.name),
        kind: "Warning",
        reason: "Unhealthy",
        message: "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned(),
        component: "kubelet",
        node: text(&object, "/spec/nodeName"),
        first,
        last: time::before(shop.now(), 5),
        count: (shop.now().as_second() - first.as_second()) / period,
    };
    record(&shop.stamp, world, &happening);
}
