//! The faults of configuration and Secrets through triage, over seeds and with random names: the cause or nothing,
//! never a wrong one.

use playground::ServeOptions;
use playground::stage::stimulus::Stimulus;
use playground::stage::{FaultSpec, RenderOptions, Staging, render};
use triage::{Options, triage};

use crate::world::serve;

/// Fault, its parameters and the alert that speaks of it.
const CASES: &[(&str, &str, &str)] = &[
    ("config-and-secrets/secret-rotated-stale", "{}", "HighErrorRate"),
    ("config-and-secrets/credentials-rejected", "{}", "HighErrorRate"),
    ("config-and-secrets/secret-encoding-wrong", "{}", "HighErrorRate"),
    ("config-and-secrets/configmap-drift", "{}", "KubePodCrashLooping"),
    ("config-and-secrets/config-invalid", "{}", "KubePodCrashLooping"),
    (
        "config-and-secrets/env-injection-failed",
        "{}",
        "KubePodCrashLooping",
    ),
    (
        "config-and-secrets/volume-permission-denied",
        "{}",
        "KubePodCrashLooping",
    ),
    ("config-and-secrets/configmap-missing", "{}", "KubePodNotReady"),
    ("config-and-secrets/secret-missing", "{}", "KubePodNotReady"),
    ("config-and-secrets/key-missing", "{}", "KubePodNotReady"),
    ("config-and-secrets/service-address-wrong", "{}", "HighErrorRate"),
    (
        "config-and-secrets/rbac-denied",
        "{}",
        "KubeDeploymentReplicasMismatch",
    ),
    (
        "config-and-secrets/certificate-expired",
        "{}",
        "ask: Customers say that their browser warns of the shop and they cannot get in",
    ),
    (
        "config-and-secrets/service-account-missing",
        "{}",
        "KubeDeploymentRolloutStuck",
    ),
    (
        "config-and-secrets/security-context-rejected",
        "{}",
        "KubeDeploymentRolloutStuck",
    ),
    (
        "config-and-secrets/webhook-blocking",
        "{}",
        "KubeDeploymentRolloutStuck",
    ),
    (
        "config-and-secrets/webhook-ca-mismatch",
        "{}",
        "KubeDeploymentRolloutStuck",
    ),
];

async fn check(case: &(&str, &str, &str), seed: u64) -> Result<(), String> {
    let (fault, params, alert) = case;
    let staging = Staging {
        name: format!("config/{fault}"),
        faults: vec![FaultSpec {
            id: (*fault).to_owned(),
            target: None,
            params: serde_json::from_str(params).expect("params"),
        }],
        noise: vec!["standard".to_owned()],
        stimulus: match alert.strip_prefix("ask: ") {
            Some(text) => Stimulus::Question {
                text: text.to_owned(),
                namespace: "{front_namespace}".to_owned(),
            },
            None => Stimulus::Alert((*alert).to_owned()),
        },
    };
    let randomize = !seed.is_multiple_of(3);
    let rendered = render(&staging, RenderOptions { seed, randomize }).map_err(|error| error.to_string())?;
    let options = ServeOptions {
        freeze: true,
        ..ServeOptions::default()
    };
    let stage = serve(rendered, options).await;
    let options = Options {
        clock: stage.clock,
        metrics: stage.metrics.clone(),
    };
    let brief = triage(&stage.reader, &stage.subject, &options).await.brief;
    let causes = &stage.rendered.truth.root_causes;
    let expected: Vec<String> = causes
        .iter()
        .map(|cause| {
            format!(
                "{} {}/{} {}",
                cause.object.kind, cause.object.namespace, cause.object.name, cause.mechanism
            )
        })
        .collect();
    let found: Vec<String> = brief
        .root_causes
        .iter()
        .map(|cause| {
            format!(
                "{} {}/{} {}",
                cause.object.kind, cause.object.namespace, cause.object.name, cause.mechanism
            )
        })
        .collect();
    stage.playground.shutdown().await;
    if found == expected {
        return Ok(());
    }
    let hypotheses: Vec<String> = brief
        .hypotheses
        .iter()
        .take(6)
        .map(|h| format!("\n    {} {} {} {}", h.score, h.object, h.mechanism, h.why))
        .collect();
    let signals: Vec<String> = brief
        .signals
        .iter()
        .take(10)
        .map(|s| format!("\n    [{} {}] {}", s.detector, s.certainty, s.message))
        .collect();
    Err(format!(
        "{fault} {params} seed {seed}: {found:?}, expected {expected:?}\n  {}\n  hypotheses:{}\n  signals:{}",
        brief.headline,
        hypotheses.concat(),
        signals.concat()
    ))
}

/// `CONFIG_CASES=stale DOGWATCH_SEEDS=100-110` narrows and widens.
#[tokio::test]
async fn faults_of_configuration_are_told_apart() {
    let only = std::env::var("CONFIG_CASES").unwrap_or_default();
    let range = std::env::var("DOGWATCH_SEEDS").unwrap_or_else(|_| "1-4".to_owned());
    let (from, to) = range.split_once('-').expect("FROM-TO");
    let seeds = from.parse::<u64>().expect("a number")..to.parse().expect("a number");
    let mut failures = Vec::new();
    for seed in seeds {
        for case in CASES.iter().filter(|case| case.0.contains(&only)) {
            failures.extend(check(case, seed).await.err());
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}
