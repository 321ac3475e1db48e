//! A rollout of a workload that suffers, shortly before it did, which changed nothing that matters.

use serde_json::json;

use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::log::merge;
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Workload};
use crate::faults::{FaultContext, Symptom, Truth};
use crate::simulate::callers::pods_of;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// Rolls out the next patch version of a healthy victim. What its pods have logged since stays.
pub fn add(world: &mut World, ctx: &mut FaultContext, truth: &Truth, symptom: &Symptom) {
    let Some(workload) = victim(world, ctx, truth, symptom) else {
        return;
    };
    let mut rng = ctx.rng.fork("harmless-rollout");
    let at = time::before(symptom.onset, rng.range(240, 900));
    let written: Vec<(String, String)> = pods_of(world, &workload)
        .iter()
        .map(|pod| {
            let name = text(pod, "/metadata/name").to_owned();
            let log = world
                .log_mut(&workload.namespace, &name, &workload.name)
                .current
                .clone();
            (name, since(log.as_deref().unwrap_or_default(), at))
        })
        .collect();
    let image = workload.image_at(workload.next_version());
    let change = Change::of(&workload, at, true);
    let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(template, "/spec/containers/0/image", json!(image));
    });
    for (new, (old, lines)) in rolled.into_iter().flat_map(|rolled| rolled.new_pods).zip(written) {
        let log = world.log_mut(&workload.namespace, &new, &workload.name);
        let both = log.current.take().unwrap_or_default() + &lines.replace(&old, &new);
        log.current = Some(merge(&both, &Lines::default()));
    }
}

/// A victim that a pipeline deploys and whose pods are all as they should be; the one that the symptom names first.
fn victim(world: &World, ctx: &FaultContext, truth: &Truth, symptom: &Symptom) -> Option<Workload> {
    let healthy = |workload: &Workload| {
        pods_of(world, workload)
            .iter()
            .all(|pod| crate::build::service::is_ready(pod) && crate::simulate::pods::restarts(pod) == 0)
    };
    let is_cause = |workload: &Workload| {
        truth
            .root_causes
            .iter()
            .any(|cause| cause.object.namespace == workload.namespace && cause.object.name == workload.name)
    };
    let named = super::afflicted(ctx, symptom);
    let others = truth
        .victims
        .iter()
        .filter_map(|victim| ctx.shop.named(&victim.namespace, &victim.name).cloned());
    named.into_iter().chain(others).find(|workload| {
        workload.kind == Kind::Deployment
            && workload.delivery == Delivery::Pipeline
            && workload.volume_gi.is_none()
            && !is_cause(workload)
            && healthy(workload)
    })
}

/// The lines of a log from a moment on.
fn since(log: &str, at: jiff::Timestamp) -> String {
    let limit = time::nanos(at);
    log.lines()
        .filter(|line| line.split(' ').next().unwrap_or_default() >= limit.as_str())
        .map(|line| format!("{line}\n"))
        .collect()
}
