//! What else is odd in any real cluster: it never causes the staged symptom. Must not know how causes are told from
//! noise.

pub mod crashing_preview;
pub mod expired_leftovers;
pub mod failed_job;
pub mod flake;
pub mod harmless_rollout;
pub mod injected_instruction;
pub mod leftovers;
pub mod misleading_log;
pub mod restarts;
pub mod update;

use crate::build::workload::{Kind, Workload};
use crate::faults::{FaultContext, Symptom, Truth};
use crate::rng::Rng;
use crate::world::World;

/// Adds noise by name: `standard` is the usual mixture.
///
/// # Errors
/// The first name that is not known.
pub fn add(
    world: &mut World,
    ctx: &mut FaultContext,
    noises: &[String],
    truth: &Truth,
    symptom: &Symptom,
) -> Result<(), String> {
    for noise in noises {
        match noise.as_str() {
            "standard" => standard(world, ctx, truth, symptom),
            "injected-instruction" => injected_instruction::add(world, ctx, truth, symptom),
            "misleading-log" => misleading_log::add(world, ctx, symptom),
            "harmless-rollout" => harmless_rollout::add(world, ctx, truth, symptom),
            "expired-leftovers" => expired_leftovers::add(world, ctx, symptom),
            unknown => return Err(unknown.to_owned()),
        }
    }
    Ok(())
}

/// Some noise, chosen by the seed, away from what the case is about.
fn standard(world: &mut World, ctx: &mut FaultContext, truth: &Truth, symptom: &Symptom) {
    let mut rng = ctx.rng.fork("noise");
    let quiet: Vec<Workload> = bystanders(ctx, truth, symptom);
    let namespace = quiet_namespace(ctx, symptom);
    crashing_preview::add(world, &ctx.shop, &namespace, &mut rng);
    leftovers::add(world, &ctx.shop, &namespace, &mut rng);
    if let Some(workload) = rng.pick(&quiet) {
        restarts::add(world, &ctx.shop, workload, &mut rng);
    }
    if rng.chance(70) {
        failed_job::add(world, &ctx.shop, &namespace, &mut rng);
    }
    if rng.chance(70) {
        flaky(world, ctx, &quiet, &mut rng);
    }
    if rng.chance(60) {
        let updatable: Vec<Workload> = quiet
            .iter()
            .filter(|workload| workload.kind == Kind::Deployment && !workload.delivery.is_helm())
            .filter(|workload| workload.volume_gi.is_none())
            .cloned()
            .collect();
        if let Some(workload) = rng.pick(&updatable) {
            update::add(world, ctx, workload, &mut rng);
        }
    }
}

/// The workloads of the shop that a symptom shows at: the named one, and the one behind the public route.
fn afflicted(ctx: &FaultContext, symptom: &Symptom) -> Vec<Workload> {
    let mut out: Vec<Workload> = Vec::new();
    for found in std::iter::once(&symptom.workload).chain(&symptom.front) {
        if let Some(workload) = ctx.shop.named(&found.namespace, &found.name)
            && !out.contains(workload)
        {
            out.push(workload.clone());
        }
    }
    out
}

/// Adds lines to the current log of a workload's running pods, from a moment on with a step in seconds.
fn chat(
    world: &mut World,
    ctx: &FaultContext,
    workload: &Workload,
    (from, step_s): (jiff::Timestamp, i64),
    text_at: &dyn Fn(&str, jiff::Timestamp) -> String,
) {
    for pod in crate::simulate::callers::pods_of(world, workload) {
        if pod.pointer("/status/containerStatuses/0/state/running").is_none() {
            continue;
        }
        let name = crate::build::json::text(&pod, "/metadata/name");
        let started =
            crate::build::time::parse(crate::build::json::text(&pod, "/status/startTime")).unwrap_or(from);
        let mut lines = crate::build::log::Lines::default();
        let mut at = from.max(started);
        while at < ctx.shop.now() {
            lines.add(at, &text_at(name, at));
            at = crate::build::time::after(at, step_s);
        }
        let log = world.log_mut(&workload.namespace, name, &workload.name);
        log.current = Some(crate::build::log::merge(
            log.current.as_deref().unwrap_or_default(),
            &lines,
        ));
    }
}

fn flaky(world: &mut World, ctx: &FaultContext, quiet: &[Workload], rng: &mut Rng) {
    let probed: Vec<&Workload> = quiet
        .iter()
        .filter(|workload| workload.voice.speaks_http())
        .collect();
    if let Some(workload) = rng.pick(&probed) {
        flake::add(world, &ctx.shop, workload, rng);
    }
}

/// Workloads that neither take part in the case nor are called by, or call, one that does.
fn bystanders(ctx: &FaultContext, truth: &Truth, symptom: &Symptom) -> Vec<Workload> {
    let involved = |workload: &Workload| {
        let is = |namespace: &str, name: &str| namespace == workload.namespace && name == workload.name;
        is(&symptom.workload.namespace, &symptom.workload.name)
            || truth
                .victims
                .iter()
                .any(|victim| is(&victim.namespace, &victim.name))
            || truth
                .root_causes
                .iter()
                .any(|cause| is(&cause.object.namespace, &cause.object.name))
    };
    let roles: Vec<&str> = ctx
        .shop
        .workloads
        .iter()
        .filter(|workload| involved(workload))
        .map(|workload| workload.role)
        .collect();
    let touched: Vec<&str> = ctx
        .shop
        .workloads
        .iter()
        .filter(|workload| roles.contains(&workload.role))
        .flat_map(|workload| workload.calls.iter().copied())
        .collect();
    ctx.shop
        .workloads
        .iter()
        .filter(|workload| !roles.contains(&workload.role) && !touched.contains(&workload.role))
        .filter(|workload| !workload.calls.iter().any(|called| roles.contains(called)))
        .filter(|workload| !matches!(workload.role, "ingress" | "storefront"))
        .cloned()
        .collect()
}

/// A namespace that the case does not touch.
fn quiet_namespace(ctx: &FaultContext, symptom: &Symptom) -> String {
    let front = symptom
        .front
        .as_ref()
        .map(|front| front.namespace.clone())
        .unwrap_or_default();
    ["platform", "payments", "edge"]
        .iter()
        .map(|role| ctx.shop.names.namespace(role))
        .find(|name| *name != symptom.workload.namespace && *name != front)
        .unwrap_or_else(|| "default".to_owned())
}
