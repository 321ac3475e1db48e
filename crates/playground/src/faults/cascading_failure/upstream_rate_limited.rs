//! A rollout lets a workload call an outside API more often than that allows. Must not know how it is found.
//!
//! The status and its header are those of RFC 6585, section 4.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{self, put_env};
use crate::build::json::text;
use crate::build::log::voice::{CallFailure, Level, line};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::aligned;
use crate::simulate::callers::{self, Silence, pods_of};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `cascading-failure/upstream-rate-limited`.
pub struct UpstreamRateLimited;

const ID: &str = "cascading-failure/upstream-rate-limited";
/// Variable of the caller: parallel requests to the outside API.
const PARALLEL: &str = "PROVIDER_MAX_CONCURRENCY";
const USUAL: i64 = 4;

impl Fault for UpstreamRateLimited {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 50);
        let Some(workload) = ctx.pick_role(&["notifications", "checkout", "fraud", "recommendations"]) else {
            return Truth::without_cause("inconclusive");
        };
        let hosts = [
            "api.mailrelay.example",
            "api.acme-risk.example",
            "gateway.paybridge.example",
        ];
        let host = (*ctx.rng.pick(&hosts).unwrap_or(&"api.mailrelay.example")).to_owned();
        let parallel = *ctx.rng.pick(&[32_i64, 48, 64]).unwrap_or(&48);
        let days = ctx.rng.range(5, 12);
        set_parallel(
            world,
            ctx,
            &workload,
            &host,
            USUAL,
            time::days_before(ctx.shop.now(), days),
        );
        set_parallel(world, ctx, &workload, &host, parallel, at);
        let from = time::after(at, ctx.rng.range(70, 130));
        let pods = pods_of(world, &workload);
        let share = 1.0 / f64::from(u32::try_from(pods.len().max(1)).unwrap_or(1));
        for pod in &pods {
            limited(world, ctx, &workload, pod, &host, from);
            calls(ctx, &workload, pod, &host, (share, parallel), from);
        }
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let affected = callers::answer_errors(world, &ctx.shop, &mut ctx.metrics, &silence);
        let victims = callers::keys(&affected);
        ctx.shows(&workload, None, from);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].env[{PARALLEL}].value", workload.name),
            "found": parallel.to_string(), "expected": USUAL.to_string(), "host": host
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            edits::env_of(world, &cause.object, PARALLEL)
                .parse::<i64>()
                .is_ok_and(|found| found > 2 * USUAL)
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, workload)),
            Remedy::heals("limit-caller", vec![edits::set_env(workload, PARALLEL, "4")]),
            Remedy::fails("restart", vec![edits::restart(shop, &cause.object)]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("scale-up", vec![edits::scale(workload, workload.replicas + 2)]),
        ]
    }
}

fn set_parallel(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    host: &str,
    parallel: i64,
    at: Timestamp,
) {
    let change = Change::of(workload, at, true);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        put_env(template, "PROVIDER_URL", &format!("https://{host}"));
        put_env(template, PARALLEL, &parallel.to_string());
    });
}

/// What the client of the language says of a 429.
fn refusal(voice: Voice, host: &str, wait_s: i64) -> String {
    match voice {
        Voice::Python => format!(
            "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://{host}/v2/send"
        ),
        Voice::Node => format!(
            "Request failed with status code 429 Too Many Requests (POST https://{host}/v2/send, retry-after {wait_s})"
        ),
        _ => format!(
            "POST https://{host}/v2/send: unexpected status 429 Too Many Requests, Retry-After: {wait_s}"
        ),
    }
}

fn limited(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &Value,
    host: &str,
    from: Timestamp,
) {
    let name = text(pod, "/metadata/name");
    let mut lines = Lines::default();
    let mut at = time::after(from, ctx.rng.range(1, 20));
    while at < ctx.shop.now() {
        let message = refusal(workload.voice, host, ctx.rng.range(5, 30));
        lines.add(at, &line(workload, name, Level::Error, at, &message));
        at = time::after(at, ctx.rng.range(20, 55));
    }
    let log = world.log_mut(&workload.namespace, name, &workload.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

/// Calls of the outside API by status: as many succeed as it allows, the others are refused.
fn calls(
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &Value,
    host: &str,
    (share, parallel): (f64, i64),
    from: Timestamp,
) {
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(from);
    let span = aligned(
        started.max(time::before(ctx.shop.now(), 5_400)),
        ctx.shop.now(),
        60,
    );
    let factor = f64::from(i32::try_from(parallel / USUAL).unwrap_or(8));
    for (status, before, after) in [("202", 6.0, 8.0), ("429", 0.0, 6.0 * factor - 8.0)] {
        let labels = [
            ("namespace", workload.namespace.as_str()),
            ("pod", text(pod, "/metadata/name")),
            ("container", workload.name.as_str()),
            ("server_address", host),
            ("http_response_status_code", status),
        ];
        ctx.metrics.counter(
            "http_client_request_duration_seconds_count",
            &labels,
            span,
            0.0,
            |at| share * if at > from.as_second() { after } else { before },
        );
    }
}
