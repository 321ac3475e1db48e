//! Pods of unrelated workloads fail at once because they share a node that looks healthy. Must not know how it is
//! found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::{items, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, line};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::app_vs_infra::edits::takes_pods;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{Exit, crash};
use crate::world::World;

/// `cascading-failure/shared-cause-multi-pod`.
pub struct SharedCauseMultiPod;

const ID: &str = "cascading-failure/shared-cause-multi-pod";

/// Ended by signal 11.
const FAULTED: Exit = Exit {
    code: 139,
    reason: "Error",
};

impl Fault for SharedCauseMultiPod {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 42);
        let Some((node, struck)) = crowded_node(world, ctx) else {
            return Truth::without_cause("inconclusive");
        };
        for (workload, pod) in &struck {
            let first = time::after(at, ctx.rng.range(0, 55));
            let life_s = ctx.rng.range(14, 40);
            fail(world, ctx, workload, pod, (first, life_s));
        }
        crate::simulate::settle::settle(world, &ctx.shop);
        let shown = ctx
            .target
            .clone()
            .and_then(|role| struck.iter().find(|(workload, _)| workload.role == role))
            .or_else(|| ctx.rng.pick(&struck))
            .cloned();
        if let Some((workload, pod)) = shown {
            ctx.shows(&workload, Some(&pod), time::after(at, 60));
            ctx.label("node", &node);
        }
        let victims = struck
            .iter()
            .map(|(workload, _)| workload_key(workload))
            .collect();
        let params = json!({
            "field": "spec.nodeName", "found": node, "expected": "another node",
            "pods": struck.iter().map(|(_, pod)| pod).collect::<Vec<_>>()
        });
        Truth::cause(key("", "Node", "", &node), ID, params, victims)
    }

    /// Pods of the workloads still run on that node.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let struck = items(&cause.params, "/pods");
        world.of_kind("Pod").any(|pod| {
            struck
                .iter()
                .any(|name| pod.pointer("/metadata/name") == Some(name))
                && text(pod, "/spec/nodeName") == cause.object.name
        }) || takes_pods(world, &cause.object.name)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let cordon = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "unschedulable": true } }),
        };
        let pods: Vec<Step> = world
            .of_kind("Pod")
            .filter(|pod| {
                items(&cause.params, "/pods")
                    .iter()
                    .any(|name| pod.pointer("/metadata/name") == Some(name))
            })
            .map(|pod| {
                Step::Delete(key(
                    "",
                    "Pod",
                    text(pod, "/metadata/namespace"),
                    text(pod, "/metadata/name"),
                ))
            })
            .collect();
        let restarts = truth
            .victims
            .iter()
            .take(1)
            .map(|victim| edits::restart(shop, victim));
        vec![
            Remedy::heals(
                "drain",
                std::iter::once(cordon).chain(pods.iter().cloned()).collect(),
            ),
            Remedy::heals(
                "delete-node",
                std::iter::once(Step::Delete(cause.object.clone()))
                    .chain(pods.iter().cloned())
                    .collect(),
            ),
            Remedy::fails("delete-pod", pods.into_iter().take(1).collect()),
            Remedy::fails("restart", restarts.collect()),
        ]
    }
}

/// The node with the most stateless workloads (of the target's nodes, if there is one), and one pod of each there.
fn crowded_node(world: &World, ctx: &FaultContext) -> Option<(String, Vec<(Workload, String)>)> {
    let mut by_node: BTreeMap<String, Vec<(Workload, String)>> = BTreeMap::new();
    let spread =
        |found: &&Workload| found.replicas > 1 && found.volume_gi.is_none() && found.role != "ingress";
    for workload in ctx.shop.workloads.iter().filter(spread) {
        for pod in pods_of(world, workload) {
            let here = by_node
                .entry(text(&pod, "/spec/nodeName").to_owned())
                .or_default();
            if !here.iter().any(|(known, _)| known.role == workload.role) {
                here.push((workload.clone(), text(&pod, "/metadata/name").to_owned()));
            }
        }
    }
    let front = ctx.shop.names.namespace("shop");
    let fits = |struck: &[(Workload, String)]| {
        ctx.target
            .as_ref()
            .is_none_or(|target| struck.iter().any(|(workload, _)| workload.role == target))
    };
    by_node
        .into_iter()
        .filter(|(_, struck)| fits(struck))
        .max_by_key(|(_, struck)| {
            struck
                .iter()
                .filter(|(workload, _)| workload.namespace == front)
                .count()
        })
}

fn fail(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    (first, life_s): (Timestamp, i64),
) {
    let lives = Lives::since(first, life_s, ctx.shop.now());
    crash(world, &ctx.shop, &workload.namespace, pod, &lives, FAULTED);
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let text = last_words(workload, pod, start, end).to_text();
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(match lives.running_since {
        Some(since) => last_words(workload, pod, since, since).to_text(),
        None => text.clone(),
    });
    log.previous = Some(text);
}

/// A process that a signal ends says little: it starts, and the log stops.
fn last_words(workload: &Workload, pod: &str, start: Timestamp, end: Timestamp) -> Lines {
    let mut lines = Lines::default();
    for (index, hello) in greeting(workload, workload.version).iter().enumerate() {
        let at = time::after(start, i64::try_from(index).unwrap_or(0)).min(end);
        lines.add(at, &line(workload, pod, Level::Info, at, hello));
    }
    lines
}
