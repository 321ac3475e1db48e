//! Faults that spread from one component to others, through triage under alerts and questions that are hops away from the
//! cause: the cause and no other.

use playground::ServeOptions;
use playground::stage::stimulus::Stimulus;
use playground::stage::{FaultSpec, RenderOptions, Staging, render};

use crate::triage_cases::check_stage;
use crate::world::serve;

/// Fault, and the alert rule or (with a slash) the workload, or (with a space) the question that brings it up.
const CASES: &[(&str, &str)] = &[
    ("cascading-failure/dependency-down", "HighErrorRate"),
    ("cascading-failure/dependency-slow", "HighLatency"),
    ("cascading-failure/shared-cause-multi-pod", "KubePodCrashLooping"),
    ("cascading-failure/dns-broken", "HighErrorRate"),
    ("cascading-failure/shared-pvc-corruption", "HighErrorRate"),
    (
        "cascading-failure/node-failure-avalanche",
        "KubeDeploymentReplicasMismatch",
    ),
    ("cascading-failure/service-missing", "HighErrorRate"),
    ("cascading-failure/port-mismatch", "HighErrorRate"),
    ("cascading-failure/selector-too-broad", "HighErrorRate"),
    (
        "cascading-failure/ingress-misrouted",
        "{namespace}/{kind}/{workload}",
    ),
    ("cascading-failure/dns-policy-wrong", "HighErrorRate"),
    ("cascading-failure/retry-storm", "HighLatency"),
    ("cascading-failure/queue-backlog", "ConsumerLagGrowing"),
    (
        "cascading-failure/upstream-rate-limited",
        "{namespace}/{kind}/{workload}",
    ),
    ("cascading-failure/service-selector-mismatch", "HighErrorRate"),
    ("cascading-failure/network-policy-blocks", "HighErrorRate"),
];

fn stimulus(said: &str) -> Stimulus {
    if said.contains('/') {
        Stimulus::Workload(said.to_owned())
    } else {
        Stimulus::Alert(said.to_owned())
    }
}

async fn check_all(seeds: impl IntoIterator<Item = u64>) {
    let only = std::env::var("DOGWATCH_FAULT").unwrap_or_default();
    let mut failures = Vec::new();
    let mut passed = 0;
    for seed in seeds {
        for (id, said) in CASES.iter().filter(|(id, _)| id.contains(&only)) {
            let staging = Staging {
                name: format!("spread {id}"),
                faults: vec![FaultSpec {
                    id: (*id).to_owned(),
                    ..FaultSpec::default()
                }],
                noise: vec!["standard".to_owned()],
                stimulus: stimulus(said),
            };
            let randomize = seed % 4 != 0;
            let rendered = render(&staging, RenderOptions { seed, randomize }).expect("it renders");
            let options = ServeOptions {
                freeze: true,
                ..ServeOptions::default()
            };
            match check_stage(id, serve(rendered, options).await, (seed, randomize)).await {
                Ok(()) => passed += 1,
                Err(failure) => failures.push(failure),
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures, {passed} passed\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test]
async fn every_fault_that_spreads_is_traced_to_its_cause() {
    check_all([5]).await;
}

/// `DOGWATCH_FAULT=dns DOGWATCH_SEEDS=100-110 cargo nextest run -p investigation --run-ignored only spreads`
#[tokio::test]
#[ignore = "minutes; for changes of detectors or worlds"]
async fn a_sweep_over_many_seeds_traces_what_spreads() {
    let range = std::env::var("DOGWATCH_SEEDS").unwrap_or_else(|_| "100-106".to_owned());
    let (from, to) = range.split_once('-').expect("FROM-TO");
    check_all(from.parse::<u64>().expect("a number")..to.parse().expect("a number")).await;
}
