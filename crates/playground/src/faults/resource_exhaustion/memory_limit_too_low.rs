//! A rollout lowers the memory limit below what the application needs. Must not know how it is found.

use serde_json::json;

use super::edits;
use crate::build::json::{number, set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{CallFailure, Level, greeting, line, request};
use crate::build::metrics::Span;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::shop::chatter::some_path;
use crate::shop::telemetry::{WORKING_SET, aligned, mebibytes};
use crate::simulate::callers::{self, Silence};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{OOM_KILLED, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `resource-exhaustion/memory-limit-too-low`.
pub struct MemoryLimitTooLow;

const ID: &str = "resource-exhaustion/memory-limit-too-low";
const LIMIT: &str = "/spec/containers/0/resources/limits/memory";
const REQUEST: &str = "/spec/containers/0/resources/requests/memory";

impl Fault for MemoryLimitTooLow {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(19, 38);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let share = u64::try_from(ctx.rng.range(38, 62)).unwrap_or(50);
        let limit_mi = (workload.memory_use_mi * share / 100 / 8 * 8).max(24);
        let (found, expected) = (format!("{limit_mi}Mi"), format!("{}Mi", workload.memory_limit_mi));
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, LIMIT, json!(found));
            if workload.memory_request_mi > limit_mi {
                set(template, REQUEST, json!(found));
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let life_s = ctx.rng.range(24, 70);
        for pod in &rolled.new_pods {
            let jitter = ctx.rng.range(0, 12);
            overrun(world, ctx, &workload, pod, life_s + jitter);
        }
        let onset = time::after(at, life_s + 3);
        let affected = silence(world, ctx, &workload, onset);
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].resources.limits.memory", workload.name),
            "found": found, "expected": expected
        });
        let mut victims = affected;
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let needed = mebibytes(text(&cause.params, "/expected")) * 0.75;
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .map(|object| mebibytes(text(object, &format!("/spec/template{LIMIT}"))))
            .is_some_and(|limit| limit > 0.0 && limit < needed)
    }

    fn remedies(&self, world: &World, _shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let workload = &cause.object;
        let found = mebibytes(text(&cause.params, "/found"));
        let limit = |value: &str| {
            let mut wanted = edits::resources_of(world, workload);
            set(&mut wanted, "/limits/memory", json!(value));
            edits::resources(workload, &wanted)
        };
        let replicas = world
            .object(workload)
            .map_or(1, |object| number(object, "/spec/replicas"));
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, workload)),
            Remedy::heals("raise-limit", limit(text(&cause.params, "/expected"))),
            Remedy::fails("raise-limit-a-little", limit(&format!("{:.0}Mi", found * 1.05))),
            Remedy::fails("restart", edits::restart(workload)),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("scale-up", edits::scale(workload, replicas + 1)),
        ]
    }
}

/// The callers of a workload that does not answer since a moment.
pub(super) fn silence(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    from: jiff::Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let until = ctx.shop.now();
    let silence = Silence {
        callee: workload,
        why: CallFailure::Refused,
        from,
        until,
        only: &[],
    };
    callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence))
}

/// Lets a pod run into its limit again and again: status, BackOff event, log, working set.
pub(super) fn overrun(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    life_s: i64,
) {
    let now = ctx.shop.now();
    let Some(object) = world.get("Pod", &workload.namespace, pod).cloned() else {
        return;
    };
    let started = time::after(
        time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(now),
        2,
    );
    let lives = Lives::since(started, life_s, now);
    crash(world, &ctx.shop, &workload.namespace, pod, &lives, OOM_KILLED);
    write_logs(world, &ctx.shop, workload, pod, &lives);
    let limit = mebibytes(text(&object, "/spec/containers/0/resources/limits/memory")) * 1_048_576.0;
    let labels = [
        ("namespace", workload.namespace.as_str()),
        ("pod", pod),
        ("container", workload.name.as_str()),
        ("node", text(&object, "/spec/nodeName")),
    ];
    let span = Span {
        step_s: 30,
        ..aligned(started, now, 30)
    };
    ctx.metrics.sparse(WORKING_SET, &labels, span, |at| {
        working_set(&lives, at, limit, life_s)
    });
}

fn working_set(lives: &Lives, at: i64, limit: f64, life_s: i64) -> Option<f64> {
    let current = lives.running_since.map(|start| (start.as_second(), i64::MAX));
    let all = lives
        .finished
        .iter()
        .map(|(start, end)| (start.as_second(), end.as_second()))
        .chain(current);
    let (start, _) = all.into_iter().find(|(start, end)| at >= *start && at < *end)?;
    let age =
        f64::from(i32::try_from(at - start).unwrap_or(0)) / f64::from(i32::try_from(life_s).unwrap_or(1));
    Some((limit * (0.72 + 0.27 * age.min(1.0))).round())
}

/// An instance that the kernel kills leaves a log that just stops.
fn write_logs(world: &mut World, shop: &Shop, workload: &Workload, pod: &str, lives: &Lives) {
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let dead = instance_log(shop, workload, pod, start, end).to_text();
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(match lives.running_since {
        Some(since) => instance_log(shop, workload, pod, since, shop.now()).to_text(),
        None => dead.clone(),
    });
    log.previous = Some(dead);
}

fn instance_log(
    shop: &Shop,
    workload: &Workload,
    pod: &str,
    start: jiff::Timestamp,
    end: jiff::Timestamp,
) -> Lines {
    let mut lines = Lines::default();
    let mut rng = Rng::new(shop.stamp.hash(&format!("{pod}/{start}")));
    for (index, message) in greeting(workload, workload.version).iter().enumerate() {
        let at = time::after(start, i64::try_from(index).unwrap_or(0));
        if at < end {
            lines.add(at, &line(workload, pod, Level::Info, at, message));
        }
    }
    let mut at = time::after(start, 6);
    while at < end {
        lines.add(
            at,
            &request(workload, pod, at, &some_path(&mut rng), 200, rng.range(3, 60)),
        );
        at = time::after(at, rng.range(3, 9));
    }
    lines
}
