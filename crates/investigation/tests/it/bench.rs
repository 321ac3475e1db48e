//! Benchmarks: figures for the notes, asserted nowhere. `cargo nextest run --release -p investigation
//! --run-ignored only --no-capture bench`

use playground::ServeOptions;
use playground::World;
use playground::cases::{self, RenderOptions};
use serde_json::{Value, json};
use triage::{Options, triage};

use crate::world::serve;

/// Copies whole namespaces until the cluster has that many pods.
fn grow(world: &mut World, pods: usize) {
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
    for copy in 0..copies {
        let namespace = format!("load-{copy}");
        world.insert(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        for object in &template {
            let mut object = object.clone();
            object["metadata"]["namespace"] = json!(namespace);
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
                "{found} pods, run {run}: {} {:?}, peak memory of playground and triage {} MiB (before: {before} MiB)",
                brief.verdict,
                brief.timings,
                peak_rss_mib()
            );
        }
    }
}
