//! A line that sounds grave, has been logged for long, and has nothing to do with the symptom.

use crate::build::log::voice::{Level, line};
use crate::build::time;
use crate::faults::{FaultContext, Symptom};
use crate::world::World;

/// Things that applications complain of for months.
const GRUMBLES: &[&str] = &[
    "failed to send usage statistics: certificate has expired or is not yet valid; continuing without",
    "feature flag service returned no rules, using built-in defaults",
    "cache warm-up skipped: snapshot is older than 24h, possible memory pressure on large catalogs",
    "deprecated TLS cipher negotiated with a client, connection will be refused in a future release",
    "disk usage report unavailable: permission denied reading /proc/diskstats",
];

/// Adds one to the logs of the afflicted workloads, from long before the symptom on.
pub fn add(world: &mut World, ctx: &mut FaultContext, symptom: &Symptom) {
    let mut rng = ctx.rng.fork("misleading-log");
    let grumble = *rng.pick(GRUMBLES).unwrap_or(&"");
    let from = time::before(ctx.shop.now(), 4_500);
    for workload in super::afflicted(ctx, symptom) {
        let step_s = rng.range(280, 420);
        super::chat(world, ctx, &workload, (from, step_s), &|pod, at| {
            line(&workload, pod, Level::Warn, at, grumble)
        });
    }
}
