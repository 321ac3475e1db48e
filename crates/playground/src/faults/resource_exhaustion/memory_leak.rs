//! A release leaks memory: for hours all is well, then the kernel kills the container. Must not know how it is
//! found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, line};
use crate::build::time;
use crate::build::workload::{Workload, tag};
use crate::faults::release::is_to_blame;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::{LIMITS, WORKING_SET, aligned, mebibytes, wave};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{OOM_KILLED, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `resource-exhaustion/memory-leak`.
pub struct MemoryLeak;

const ID: &str = "resource-exhaustion/memory-leak";
const IMAGE: &str = "/spec/containers/0/image";
const MIB: f64 = 1_048_576.0;

/// One pod's leak.
struct Leak<'a> {
    workload: &'a Workload,
    pod: &'a str,
    node: &'a str,
    lives: Lives,
    life_s: i64,
    limit_mi: f64,
}

impl Fault for MemoryLeak {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24 * 60, 30 * 60);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let version = workload.next_version();
        let (found, expected) = (workload.image_at(version), workload.image());
        before_release(world, ctx, &workload, at);
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, IMAGE, json!(found));
            relabel(template, version);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let age = ctx.shop.now().as_second() - at.as_second();
        let lives_so_far = ctx.rng.range(4, 6);
        for (ordinal, pod) in rolled.new_pods.iter().enumerate() {
            let shift = 1_300 * i64::try_from(ordinal).unwrap_or(0) + ctx.rng.range(0, 300);
            let life_s = (age - 1_500 - shift) / lives_so_far;
            leak(world, ctx, &workload, (pod, version), life_s);
        }
        let first_kill = time::after(at, age / (lives_so_far + 1));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), first_kill);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].image", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| is_to_blame(world, cause))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let mut raised = edits::resources_of(world, object);
        set(&mut raised, "/limits/memory", json!("4Gi"));
        let image = json!([{
            "op": "replace", "path": format!("/spec/template{IMAGE}"), "value": text(&cause.params, "/expected")
        }]);
        let step = Step::JsonPatch {
            object: object.clone(),
            patch: image,
        };
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("former-image", vec![step]),
            Remedy::fails("raise-limit", edits::resources(object, &raised)),
            Remedy::fails("restart", edits::restart(object)),
            Remedy::fails("delete-pod", edits::delete_pods(world, object)),
        ]
    }
}

fn relabel(template: &mut Value, version: (u64, u64, u64)) {
    for index in 0..3 {
        let pointer = format!("/spec/containers/0/env/{index}");
        if template.pointer(&format!("{pointer}/name")) == Some(&json!("APP_VERSION")) {
            set(template, &format!("{pointer}/value"), json!(tag(version)));
        }
    }
}

/// The flat working set of the release before: what the leak is measured against.
fn before_release(world: &World, ctx: &mut FaultContext, workload: &Workload, at: Timestamp) {
    for pod in crate::simulate::callers::pods_of(world, workload) {
        let name = text(&pod, "/metadata/name").to_owned();
        let labels = [
            ("namespace", workload.namespace.as_str()),
            ("pod", name.as_str()),
            ("container", workload.name.as_str()),
            ("node", text(&pod, "/spec/nodeName")),
        ];
        let usual = mib(workload.memory_use_mi);
        let span = aligned(time::before(at, 10 * 3_600), at, 300);
        ctx.metrics.gauge(WORKING_SET, &labels, span, |moment| {
            (usual * MIB * (1.0 + 0.02 * wave(moment, 7))).round()
        });
    }
}

fn leak(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    (pod, version): (&str, (u64, u64, u64)),
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
    let limit_mi = mebibytes(text(&object, "/spec/containers/0/resources/limits/memory"));
    let lives = Lives::since(started, life_s, now);
    let leak = Leak {
        workload,
        pod,
        node: text(&object, "/spec/nodeName"),
        lives,
        life_s,
        limit_mi,
    };
    crash(
        world,
        &ctx.shop,
        &workload.namespace,
        pod,
        &leak.lives,
        OOM_KILLED,
    );
    write_logs(world, &leak, version, now);
    write_metrics(ctx, &leak, started);
    if let Some(since) = leak.lives.running_since {
        let used = leak.at(now.as_second() - since.as_second());
        world.insert(pod_metrics(&object, workload, used, now));
    }
}

