//! Benchmarks: figures for the notes, asserted nowhere. `cargo nextest run --release -p investigation
//! --run-ignored only --no-capture bench`

use std::sync::Arc;
use std::time::Instant;

use llm::{ChatAnswer, ScriptedModel};
use playground::ServeOptions;
use playground::World;
use playground::cases::{self, RenderOptions};
use serde_json::{Value, json};
use triage::{Options, triage};

use crate::script::run;
use crate::world::serve;

/// Pods per node, as large clusters have them.
const PODS_PER_NODE: usize = 20;

/// Copies nodes with what belongs to them, until there is one for every [`PODS_PER_NODE`] pods.
fn add_nodes(world: &mut World, pods: usize) -> Vec<String> {
    let names: Vec<String> = world
        .of_kind("Node")
        .filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned))
        .collect();
    let template = names.first().expect("a node").clone();
    let parts: Vec<Value> = world
        .objects()
        .filter(|(key, _)| key.name == template && ["Node", "CSINode", "Lease"].contains(&key.kind.as_str()))
        .map(|(_, object)| object.clone())
        .collect();
    let added = (pods / PODS_PER_NODE).saturating_sub(names.len());
    let added: Vec<String> = (0..added).map(|index| format!("load-node-{index}")).collect();
    for name in &added {
        for part in &parts {
            let mut part = part.clone();
            part["metadata"]["name"] = json!(name);
            world.insert(part);
        }
    }
    added
}

/// Copies whole namespaces until the cluster has that many pods.
fn grow(world: &mut World, pods: usize) {
    let nodes = add_nodes(world, pods);
    let template: Vec<Value> = world
        .objects()
        .filter(|(key, _)| key.namespace == "shop" && key.kind != "Event" && !key.group.contains("metrics"))
        .map(|(_, object)| object.clone())
        .collect();
    let per_copy = template
        .iter()
        .filter(|object| object["kind"] == "Pod")
        .count()
        .max(1);
    let copies = pods
        .saturating_sub(world.of_kind("Pod").count())
        .div_ceil(per_copy);
    let mut placed = 0;
    for copy in 0..copies {
        let namespace = format!("load-{copy}");
        world.insert(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        for object in &template {
            let mut object = object.clone();
            object["metadata"]["namespace"] = json!(namespace);
            if object["kind"] == "Pod" && !nodes.is_empty() {
                placed += 1;
                object["spec"]["nodeName"] = json!(nodes[placed % nodes.len()]);
            }
            world.insert(object);
        }
    }
}

fn peak_rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark"]
async fn bench_triage_of_a_namespace_in_large_worlds() {
    let case = cases::cases()
        .iter()
        .find(|case| case.id == "pending-claim")
        .expect("the case");
    for pods in [0, 1_000, 10_000] {
        let mut rendered = cases::render(case, RenderOptions::default()).expect("it renders");
        grow(&mut rendered.world, pods);
        let found = rendered.world.of_kind("Pod").count();
        let nodes = rendered.world.of_kind("Node").count();
        if let Ok(dir) = std::env::var("DOGWATCH_BENCH_WORLDS") {
            let dir = std::path::Path::new(&dir).join(pods.to_string());
            playground::save_world(&rendered.world, &dir).expect("it is written");
        }
        let stage = serve(
            rendered,
            ServeOptions {
                freeze: true,
                ..ServeOptions::default()
            },
        )
        .await;
        let before = peak_rss_mib();
        let options = Options {
            clock: stage.clock,
            metrics: stage.metrics.clone(),
        };
        for run in 1..=3 {
            let brief = triage(&stage.reader, &stage.subject, &options).await.brief;
            println!(
                "{found} pods, {nodes} nodes, run {run}: {} {:?}, peak memory of playground and triage {} MiB (before: {before} MiB)",
                brief.verdict,
                brief.timings,
                peak_rss_mib()
            );
        }
    }
}

/// Overhead of a turn in which the model answers at once and calls no tool.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark"]
async fn bench_turns_without_tools() {
    const TURNS: usize = 6;
    let conclude = || {
        ChatAnswer::calling([(
            "conclude",
            json!({"verdict": "inconclusive", "state": "ongoing", "causes": [], "headline": "h", "next_steps": []}),
        )])
    };
    let stage = crate::world::stage("pending-claim", 0, false).await;
    for turns in [0, TURNS, 0, TURNS] {
        let mut answers: Vec<ChatAnswer> = (0..turns).map(|_| ChatAnswer::saying("I am thinking")).collect();
        answers.push(conclude());
        let model = Arc::new(ScriptedModel::new().answering("orchestrator", answers));
        let start = Instant::now();
        let report = run(&stage, Some(model.clone())).await;
        println!(
            "{} model calls: {:?} in all, verdict {}",
            model.requests().len(),
            start.elapsed(),
            report.verdict
        );
    }
}
