//! Request metrics of the shop's HTTP services by OpenTelemetry's semantic conventions as Prometheus names them:
//! rates and times of served and of made requests. Must not know why a request takes long.

use crate::build::json::text;
use crate::build::metrics::{Metrics, Span};
use crate::build::time;
use crate::build::workload::Workload;
use crate::shop::telemetry::{aligned, wave};
use crate::shop::{Shop, vitals};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// Seconds of served requests.
const SERVER: &str = "http_server_request_duration_seconds";
/// Seconds of made requests.
const CLIENT: &str = "http_client_request_duration_seconds";
/// Seconds of queries of databases, caches and brokers.
const QUERY: &str = "db_client_operation_duration_seconds";

/// How traffic flows at a moment (seconds since the epoch).
pub struct Flow<'a> {
    /// Factor of the requests of a caller to a callee.
    pub load: &'a dyn Fn(&Workload, &Workload, i64) -> f64,
    /// Seconds that a workload itself adds to a request.
    pub own: &'a dyn Fn(&Workload, i64) -> f64,
}

/// Usual seconds that a workload itself spends on a request.
pub fn usual_s(shop: &Shop, workload: &Workload) -> f64 {
    let spread = shop.stamp.hash(&format!("took/{}", workload.role)) % 40;
    0.012 + f64::from(u32::try_from(spread).unwrap_or(0)) / 1000.0
}

/// Usual requests per second that a workload gets.
pub fn usual_rate(shop: &Shop, workload: &Workload) -> f64 {
    6.0 + f64::from(u32::try_from(shop.stamp.hash(&format!("served/{}", workload.role)) % 90).unwrap_or(0))
        / 10.0
}

/// Writes the series of all HTTP services over the last 90 minutes.
pub fn write(world: &World, shop: &Shop, metrics: &mut Metrics, flow: &Flow<'_>) {
    for workload in shop.workloads.iter().filter(|found| is_service(found)) {
        serve(world, shop, metrics, workload, flow);
        for callee in shop.callees(workload) {
            call(world, shop, metrics, (workload, callee.workload), flow);
        }
        if workload.path.is_some() {
            through_edge(shop, metrics, workload, flow);
        }
    }
}

fn is_service(workload: &Workload) -> bool {
    workload.voice.speaks_http() && workload.role != "ingress"
}

/// Seconds of a request to a workload: its own and those of the services that it waits for.
fn took(shop: &Shop, workload: &Workload, flow: &Flow<'_>, at: i64, depth: u8) -> f64 {
    let below: f64 = shop
        .callees(workload)
        .iter()
        .filter(|callee| depth > 0 && is_service(callee.workload))
        .map(|callee| took(shop, callee.workload, flow, at, depth - 1) * 0.6)
        .sum();
    (flow.own)(workload, at) + below
}

/// Factor of a workload's load: the strongest of its callers'.
fn load(shop: &Shop, workload: &Workload, flow: &Flow<'_>, at: i64) -> f64 {
    shop.callers(workload)
        .map(|caller| (flow.load)(caller, workload, at))
        .fold(1.0, f64::max)
}

fn span(world: &World, shop: &Shop, pod: &serde_json::Value, step_s: i64) -> Option<Span> {
    let started = time::parse(text(pod, "/status/startTime"))?;
    world.get(
        "Pod",
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name"),
    )?;
    Some(aligned(
        started.max(time::before(shop.now(), 5_400)),
        shop.now(),
        step_s,
    ))
}

fn serve(world: &World, shop: &Shop, metrics: &mut Metrics, workload: &Workload, flow: &Flow<'_>) {
    let pods = pods_of(world, workload);
    let share = 1.0 / f64::from(u32::try_from(pods.len().max(1)).unwrap_or(1));
    let phase = shop.stamp.hash(&workload.name) % 600;
    for pod in &pods {
        let Some(span) = span(world, shop, pod, 120) else {
            continue;
        };
        let labels = [
            ("namespace", workload.namespace.as_str()),
            ("pod", text(pod, "/metadata/name")),
            ("container", workload.name.as_str()),
            ("http_request_method", "GET"),
            ("http_response_status_code", "200"),
        ];
        let rate = |at: i64| {
            usual_rate(shop, workload)
                * share
                * load(shop, workload, flow, at)
                * (1.0 + 0.06 * wave(at, phase))
        };
        metrics.counter(&format!("{SERVER}_count"), &labels, span, 52_000.0, rate);
        metrics.counter(&format!("{SERVER}_sum"), &labels, span, 2_100.0, |at| {
            rate(at) * took(shop, workload, flow, at, 4)
        });
    }
}

fn call(
    world: &World,
    shop: &Shop,
    metrics: &mut Metrics,
    (caller, callee): (&Workload, &Workload),
    flow: &Flow<'_>,
) {
    let pods = pods_of(world, caller);
    let share = 1.0 / f64::from(u32::try_from(pods.len().max(1)).unwrap_or(1));
    let host = callee.host();
    let name = if is_service(callee) { CLIENT } else { QUERY };
    for pod in &pods {
        let Some(span) = span(world, shop, pod, 180) else {
            continue;
        };
        let labels = [
            ("namespace", caller.namespace.as_str()),
            ("pod", text(pod, "/metadata/name")),
            ("container", caller.name.as_str()),
            ("server_address", host.as_str()),
        ];
        let rate = |at: i64| usual_rate(shop, callee) * 0.5 * share * (flow.load)(caller, callee, at);
        metrics.counter(&format!("{name}_count"), &labels, span, 21_000.0, rate);
        metrics.counter(&format!("{name}_sum"), &labels, span, 900.0, |at| {
            rate(at) * (took(shop, callee, flow, at, 4) + 0.002)
        });
    }
}

fn through_edge(shop: &Shop, metrics: &mut Metrics, backend: &Workload, flow: &Flow<'_>) {
    let rate = crate::shop::telemetry::request_rate(shop, backend);
    vitals::latency(shop, metrics, backend, |at| {
        (rate, took(shop, backend, flow, at, 4) + 0.003)
    });
}
