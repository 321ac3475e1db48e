//! Callers that retry at once and often keep a backend under load long after its short outage. Must not know how it
//! is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{self, put_env};
use crate::build::json::text;
use crate::build::log::voice::{Level, line, request};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::chatter::some_path;
use crate::simulate::callers::pods_of;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::simulate::traffic::{self, Flow, usual_s};
use crate::world::World;

/// `cascading-failure/retry-storm`.
pub struct RetryStorm;

const ID: &str = "cascading-failure/retry-storm";
/// Variable of the caller's HTTP client.
const ATTEMPTS: &str = "HTTP_RETRY_MAX_ATTEMPTS";
/// Attempts that a backend survives.
const SANE: i64 = 3;

impl Fault for RetryStorm {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 48);
        let Some(caller) = ctx.pick_role(&["checkout", "storefront", "recommendations"]) else {
            return Truth::without_cause("inconclusive");
        };
        let callees: Vec<Workload> = ctx
            .shop
            .callees(&caller)
            .iter()
            .map(|callee| callee.workload.clone())
            .filter(|callee| matches!(callee.role, "orders" | "cart" | "catalog"))
            .collect();
        let Some(backend) = ctx.rng.pick(&callees).cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let attempts = *ctx.rng.pick(&[8_i64, 10, 12]).unwrap_or(&10);
        configure(world, ctx, &caller, attempts);
        blip(world, ctx, &backend, at);
        storm(world, ctx, (&caller, &backend), attempts, at);
        for pod in pods_of(world, &caller) {
            retries(world, ctx, (&caller, &backend), &pod, attempts, at);
        }
        for pod in pods_of(world, &backend) {
            busy(world, ctx, &backend, &pod, at);
        }
        ctx.shows(&caller, None, time::after(at, 90));
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].env[{ATTEMPTS}].value", caller.name),
            "found": attempts.to_string(), "expected": "2"
        });
        let victims = vec![
            workload_key(&backend),
            key("", "Service", &backend.namespace, &backend.name),
        ];
        Truth::cause(workload_key(&caller), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            edits::env_of(world, &cause.object, ATTEMPTS)
                .parse::<i64>()
                .is_ok_and(|attempts| attempts > SANE)
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(caller) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let backend = truth
            .victims
            .iter()
            .find_map(|victim| shop.named(&victim.namespace, &victim.name));
        let mut out = vec![
            Remedy::heals("lower-retries", vec![edits::set_env(caller, ATTEMPTS, "2")]),
            Remedy::heals("no-retries", vec![edits::set_env(caller, ATTEMPTS, "0")]),
        ];
        if let Some(backend) = backend {
            out.push(Remedy::fails(
                "restart",
                vec![edits::restart(shop, &workload_key(backend))],
            ));
            out.push(Remedy::fails("delete-pod", edits::delete_pods(world, backend)));
            out.push(Remedy::fails(
                "scale-up",
                vec![edits::scale(backend, backend.replicas + 1)],
            ));
        }
        out
    }
}

/// The client has been configured so for days; no outage has shown it.
fn configure(world: &mut World, ctx: &mut FaultContext, caller: &Workload, attempts: i64) {
    let days = ctx.rng.range(3, 8);
    let change = Change::of(caller, time::days_before(ctx.shop.now(), days), true);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        put_env(template, ATTEMPTS, &attempts.to_string());
        put_env(template, "HTTP_RETRY_BACKOFF_MS", "0");
    });
}

/// One pod of the backend restarts once.
fn blip(world: &mut World, ctx: &FaultContext, backend: &Workload, at: Timestamp) {
    let pods = pods_of(world, backend);
    let Some(pod) = pods.first() else { return };
    let name = text(pod, "/metadata/name");
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(at);
    let lives = Lives {
        finished: vec![(started, at)],
        running_since: Some(time::after(at, 2)),
        back_off_s: 10,
    };
    crash(world, &ctx.shop, &backend.namespace, name, &lives, FAILED);
}

fn storm(world: &World, ctx: &mut FaultContext, pair: (&Workload, &Workload), attempts: i64, at: Timestamp) {
    let (caller, backend) = pair;
    let shop = ctx.shop.clone();
    let factor = f64::from(i32::try_from(attempts).unwrap_or(8)) * 0.8;
    let flow = Flow {
        load: &|from, to, moment| {
            let storm = from.role == caller.role && to.role == backend.role && moment > at.as_second() + 60;
            if storm { factor } else { 1.0 }
        },
        own: &|workload, moment| {
            let own = usual_s(&shop, workload);
            if workload.role == backend.role && moment > at.as_second() + 60 {
                own * 24.0
            } else {
                own
            }
        },
    };
    traffic::write(world, &ctx.shop, &mut ctx.metrics, &flow);
}

fn retries(
    world: &mut World,
    ctx: &mut FaultContext,
    (caller, backend): (&Workload, &Workload),
    pod: &Value,
    attempts: i64,
    from: Timestamp,
) {
    let name = text(pod, "/metadata/name");
    let url = format!("http://{}:{}/v1/items", backend.host(), backend.port);
    let mut lines = Lines::default();
    let mut at = time::after(from, 3);
    while at < ctx.shop.now() {
        let attempt = ctx.rng.range(3, attempts);
        let message =
            format!("request timed out, retrying immediately (attempt {attempt}/{attempts}) GET {url}");
        lines.add(at, &line(caller, name, Level::Warn, at, &message));
        at = time::after(at, ctx.rng.range(18, 50));
    }
    let log = world.log_mut(&caller.namespace, name, &caller.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

/// The backend answers, late and often.
fn busy(world: &mut World, ctx: &mut FaultContext, backend: &Workload, pod: &Value, from: Timestamp) {
    let name = text(pod, "/metadata/name");
    let mut lines = Lines::default();
    let mut at = time::after(from, 20);
    while at < ctx.shop.now() {
        let path = some_path(&mut ctx.rng);
        lines.add(
            at,
            &request(backend, name, at, &path, 200, ctx.rng.range(700, 1_900)),
        );
        at = time::after(at, ctx.rng.range(12, 30));
    }
    let log = world.log_mut(&backend.namespace, name, &backend.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}
