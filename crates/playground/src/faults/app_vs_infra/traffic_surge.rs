//! Far more requests arrive than usual; each costs what it always did. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::{number, text};
use crate::build::log::voice::{Level, line};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::telemetry::{CPU, aligned, request_rate, requests, wave};
use crate::shop::{Shop, chatter, vitals};
use crate::simulate::callers::pods_of;
use crate::simulate::usage::usage;
use crate::world::World;

/// `app-vs-infra/traffic-surge`. `params.factor` is how many times the usual rate arrives.
pub struct TrafficSurge;

const ID: &str = "app-vs-infra/traffic-surge";
/// Share of requests that are turned away.
const REJECTED: f64 = 0.14;

impl Fault for TrafficSurge {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 40);
        let drawn = ctx.rng.range(5, 8);
        let factor = ctx.int_param("factor").unwrap_or(drawn);
        let Some(workload) = ctx.pick_role(&["checkout", "search", "payments-api"]) else {
            return Truth::without_cause("inconclusive");
        };
        let times = i32::try_from(factor).map_or(5.0, f64::from);
        edge(ctx, &workload, at, times);
        busy(world, ctx, &workload, at, times);
        say(world, ctx, &workload, at);
        access(world, ctx, &workload, at);
        ctx.shows(&workload, None, at);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&workload));
        }
        let replicas = i64::try_from(workload.replicas).unwrap_or(2);
        let params = json!({
            "field": "spec.replicas", "found": replicas, "expected": (replicas * factor * 7 + 9) / 10, "factor": factor
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            world
                .object(&cause.object)
                .is_some_and(|object| number(object, "/spec/replicas") < number(&cause.params, "/expected"))
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let needed = number(&cause.params, "/expected");
        // `kubectl autoscale`; the minimum is what lets it act before any load is measured.
        let scaler = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": cause.object.name, "namespace": cause.object.namespace },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": cause.object.name },
                "minReplicas": needed + 1, "maxReplicas": needed + 6,
                "metrics": [{ "type": "Resource", "resource": {
                    "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } }]
            }
        });
        let mut out = vec![
            Remedy::heals("scale-up", edits::scale(&cause.object, needed + 2)),
            Remedy::heals("autoscale", vec![Step::Create(scaler)]),
            Remedy::fails("restart", edits::restart(&cause.object)),
        ];
        if let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) {
            out.push(Remedy::fails("delete-pod", edits::delete_pods(world, workload)));
        }
        out
    }
}

fn ramp(at: i64, from: Timestamp) -> f64 {
    let passed = i32::try_from(at - from.as_second()).map_or(0.0, f64::from);
    (passed / 180.0).clamp(0.0, 1.0)
}

fn edge(ctx: &mut FaultContext, workload: &Workload, from: Timestamp, times: f64) {
    let rate = request_rate(&ctx.shop, workload);
    let usual = vitals::usual_latency_s(&ctx.shop, workload);
    let arriving = |at: i64| rate * (1.0 + (times - 1.0) * ramp(at, from));
    let rejected = |at: i64| REJECTED * ramp(at, from);
    let (shop, metrics) = (&ctx.shop, &mut ctx.metrics);
    requests(shop, metrics, workload, "200", |at| {
        arriving(at) * 0.97 * (1.0 - rejected(at))
    });
    requests(shop, metrics, workload, "503", |at| arriving(at) * rejected(at));
    vitals::latency(shop, metrics, workload, |at| {
        (arriving(at), usual + 1.3 * ramp(at, from))
    });
}

/// CPU follows the requests.
fn busy(world: &World, ctx: &mut FaultContext, workload: &Workload, from: Timestamp, times: f64) {
    for pod in pods_of(world, workload) {
        let name = text(&pod, "/metadata/name");
        let (cpu_m, _) = usage(&ctx.shop, &workload.namespace, name, &workload.name);
        let labels = [
            ("namespace", workload.namespace.as_str()),
            ("pod", name),
            ("container", workload.name.as_str()),
            ("node", text(&pod, "/spec/nodeName")),
        ];
        let span = aligned(time::before(ctx.shop.now(), 5_400), ctx.shop.now(), 120);
        let usual = f64::from(u32::try_from(cpu_m).unwrap_or(100)) / 1_000.0;
        let phase = ctx.shop.stamp.hash(name) % 600;
        ctx.metrics.counter(CPU, &labels, span, usual * 90_000.0, |at| {
            usual * (1.0 + 0.2 * wave(at, phase)) * (1.0 + (times * (1.0 - REJECTED) - 1.0) * ramp(at, from))
        });
    }
}

fn say(world: &mut World, ctx: &mut FaultContext, workload: &Workload, from: Timestamp) {
    for pod in pods_of(world, workload) {
        let name = text(&pod, "/metadata/name").to_owned();
        let mut lines = Lines::default();
        let mut at = time::after(from, ctx.rng.range(60, 140));
        while at < ctx.shop.now() {
            let message = format!(
                "request queue is full (256 waiting), rejecting with 503; {} in flight",
                ctx.rng.range(200, 256)
            );
            lines.add(at, &line(workload, &name, Level::Warn, at, &message));
            at = time::after(at, ctx.rng.range(20, 55));
        }
        let log = world.log_mut(&workload.namespace, &name, &workload.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}

/// The controller's access log is dense with the route.
fn access(world: &mut World, ctx: &mut FaultContext, workload: &Workload, from: Timestamp) {
    let Some(controller) = ctx.shop.role("ingress").cloned() else {
        return;
    };
    let upstream = ctx.shop.backend_address(world, workload);
    for pod in pods_of(world, &controller) {
        let name = text(&pod, "/metadata/name").to_owned();
        let mut lines = Lines::default();
        let mut at = time::after(from, 5);
        while at < ctx.shop.now() {
            let status = if ctx.rng.chance(14) { 503 } else { 200 };
            let path = workload.path.unwrap_or("/");
            let text = chatter::access(&ctx.shop, at, path, workload, status, &upstream, &mut ctx.rng);
            lines.add(at, &text);
            at = time::after(at, ctx.rng.range(2, 9));
        }
        let log = world.log_mut(&controller.namespace, &name, &controller.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}
