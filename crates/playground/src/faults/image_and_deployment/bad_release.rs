//! A new version answers many requests with errors while the old one beside it does not: a rollout that was paused half
//! way. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{restart, rollout_undo, scale, set_image};
use crate::build::controller::condition;
use crate::build::json::{items, set, text};
use crate::build::metrics::Span;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::app_vs_infra::app_crash::relabel;
use crate::faults::config_and_secrets::scene::complain;
use crate::faults::release::is_to_blame;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::{aligned, request_rate, requests};
use crate::simulate::rollout::{Change, rollout};
use crate::simulate::traffic::{Flow, usual_rate, usual_s, write};
use crate::world::World;

/// `image-and-deployment/bad-release`.
pub struct BadRelease;

const ID: &str = "image-and-deployment/bad-release";
const SERVED: &str = "http_server_request_duration_seconds_count";

impl Fault for BadRelease {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 50);
        let Some(workload) = ctx.pick_role(&["checkout", "search", "storefront"]) else {
            return Truth::without_cause("inconclusive");
        };
        let version = workload.next_version();
        let (found, expected) = (workload.image_at(version), workload.image());
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(found));
            relabel(template, version);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        pause(world, ctx, &workload, time::after(at, 40));
        let from = time::after(at, 30);
        let share = 0.35 + 0.4 * ctx.rng.fraction();
        served(world, ctx, &workload, (&rolled.new_pods, &rolled.old_pods), share);
        complain(
            world,
            ctx,
            &workload,
            &rolled.new_pods,
            error(workload.voice),
            (from, ctx.shop.now()),
        );
        at_edge(
            ctx,
            &workload,
            (rolled.new_pods.len(), rolled.old_pods.len()),
            share,
            from,
        );
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), from);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].image", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| is_to_blame(world, cause))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        // `kubectl rollout undo` refuses a Deployment that is paused.
        let resume = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "paused": false } }),
        };
        let mut back: Vec<Step> = rollout_undo(world, &cause.object).into_iter().collect();
        back.push(resume.clone());
        let former = set_image(
            &cause.object,
            &cause.object.name,
            text(&cause.params, "/expected"),
        );
        let mut out = vec![
            Remedy::heals("rollout-undo", back),
            Remedy::heals("former-image", vec![former, resume.clone()]),
            Remedy::fails("resume", vec![resume]),
            Remedy::fails("restart", vec![restart(&cause.object)]),
        ];
        if let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) {
            out.push(Remedy::fails(
                "scale-up",
                vec![scale(&cause.object, workload.replicas + 2)],
            ));
        }
        out
    }
}

/// `kubectl rollout pause` (`pkg/controller/deployment/sync.go`, `checkPausedConditions`).
fn pause(world: &mut World, ctx: &FaultContext, workload: &Workload, at: Timestamp) {
    let Some(object) = world.get_mut("Deployment", &workload.namespace, &workload.name) else {
        return;
    };
    set(object, "/spec/paused", json!(true));
    let mut conditions: Vec<Value> = items(object, "/status/conditions")
        .iter()
        .filter(|found| text(found, "/type") != "Progressing")
        .cloned()
        .collect();
    let words = "Deployment is paused";
    conditions.push(condition(
        "Progressing",
        "Unknown",
        "DeploymentPaused",
        words,
        at,
        at,
    ));
    set(object, "/status/conditions", Value::Array(conditions));
    let author = crate::build::object::Author {
        manager: "kubectl-rollout",
        operation: "Update",
    };
    ctx.shop.stamp.touch(object, author, at, &["/spec/paused"]);
}

/// Requests that each pod served by status: the new ones fail for a share.
fn served(
    world: &World,
    ctx: &mut FaultContext,
    workload: &Workload,
    (new, old): (&[String], &[String]),
    share: f64,
) {
    let shop = ctx.shop.clone();
    let flow = Flow {
        load: &|_, _, _| 1.0,
        own: &|found, _| usual_s(&shop, found),
    };
    write(world, &shop, &mut ctx.metrics, &flow);
    let each = usual_rate(&shop, workload) / f64::from(u32::try_from(new.len() + old.len()).unwrap_or(3));
    for pod in new {
        let started = world
            .get("Pod", &workload.namespace, pod)
            .and_then(|found| time::parse(text(found, "/status/startTime")))
            .unwrap_or(shop.now());
        let span: Span = aligned(started, shop.now(), 120);
        for (status, part) in [("200", 1.0 - share), ("500", share)] {
            let labels = [
                ("namespace", workload.namespace.as_str()),
                ("pod", pod.as_str()),
                ("container", workload.name.as_str()),
                ("http_request_method", "GET"),
                ("http_response_status_code", status),
            ];
            ctx.metrics.counter(SERVED, &labels, span, 0.0, |_| each * part);
        }
    }
}

/// The edge shares requests among all pods.
fn at_edge(
    ctx: &mut FaultContext,
    workload: &Workload,
    (new, old): (usize, usize),
    share: f64,
    from: Timestamp,
) {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(1));
    let failing = share * count(new) / count(new + old);
    let rate = request_rate(&ctx.shop, workload);
    let since = |at: i64| at > from.as_second();
    requests(&ctx.shop, &mut ctx.metrics, workload, "500", |at| {
        if since(at) { rate * failing } else { 0.0 }
    });
    requests(&ctx.shop, &mut ctx.metrics, workload, "200", |at| {
        rate * 0.97 * if since(at) { 1.0 - failing } else { 1.0 }
    });
}

/// What the new version throws.
fn error(voice: Voice) -> &'static str {
    match voice {
        Voice::Node => "unhandled error in request: RangeError: Invalid time value",
        Voice::Java => {
            "request failed: java.lang.ClassCastException: class java.lang.String cannot be cast to class java.lang.Integer"
        }
        _ => "request failed: json: cannot unmarshal string into Go struct field Basket.total of type int64",
    }
}
