//! A release loads more at its start than before, and the liveness probe kills it before it listens. Must not know how it
//! is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::app_crash::relabel;
use super::edits;
use crate::build::json::{number, set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, line};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::release::exists;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{Exit, unready};
use crate::simulate::probes::{Failing, killed, unhealthy};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `app-vs-infra/startup-slower-than-probe`.
pub struct StartupSlowerThanProbe;

const ID: &str = "app-vs-infra/startup-slower-than-probe";
const CONTAINER: &str = "/spec/template/spec/containers/0";

impl Fault for StartupSlowerThanProbe {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(28, 50);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let version = workload.next_version();
        let found = workload.image_at(version);
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(found));
            relabel(template, version);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let budget = world
            .get("Deployment", &workload.namespace, &workload.name)
            .map_or(80, liveness_budget_s);
        let boot_s = budget + ctx.rng.range(40, 150);
        for pod in &rolled.new_pods {
            let lives = Lives::since(time::after(at, 4), budget + ctx.rng.range(0, 4), ctx.shop.now());
            boot(world, &ctx.shop, &workload, (pod, version), &lives, boot_s);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, budget),
        );
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].startupProbe", workload.name),
            "found": null, "expected": format!("{boot_s}s"), "image": found, "image_before": workload.image()
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let boot_s: i64 = text(&cause.params, "/expected")
            .trim_end_matches('s')
            .parse()
            .unwrap_or(0);
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| {
                let startup = format!("{CONTAINER}/startupProbe");
                let patience = if object.pointer(&startup).is_some() {
                    let period = number(object, &format!("{startup}/periodSeconds")).max(1);
                    number(object, &format!("{startup}/initialDelaySeconds"))
                        + period * number(object, &format!("{startup}/failureThreshold")).max(1)
                } else {
                    liveness_budget_s(object)
                };
                let is_new = text(object, &format!("{CONTAINER}/image")) == text(&cause.params, "/image");
                (is_new || !exists(world, cause))
                    && object.pointer(&format!("{CONTAINER}/livenessProbe")).is_some()
                    && patience < boot_s
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let startup = json!({ "startupProbe": {
            "tcpSocket": { "port": workload.port }, "periodSeconds": 10, "failureThreshold": 60
        } });
        let before = text(&cause.params, "/image_before");
        vec![
            Remedy::heals("add-startup-probe", edits::container(&cause.object, startup)),
            Remedy::heals(
                "raise-initial-delay",
                edits::container(
                    &cause.object,
                    json!({ "livenessProbe": { "initialDelaySeconds": 600 } }),
                ),
            ),
            Remedy::heals(
                "rollout-undo",
                edits::container(&cause.object, json!({ "image": before })),
            ),
            Remedy::fails("restart", edits::restart(&cause.object)),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
        ]
    }
}

/// Seconds from a container's start to its kill while the liveness probe fails from the first time on.
fn liveness_budget_s(deployment: &Value) -> i64 {
    let field = |name: &str| number(deployment, &format!("{CONTAINER}/livenessProbe/{name}"));
    field("initialDelaySeconds") + field("periodSeconds").max(1) * (field("failureThreshold").max(1) - 1) + 2
}

fn boot(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    (pod, version): (&str, (u64, u64, u64)),
    lives: &Lives,
    boot_s: i64,
) {
    let namespace = workload.namespace.as_str();
    let address = world
        .get("Pod", namespace, pod)
        .map(|object| text(object, "/status/podIP").to_owned())
        .unwrap_or_default();
    let refused = |probe: &str| {
        let path = if workload.voice == Voice::Java {
            "/actuator/health"
        } else {
            "/healthz"
        };
        let host = format!("{address}:{}", workload.port);
        format!(
            "{probe} probe failed: Get \"http://{host}{path}\": dial tcp {host}: connect: connection refused"
        )
    };
    let exit = Exit {
        code: 143,
        reason: "Error",
    };
    killed(
        world,
        shop,
        (namespace, pod),
        lives,
        exit,
        &refused("Liveness"),
        4,
    );
    let (Some(first), Some(&(start, end))) = (lives.finished.first(), lives.finished.last()) else {
        return;
    };
    let kills = i64::try_from(lives.finished.len()).unwrap_or(1);
    let not_ready = Failing {
        pod: (namespace, pod),
        message: refused("Readiness"),
        span: (time::after(first.0, 6), time::before(end, 3)),
        count: kills * 7,
    };
    unhealthy(world, shop, &not_ready);
    if let Some(object) = world.get_mut("Pod", namespace, pod) {
        set(object, "/status/containerStatuses/0/ready", json!(false));
    }
    unready(world, shop, namespace, pod, time::after(first.0, 1));
    let dead = instance(workload, pod, version, (start, end), boot_s, true).to_text();
    let current = match lives.running_since {
        Some(since) => instance(workload, pod, version, (since, shop.now()), boot_s, false).to_text(),
        None => dead.clone(),
    };
    let log = world.log_mut(namespace, pod, &workload.name);
    log.current = Some(current);
    log.previous = Some(dead);
}

/// What the application says while it loads, and when it is told to stop.
fn instance(
    workload: &Workload,
    pod: &str,
    version: (u64, u64, u64),
    (start, end): (Timestamp, Timestamp),
    boot_s: i64,
    is_stopped: bool,
) -> Lines {
    let mut lines = Lines::default();
    if let Some(hello) = greeting(workload, version).first() {
        lines.add(start, &line(workload, pod, Level::Info, start, hello));
    }
    let mut at = time::after(start, 3);
    while at < end {
        let passed = at.as_second() - start.as_second();
        let share = (passed * 100 / boot_s.max(1)).clamp(0, 99);
        let message = format!(
            "warming up: loaded {share}% of the product index ({} of 48210 segments)",
            share * 482
        );
        lines.add(at, &line(workload, pod, Level::Info, at, &message));
        at = time::after(at, 8);
    }
    if is_stopped {
        let message = "received SIGTERM before startup completed, shutting down";
        lines.add(end, &line(workload, pod, Level::Warn, end, message));
    }
    lines
}
