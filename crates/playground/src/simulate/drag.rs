//! What a workload that answers slowly shows, and what its callers and the edge show of it: request times in logs and the
//! ingress controller's times. Must not know why it is slow.

use jiff::Timestamp;
use serde_json::Value;

use crate::build::json::text;
use crate::build::log::voice::{Level, line, request};
use crate::build::log::{Lines, merge, until};
use crate::build::metrics::Metrics;
use crate::build::time;
use crate::build::workload::Workload;
use crate::rng::Rng;
use crate::shop::telemetry::request_rate;
use crate::shop::{Shop, chatter, vitals};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// A workload that answers slowly.
#[derive(Debug, Clone, Copy)]
pub struct Drag<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// Names of its pods that are slow; empty for all.
    pub pods: &'a [String],
    /// When that began.
    pub from: Timestamp,
    /// Usual time of a slow request, in milliseconds.
    pub took_ms: i64,
}

/// Writes the consequences and returns the affected callers, nearest first.
pub fn slow<'a>(
    world: &mut World,
    shop: &'a Shop,
    metrics: &mut Metrics,
    drag: &Drag<'a>,
) -> Vec<&'a Workload> {
    let mut rng = Rng::new(shop.stamp.hash(&format!("drag/{}", drag.workload.name)));
    for pod in pods_of(world, drag.workload) {
        let name = text(&pod, "/metadata/name");
        if drag.pods.is_empty() || drag.pods.iter().any(|slow| slow == name) {
            slow_log(world, drag.workload, &pod, (drag.from, drag.took_ms), &mut rng);
        }
    }
    edge(shop, metrics, drag.workload, drag);
    let mut affected: Vec<&Workload> = vec![drag.workload];
    let mut next = 0;
    while let Some(slow) = affected.get(next).copied() {
        next += 1;
        for caller in shop.callers(slow) {
            if affected.iter().any(|known| known.role == caller.role) {
                continue;
            }
            for pod in pods_of(world, caller) {
                caller_log(world, caller, &pod, slow, drag, &mut rng);
            }
            edge(shop, metrics, caller, drag);
            affected.push(caller);
        }
    }
    affected.retain(|workload| workload.role != drag.workload.role);
    affected
}

/// Replaces the requests of a pod since a moment by slow ones.
pub fn slow_log(
    world: &mut World,
    workload: &Workload,
    pod: &Value,
    (from, took_ms): (Timestamp, i64),
    rng: &mut Rng,
) {
    if !workload.voice.speaks_http() || !is_running(pod) {
        return;
    }
    let (now, name) = (world.now, text(pod, "/metadata/name"));
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(from);
    let mut lines = Lines::default();
    let mut at = time::after(from.max(time::after(started, 12)), rng.range(4, 30));
    while at < now {
        let took = took_ms * rng.range(40, 210) / 100;
        lines.add(
            at,
            &request(workload, name, at, &chatter::some_path(rng), 200, took),
        );
        at = time::after(at, rng.range(40, 110));
    }
    let log = world.log_mut(&workload.namespace, name, &workload.name);
    let kept = until(
        log.current.as_deref().unwrap_or_default(),
        from.max(time::after(started, 12)),
    );
    log.current = Some(merge(&kept, &lines));
}

/// A caller waits: its own requests take longer, and now and then it says so.
fn caller_log(
    world: &mut World,
    caller: &Workload,
    pod: &Value,
    slow: &Workload,
    drag: &Drag<'_>,
    rng: &mut Rng,
) {
    slow_log(world, caller, pod, (drag.from, drag.took_ms * 6 / 10), rng);
    if !caller.voice.speaks_http() || !is_running(pod) || !slow.voice.speaks_http() {
        return;
    }
    let name = text(pod, "/metadata/name");
    let mut lines = Lines::default();
    let mut at = time::after(drag.from, rng.range(30, 200));
    while at < world.now {
        let took = drag.took_ms * rng.range(110, 230) / 100;
        let message = format!(
            "slow upstream call: GET http://{}:{}/v1/items took {took}ms",
            slow.host(),
            slow.port
        );
        lines.add(at, &line(caller, name, Level::Warn, at, &message));
        at = time::after(at, rng.range(200, 420));
    }
    let log = world.log_mut(&caller.namespace, name, &caller.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

/// Response times of a route: usual before, slow since.
fn edge(shop: &Shop, metrics: &mut Metrics, backend: &Workload, drag: &Drag<'_>) {
    if backend.path.is_none() {
        return;
    }
    let (rate, usual) = (
        request_rate(shop, backend),
        vitals::usual_latency_s(shop, backend),
    );
    let from = drag.from.as_second();
    let slow = f64::from(i32::try_from(drag.took_ms).unwrap_or(0)) / 1_000.0;
    vitals::latency(shop, metrics, backend, |at| {
        (rate, if at > from { usual + slow * 0.6 } else { usual })
    });
}

fn is_running(pod: &Value) -> bool {
    pod.pointer("/status/containerStatuses/0/state/running").is_some()
}
