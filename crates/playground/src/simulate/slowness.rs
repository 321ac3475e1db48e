//! What callers of a workload show while it answers slowly: their logs, and response times at the edge. Must not know why
//! it is slow.

use jiff::Timestamp;

use super::callers::pods_of;
use crate::build::json::text;
use crate::build::log::voice::request;
use crate::build::log::{Lines, merge};
use crate::build::metrics::Metrics;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::rng::Rng;
use crate::shop::{Shop, chatter, telemetry, vitals};
use crate::world::World;

/// A workload that answers slowly.
#[derive(Debug, Clone, Copy)]
pub struct Slowness<'a> {
    /// The workload.
    pub callee: &'a Workload,
    /// When that began.
    pub from: Timestamp,
    /// When it ended, or the frozen clock.
    pub until: Timestamp,
    /// Seconds that a request takes in full effect.
    pub takes_s: f64,
    /// Seconds over which the effect builds up.
    pub ramp_s: i64,
    /// Whether the workload itself logs slow requests.
    pub itself: bool,
    /// Roles whose calls are slow; empty for all callers.
    pub only: &'a [&'a str],
}

impl Slowness<'_> {
    /// Share of the full effect at a moment.
    fn share(&self, at: i64) -> f64 {
        if at <= self.from.as_second() || at > self.until.as_second() {
            return 0.0;
        }
        let passed = i32::try_from(at - self.from.as_second()).map_or(0.0, f64::from);
        let ramp = i32::try_from(self.ramp_s.max(1)).map_or(1.0, f64::from);
        (passed / ramp).min(1.0)
    }
}

/// Writes the consequences and returns the slow callers, nearest first.
pub fn slow<'a>(
    world: &mut World,
    shop: &'a Shop,
    metrics: &mut Metrics,
    slowness: &Slowness<'a>,
) -> Vec<&'a Workload> {
    let mut rng = Rng::new(shop.stamp.hash(&format!("slow/{}", slowness.callee.name)));
    let mut affected: Vec<&Workload> = shop
        .callers(slowness.callee)
        .filter(|caller| slowness.only.is_empty() || slowness.only.contains(&caller.role))
        .collect();
    let mut next = 0;
    while let Some(slowed) = affected.get(next).copied() {
        next += 1;
        for caller in shop.callers(slowed) {
            let known = affected.iter().any(|found| found.role == caller.role);
            if !known && slowed.voice.speaks_http() {
                affected.push(caller);
            }
        }
    }
    let mut logging = affected.clone();
    if slowness.itself {
        logging.push(slowness.callee);
    }
    for workload in &logging {
        if workload.voice.speaks_http() && workload.voice != Voice::Nginx {
            log_requests(world, workload, slowness, &mut rng);
        }
        if workload.path.is_some() {
            edge(shop, metrics, workload, slowness);
        }
    }
    affected
}

fn edge(shop: &Shop, metrics: &mut Metrics, backend: &Workload, slowness: &Slowness<'_>) {
    let usual = vitals::usual_latency_s(shop, backend);
    let rate = telemetry::request_rate(shop, backend);
    vitals::latency(shop, metrics, backend, |at| {
        (rate, usual + slowness.share(at) * slowness.takes_s * 0.7)
    });
}

fn log_requests(world: &mut World, workload: &Workload, slowness: &Slowness<'_>, rng: &mut Rng) {
    for pod in pods_of(world, workload) {
        if pod.pointer("/status/containerStatuses/0/state/running").is_none() {
            continue;
        }
        let name = text(&pod, "/metadata/name");
        let mut lines = Lines::default();
        let mut at = time::after(slowness.from, rng.range(2, 25));
        while at < slowness.until {
            let share = slowness.share(at.as_second());
            // Milliseconds of a request; whole ones suffice for a log line.
            let took = (slowness.takes_s * share * (700.0 + 500.0 * rng.fraction())).round() as i64;
            let path = chatter::some_path(rng);
            lines.add(at, &request(workload, name, at, &path, 200, took.max(8)));
            at = time::after(at, rng.range(25, 70));
        }
        let log = world.log_mut(&workload.namespace, name, &workload.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}
