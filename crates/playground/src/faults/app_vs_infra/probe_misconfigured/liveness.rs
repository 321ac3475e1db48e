//! A liveness probe that fails: sound containers are killed again and again.

use jiff::Timestamp;

use super::{Mistake, complaint};
use crate::build::log::Lines;
use crate::build::log::merge;
use crate::build::log::voice::{Level, line};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::FaultContext;
use crate::shop::chatter;
use crate::simulate::lives::Lives;
use crate::simulate::pods::Exit;
use crate::simulate::probes::killed;
use crate::simulate::rollout::Rolled;
use crate::world::World;

/// Seconds until the fourth failure in a row: the initial delay and three periods.
const LIFE_S: i64 = 20 + 3 * 15 + 2;

pub(super) fn show(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    rolled: &Rolled,
    mistake: &Mistake,
    at: Timestamp,
) {
    let namespace = workload.namespace.as_str();
    // Applications that end in good order on SIGTERM exit with 0; the JVM reports 143.
    let exit = if mistake.pointer == "/timeoutSeconds" {
        Exit {
            code: 143,
            reason: "Error",
        }
    } else {
        Exit {
            code: 0,
            reason: "Completed",
        }
    };
    for (ordinal, pod) in rolled.new_pods.iter().enumerate() {
        let Some(object) = world.get("Pod", namespace, pod).cloned() else {
            continue;
        };
        let start = time::after(at, 4 + 21 * i64::try_from(ordinal).unwrap_or(0));
        let life_s = match mistake.pointer {
            // Pauses come and go: it takes a while until four probes in a row meet one.
            "/timeoutSeconds" => LIFE_S + ctx.rng.range(60, 160),
            _ => LIFE_S + ctx.rng.range(0, 6),
        };
        let lives = Lives::since(start, life_s, ctx.shop.now());
        let message = complaint(&object, mistake, "Liveness");
        killed(world, &ctx.shop, (namespace, pod), &lives, exit, &message, 4);
        write_logs(world, ctx, workload, (pod, mistake), &lives);
    }
    ctx.shows(
        workload,
        rolled.new_pods.first().map(String::as_str),
        time::after(at, LIFE_S),
    );
}

fn write_logs(
    world: &mut World,
    ctx: &FaultContext,
    workload: &Workload,
    (pod, mistake): (&str, &Mistake),
    lives: &Lives,
) {
    let Some(&span) = lives.finished.last() else {
        return;
    };
    let life = |world: &World, (start, end): (Timestamp, Timestamp), ended: bool| {
        let served = chatter::application(world, &ctx.shop, workload, pod, (start, end)).to_text();
        let mut more = Lines::default();
        if mistake.pointer == "/timeoutSeconds" {
            pauses(workload, pod, (start, end), &mut more);
        }
        if ended {
            let message = "received signal terminated, draining connections";
            more.add(end, &line(workload, pod, Level::Info, end, message));
        }
        merge(&served, &more)
    };
    let dead = life(world, span, true);
    let current = match lives.running_since {
        Some(since) => life(world, (since, ctx.shop.now()), false),
        None => dead.clone(),
    };
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(current);
    log.previous = Some(dead);
}

/// The JVM's unified logging (`-Xlog:gc`), one full collection after the other before the end.
fn pauses(workload: &Workload, pod: &str, (start, end): (Timestamp, Timestamp), lines: &mut Lines) {
    let mut at = time::before(end, 58).max(time::after(start, 9));
    let mut number = 41;
    while at < end {
        let message = format!(
            "[gc] GC({number}) Pause Full (G1 Compaction Pause) 611M->498M(576M) 1{}12.418ms",
            number % 7 + 2
        );
        lines.add(at, &line(workload, pod, Level::Warn, at, &message));
        at = time::after(at, 14);
        number += 1;
    }
}
