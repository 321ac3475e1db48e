//! What is covered: mechanism by mechanism, its scenarios, twins and fault. Must not know how well.

use std::collections::BTreeMap;

use domain::mechanism::{Mechanism, catalogue};
use serde::Serialize;

use crate::scenario::Scenario;

/// The failures that people expect an SRE for Kubernetes to know above all.
pub const CORE: &[&str] = &[
    "resource-exhaustion/memory-limit-too-low",
    "resource-exhaustion/memory-leak",
    "resource-exhaustion/cpu-limit-throttling",
    "resource-exhaustion/gpu-thermal-throttling",
    "resource-exhaustion/node-memory-starvation",
    "resource-exhaustion/node-cpu-starvation",
    "resource-exhaustion/disk-pressure-eviction",
    "image-and-deployment/image-reference-wrong",
    "image-and-deployment/image-pull-secret-missing",
    "image-and-deployment/registry-unreachable",
    "image-and-deployment/registry-rate-limited",
    "image-and-deployment/image-wrong-architecture",
    "image-and-deployment/image-layer-corrupt",
    "image-and-deployment/init-container-failing",
    "image-and-deployment/rollout-stuck",
    "config-and-secrets/secret-rotated-stale",
    "config-and-secrets/configmap-drift",
    "config-and-secrets/env-injection-failed",
    "config-and-secrets/volume-permission-denied",
    "config-and-secrets/secret-encoding-wrong",
    "config-and-secrets/config-invalid",
    "cascading-failure/dependency-down",
    "cascading-failure/dependency-slow",
    "cascading-failure/shared-cause-multi-pod",
    "cascading-failure/network-policy-blocks",
    "cascading-failure/dns-broken",
    "cascading-failure/shared-pvc-corruption",
    "cascading-failure/node-failure-avalanche",
    "storage-and-persistence/pvc-conflict",
    "storage-and-persistence/storage-class-missing",
    "storage-and-persistence/provisioning-failed",
    "storage-and-persistence/csi-driver-unavailable",
    "storage-and-persistence/volume-attach-timeout",
    "storage-and-persistence/filesystem-corrupt",
    "storage-and-persistence/snapshot-failed",
    "storage-and-persistence/backup-failed",
    "app-vs-infra/app-crash",
    "app-vs-infra/probe-misconfigured",
    "app-vs-infra/gpu-xid-error",
    "app-vs-infra/network-degraded",
    "app-vs-infra/performance-degradation",
];

/// One row of the coverage table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The mechanism.
    pub mechanism: &'static str,
    /// Whether it is one of [`CORE`]: such a row must not be empty.
    pub core: bool,
    /// Scenarios that have it as a cause.
    pub scenarios: Vec<String>,
    /// Those of them that have a twin.
    pub twins: Vec<String>,
    /// Whether the playground can stage it.
    pub fault: bool,
    /// Detectors that can name it.
    pub detectors: Vec<&'static str>,
    /// Agents that handle it.
    pub agents: Vec<String>,
}

/// The table, in the catalogue's order. `agents` maps a mechanism to the agents that handle it.
pub fn table(scenarios: &[Scenario], agents: impl Fn(&str) -> Vec<String>) -> Vec<Row> {
    let mut by_mechanism: BTreeMap<String, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        for cause in &scenario.spec.truth.root_causes {
            by_mechanism
                .entry(cause.mechanism.to_string())
                .or_default()
                .push(scenario);
        }
    }
    catalogue()
        .map(|mechanism| row(mechanism, by_mechanism.get(mechanism.id), &agents))
        .collect()
}

fn row(
    mechanism: &'static Mechanism,
    scenarios: Option<&Vec<&Scenario>>,
    agents: impl Fn(&str) -> Vec<String>,
) -> Row {
    let scenarios = scenarios.map(Vec::as_slice).unwrap_or_default();
    let slugs = |keep: &dyn Fn(&Scenario) -> bool| {
        scenarios
            .iter()
            .filter(|scenario| keep(scenario))
            .map(|scenario| scenario.slug.clone())
            .collect()
    };
    Row {
        mechanism: mechanism.id,
        core: CORE.contains(&mechanism.id),
        scenarios: slugs(&|_| true),
        twins: slugs(&|scenario| scenario.pair().is_some()),
        fault: playground::faults::by_id(mechanism.id).is_some(),
        detectors: triage::detectors::DETECTORS
            .iter()
            .filter(|detector| detector.mechanisms.contains(&mechanism.id))
            .map(|detector| detector.name)
            .collect(),
        agents: agents(mechanism.id),
    }
}