impl Leak<'_> {
    /// Working set in MiB at an age in seconds: linear from the usual size to the limit.
    fn at(&self, age_s: i64) -> f64 {
        let share =
            f64::from(i32::try_from(age_s).unwrap_or(0)) / f64::from(i32::try_from(self.life_s).unwrap_or(1));
        let usual = mib(self.workload.memory_use_mi).min(self.limit_mi * 0.6);
        usual + (self.limit_mi * 0.995 - usual) * share.clamp(0.0, 1.0)
    }

    fn used_at(&self, moment: i64) -> Option<f64> {
        let current = self
            .lives
            .running_since
            .map(|start| (start.as_second(), i64::MAX));
        let finished = self
            .lives
            .finished
            .iter()
            .map(|(start, end)| (start.as_second(), end.as_second()));
        let (start, _) = finished
            .chain(current)
            .find(|(start, end)| moment >= *start && moment < *end)?;
        Some((self.at(moment - start) * MIB).round())
    }
}

fn write_metrics(ctx: &mut FaultContext, leak: &Leak<'_>, started: Timestamp) {
    let labels = [
        ("namespace", leak.workload.namespace.as_str()),
        ("pod", leak.pod),
        ("container", leak.workload.name.as_str()),
        ("node", leak.node),
    ];
    let now = ctx.shop.now();
    let span = aligned(started, now, 240);
    ctx.metrics
        .sparse(WORKING_SET, &labels, span, |moment| leak.used_at(moment));
    let mut limit_labels = labels.to_vec();
    limit_labels.extend([("resource", "memory"), ("unit", "byte")]);
    let recent = aligned(time::before(now, 6 * 3_600), now, 240);
    ctx.metrics
        .gauge(LIMITS, &limit_labels, recent, |_| leak.limit_mi * MIB);
}

/// Heap figures every few minutes, up to the end.
fn write_logs(world: &mut World, leak: &Leak<'_>, version: (u64, u64, u64), now: Timestamp) {
    let Some(&(start, end)) = leak.lives.finished.last() else {
        return;
    };
    let dead = instance_log(leak, version, start, end).to_text();
    let log = world.log_mut(&leak.workload.namespace, leak.pod, &leak.workload.name);
    log.current = Some(match leak.lives.running_since {
        Some(since) => instance_log(leak, version, since, now).to_text(),
        None => dead.clone(),
    });
    log.previous = Some(dead);
}

fn instance_log(leak: &Leak<'_>, version: (u64, u64, u64), start: Timestamp, end: Timestamp) -> Lines {
    let mut lines = Lines::default();
    for (index, message) in greeting(leak.workload, version).iter().enumerate() {
        let at = time::after(start, i64::try_from(index).unwrap_or(0));
        lines.add(at, &line(leak.workload, leak.pod, Level::Info, at, message));
    }
    let mut at = time::after(start, 300);
    while at < end {
        let age = at.as_second() - start.as_second();
        let used = leak.at(age);
        let level = if used > leak.limit_mi * 0.9 {
            Level::Warn
        } else {
            Level::Info
        };
        let message = format!(
            "memory: heap_used={:.0}MiB rss={used:.0}MiB live_objects={} uptime={}m",
            used * 0.83,
            age * 47 + 91_000,
            age / 60
        );
        lines.add(at, &line(leak.workload, leak.pod, level, at, &message));
        at = time::after(at, 300);
    }
    lines
}

fn pod_metrics(pod: &Value, workload: &Workload, used_mi: f64, now: Timestamp) -> Value {
    json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
        "metadata": {
            "name": text(pod, "/metadata/name"), "namespace": workload.namespace,
            "labels": pod.pointer("/metadata/labels"), "creationTimestamp": time::seconds(now)
        },
        "timestamp": time::seconds(time::before(now, 18)), "window": "15.021s",
        "containers": [{
            "name": workload.name,
            "usage": { "cpu": format!("{}n", workload.cpu_m * 420_000), "memory": format!("{:.0}Ki", used_mi * 1024.0) }
        }]
    })
}

fn mib(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}
