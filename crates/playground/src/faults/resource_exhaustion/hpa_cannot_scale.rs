//! An autoscaler sits at a maximum that somebody lowered, while load grows: replicas stay, requests get slow. Must not know
//! how it is found.

use serde_json::{Value, json};

use super::edits;
use crate::build::json::{number, set, text};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, RootCause, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::{CPU, machines, request_rate, requests, wave};
use crate::simulate::callers;
use crate::simulate::drag::{Drag, slow};
use crate::simulate::usage::set_pod_usage;
use crate::world::{ObjectKey, World};

/// `resource-exhaustion/hpa-cannot-scale`.
pub struct HpaCannotScale;

const ID: &str = "resource-exhaustion/hpa-cannot-scale";

impl Fault for HpaCannotScale {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let onset = ctx.minutes_ago(30, 70);
        let Some(workload) = ctx.pick_role(&["storefront", "cart"]) else {
            return Truth::without_cause("inconclusive");
        };
        let Some((_, expected)) = workload.scale else {
            return Truth::without_cause("inconclusive");
        };
        let times = 0.01 * f64::from(i32::try_from(ctx.rng.range(190, 270)).unwrap_or(200));
        let found = workload.replicas;
        let lowered = time::before(onset, ctx.rng.range(4, 22) * 3_600);
        limit(world, ctx, &workload, (onset, lowered), times);
        let shop = ctx.shop.clone();
        for pod in callers::pods_of(world, &workload) {
            busy(world, ctx, &pod, onset.as_second(), times * 0.7);
        }
        let drag = Drag {
            workload: &workload,
            pods: &[],
            from: onset,
            took_ms: ctx.rng.range(900, 2_000),
        };
        let mut victims = callers::keys(&slow(world, &shop, &mut ctx.metrics, &drag));
        crowd(ctx, onset.as_second(), times);
        victims.push(workload_key(&workload));
        ctx.shows(&workload, None, onset);
        ctx.label("horizontalpodautoscaler", &workload.name);
        let object = key(
            "autoscaling",
            "HorizontalPodAutoscaler",
            &workload.namespace,
            &workload.name,
        );
        let params = json!({ "field": "spec.maxReplicas", "found": found.to_string(), "expected": expected.to_string() });
        Truth::cause(object, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let found: i64 = text(&cause.params, "/found").parse().unwrap_or(0);
        let Some(workload) = truth.victims.iter().find(|victim| scaled(cause, victim)) else {
            return false;
        };
        let most = world
            .of_kind("HorizontalPodAutoscaler")
            .filter(|scaler| {
                text(scaler, "/metadata/namespace") == workload.namespace
                    && text(scaler, "/spec/scaleTargetRef/name") == workload.name
            })
            .map(|scaler| number(scaler, "/spec/maxReplicas"))
            .min();
        // Without an autoscaler the count is what somebody set.
        let reach = most.or_else(|| Some(number(world.object(workload)?, "/spec/replicas")));
        reach.is_none_or(|reach| reach <= found)
    }

    fn remedies(&self, _: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let raise = |most: i64| {
            vec![Step::MergePatch {
                object: cause.object.clone(),
                patch: json!({ "spec": { "maxReplicas": most } }),
            }]
        };
        let expected = text(&cause.params, "/expected").parse().unwrap_or(8);
        let mut remedies = vec![
            Remedy::heals("raise-maximum", raise(expected)),
            Remedy::heals("raise-maximum-far", raise(40)),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| scaled(cause, victim)) {
            let mut by_hand = vec![Step::Delete(cause.object.clone())];
            by_hand.extend(edits::scale(victim, expected));
            remedies.push(Remedy::heals("scale-by-hand", by_hand));
            remedies.push(Remedy::fails("restart", edits::restart(victim)));
            remedies.push(Remedy::fails("scale-up", edits::scale(victim, 8)));
        }
        remedies
    }
}

/// Whether it is what the autoscaler scales.
fn scaled(cause: &RootCause, victim: &ObjectKey) -> bool {
    victim.kind == "Deployment" && victim.name == cause.object.name
}

/// Lowers the maximum and shows what the controller then says (`pkg/controller/podautoscaler/horizontal.go`).
fn limit(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    (onset, lowered): (jiff::Timestamp, jiff::Timestamp),
    times: f64,
) {
    let shop = ctx.shop.clone();
    let Some(scaler) = world.get_mut("HorizontalPodAutoscaler", &workload.namespace, &workload.name) else {
        return;
    };
    set(scaler, "/spec/maxReplicas", json!(workload.replicas));
    shop.stamp
        .touch(scaler, KUBECTL_EDIT, lowered, &["/spec/maxReplicas"]);
    let load = (times * 70.0).round() as i64;
    let since = time::seconds(time::after(onset, 45));
    let current = json!([{ "type": "Resource", "resource": { "name": "cpu", "current": {
        "averageUtilization": load,
        "averageValue": format!("{}m", load * i64::try_from(workload.cpu_m).unwrap_or(100) / 100)
    } } }]);
    set(scaler, "/status/currentMetrics", current);
    let limited = json!({
        "type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas",
        "message": "the desired replica count is more than the maximum replica count", "lastTransitionTime": since
    });
    set(scaler, "/status/conditions/2", limited);
    shop.stamp.touch_status(scaler, time::before(shop.now(), 12));
}

/// A pod's CPU grows with the load.
fn busy(world: &mut World, ctx: &mut FaultContext, pod: &Value, from: i64, times: f64) {
    let request = edits::millicores(text(pod, "/spec/containers/0/resources/requests/cpu"));
    let phase = ctx.shop.stamp.hash(text(pod, "/metadata/name")) % 600;
    let span = machines::since_start(&ctx.shop, pod);
    let labels = machines::container_labels(pod);
    ctx.metrics.counter(CPU, &labels, span, 4_000.0, |at| {
        let share = if at < from { 0.45 } else { times };
        request * share / 1_000.0 * (1.0 + 0.03 * wave(at, phase))
    });
    set_pod_usage(world, &ctx.shop, pod, (request * times, 200.0));
}

/// More requests come in on every route.
fn crowd(ctx: &mut FaultContext, from: i64, times: f64) {
    let shop = ctx.shop.clone();
    for backend in shop.workloads.iter().filter(|workload| workload.path.is_some()) {
        let rate = request_rate(&shop, backend);
        requests(&shop, &mut ctx.metrics, backend, "200", |at| {
            rate * 0.97 * if at < from { 1.0 } else { times }
        });
    }
}
