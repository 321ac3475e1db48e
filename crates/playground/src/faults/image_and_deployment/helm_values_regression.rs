//! A Helm revision sets a database host that does not exist. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{in_vain, rollout_undo};
use crate::build::helm::{Revision, store};
use crate::build::json::{items, set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{CallFailure, Level, failure, greeting, line};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Shop, releases};
use crate::simulate::callers::peer;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `image-and-deployment/helm-values-regression`.
pub struct HelmValuesRegression;

const ID: &str = "image-and-deployment/helm-values-regression";

impl Fault for HelmValuesRegression {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 48);
        let target = ctx.pick_role(&["catalog", "payments-api", "ledger"]);
        let (Some(workload), Some(database)) = (target, ctx.shop.role("postgres").cloned()) else {
            return Truth::without_cause("inconclusive");
        };
        let (found, expected) = (wrong_host(ctx, &database), database.host());
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set_host(template, &found);
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        upgrade(world, &ctx.shop, &workload, &found, at);
        let life_s = if workload.memory_use_mi > 400 {
            ctx.rng.range(9, 12)
        } else {
            ctx.rng.range(2, 4)
        };
        for pod in &rolled.new_pods {
            fail_to_connect(world, ctx, (&workload, &database), pod, &found, life_s);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, life_s + 2),
        );
        let params = json!({ "field": "database.host", "found": found, "expected": expected });
        let release = key("helm.sh", "Release", &workload.namespace, &workload.name);
        Truth::cause(release, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let found = text(&cause.params, "/found");
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .is_some_and(|object| {
                items(object, "/spec/template/spec/containers/0/env")
                    .iter()
                    .any(|variable| text(variable, "/value") == found)
            })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(victim)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let fix = Step::StrategicPatch {
            object: victim.clone(),
            patch: json!({ "spec": { "template": { "spec": { "containers": [{
                "name": victim.name,
                "env": [{ "name": "DB_HOST", "value": text(&cause.params, "/expected") }]
            }] } } } }),
        };
        let mut out = vec![Remedy::heals("fix-value", vec![fix])];
        if let Some(back) = rollout_undo(world, victim) {
            out.push(Remedy::heals("helm-rollback", vec![back]));
        }
        out.extend(in_vain(world, victim));
        out
    }
}

/// A host name that looks right and that no Service has.
fn wrong_host(ctx: &mut FaultContext, database: &Workload) -> String {
    let data = &database.namespace;
    let name = &database.name;
    match ctx.rng.below(3) {
        0 => format!("{name}-primary.{data}.svc.cluster.local"),
        1 => format!(
            "{name}.{}.svc.cluster.local",
            ctx.shop.names.namespace("platform")
        ),
        _ => format!("{name}-rw.{data}.svc.cluster.local"),
    }
}

fn set_host(template: &mut Value, host: &str) {
    let position = items(template, "/spec/containers/0/env")
        .iter()
        .position(|variable| text(variable, "/name") == "DB_HOST");
    if let Some(index) = position {
        set(
            template,
            &format!("/spec/containers/0/env/{index}/value"),
            json!(host),
        );
    }
}

/// Stores the new revision and marks the one before as superseded.
fn upgrade(world: &mut World, shop: &Shop, workload: &Workload, host: &str, at: Timestamp) {
    let current = releases::revision(shop, workload, 0);
    let superseded = Revision {
        status: "superseded",
        modified: time::after(at, 1),
        ..current.clone()
    };
    store(&shop.stamp, world, &superseded);
    let mut values = current.values.clone();
    set(&mut values, "/database/host", json!(host));
    let mut template = shop.template(workload, workload.version);
    set_host(&mut template, host);
    let next = Revision {
        number: current.number + 1,
        status: "deployed",
        deployed: at,
        modified: time::after(at, 1),
        values,
        manifest: releases::manifest(shop, workload, &template),
        ..current
    };
    store(&shop.stamp, world, &next);
}

/// The application gives up when it cannot reach its database.
fn fail_to_connect(
    world: &mut World,
    ctx: &mut FaultContext,
    (workload, database): (&Workload, &Workload),
    pod: &str,
    host: &str,
    life_s: i64,
) {
    let now = ctx.shop.now();
    let Some(object) = world.get("Pod", &workload.namespace, pod) else {
        return;
    };
    let started = time::after(
        time::parse(text(object, "/metadata/creationTimestamp")).unwrap_or(now),
        2,
    );
    let lives = Lives::since(started, life_s, now);
    crash(world, &ctx.shop, &workload.namespace, pod, &lives, FAILED);
    let mut asked = peer(&ctx.shop, database);
    asked.host = host.to_owned();
    let cause = failure(workload.voice, CallFailure::NoSuchHost, &asked);
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let dead = instance_log(workload, pod, &cause, (start, end)).to_text();
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(match lives.running_since {
        Some(since) => instance_log(workload, pod, &cause, (since, now)).to_text(),
        None => dead.clone(),
    });
    log.previous = Some(dead);
    ctx.metrics
        .forget(&[("namespace", workload.namespace.as_str()), ("pod", pod)]);
}

fn instance_log(workload: &Workload, pod: &str, cause: &str, (start, end): (Timestamp, Timestamp)) -> Lines {
    let mut lines = Lines::default();
    if let Some(hello) = greeting(workload, workload.version).first() {
        lines.add(start, &line(workload, pod, Level::Info, start, hello));
    }
    let last = time::before(end, 1).max(start);
    lines.add(
        last,
        &line(
            workload,
            pod,
            Level::Error,
            last,
            &format!("failed to connect to database: {cause}"),
        ),
    );
    lines.add(
        end,
        &line(workload, pod, Level::Error, end, "startup failed, exiting"),
    );
    lines
}
