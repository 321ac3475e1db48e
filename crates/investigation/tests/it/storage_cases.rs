//! Faults of storage through triage, for several seeds and kinds: the expected cause and no other.

use playground::ServeOptions;
use playground::cases::{RenderOptions, Rendered};
use playground::stage::stimulus::Stimulus;
use playground::stage::{FaultSpec, Staging, render};
use triage::{Options, triage};

use crate::world::serve;

const NOT_READY: &str = "KubePodNotReady";
const MISMATCH: &str = "Kube{kind}ReplicasMismatch";
const TEXT: &str = "Something is wrong with {workload} since a while. What is it?";

/// Fault, kind (`""` for the seed's choice) and alert rule (`""` for a question).
const CASES: &[(&str, &str, &str)] = &[
    ("storage-class-missing", "", MISMATCH),
    ("csi-driver-unavailable", "", NOT_READY),
    ("pvc-conflict", "rollout", NOT_READY),
    ("pvc-conflict", "terminating", MISMATCH),
    ("provisioning-failed", "parameter", MISMATCH),
    ("provisioning-failed", "quota", NOT_READY),
    ("volume-attach-timeout", "limit", NOT_READY),
    ("volume-attach-timeout", "detach", NOT_READY),
    ("filesystem-corrupt", "mount", NOT_READY),
    ("filesystem-corrupt", "remounted", ""),
    ("snapshot-failed", "class", ""),
    ("snapshot-failed", "driver", ""),
    ("backup-failed", "destination", "KubeJobFailed"),
    ("backup-failed", "login", ""),
    ("pvc-missing", "renamed", MISMATCH),
    ("pvc-missing", "deleted", NOT_READY),
    ("pvc-unbindable", "", MISMATCH),
    ("pvc-unbindable-size", "", NOT_READY),
    ("pvc-unbindable-mode", "", MISMATCH),
    ("pvc-unbindable-selector", "", MISMATCH),
    ("pvc-unbindable-class", "", MISMATCH),
    ("pv-node-affinity-conflict", "", MISMATCH),
    ("volume-full", "", "KubePersistentVolumeFillingUp"),
    ("volume-full", "", ""),
    ("database-read-only", "", ""),
];

fn stage(case: (&str, &str, &str), seed: u64) -> Rendered {
    let (slug, kind, rule) = case;
    let mut fault = FaultSpec {
        id: format!("storage-and-persistence/{slug}"),
        ..FaultSpec::default()
    };
    if !kind.is_empty() {
        fault.params.insert("kind".to_owned(), kind.into());
    }
    let stimulus = if rule.is_empty() {
        Stimulus::Question {
            text: TEXT.to_owned(),
            namespace: "{namespace}".to_owned(),
        }
    } else {
        Stimulus::Alert(rule.to_owned())
    };
    let staging = Staging {
        name: format!("{slug}-{seed}"),
        faults: vec![fault],
        noise: vec!["standard".to_owned()],
        stimulus,
    };
    let options = RenderOptions {
        seed,
        randomize: true,
    };
    render(&staging, options).expect("it renders")
}

/// What triage asserts and what is true, as texts; and what it saw.
async fn diagnose(case: (&str, &str, &str), seed: u64) -> (Vec<String>, Vec<String>, String) {
    let stage = serve(
        stage(case, seed),
        ServeOptions {
            freeze: true,
            ..ServeOptions::default()
        },
    )
    .await;
    let options = Options {
        clock: stage.clock,
        metrics: stage.metrics.clone(),
    };
    let brief = triage(&stage.reader, &stage.subject, &options).await.brief;
    let found = brief.root_causes.iter();
    let mut found: Vec<String> = found
        .map(|cause| format!("{} {}", cause.object, cause.mechanism))
        .collect();
    let mut expected: Vec<String> = stage
        .rendered
        .truth
        .root_causes
        .iter()
        .map(|cause| {
            let key = &cause.object;
            let object = domain::ObjectRef::new(&key.group, &key.kind, &key.namespace, &key.name);
            format!("{object} {}", cause.mechanism)
        })
        .collect();
    found.sort();
    expected.sort();
    let seen: String = brief
        .signals
        .iter()
        .map(|signal| {
            format!(
                "\n    [{}] {} {}",
                signal.detector, signal.certainty, signal.message
            )
        })
        .collect();
    stage.playground.shutdown().await;
    (found, expected, format!("{}{seen}", brief.headline))
}

/// `DOGWATCH_SEEDS=21-27 DOGWATCH_ONLY=pvc cargo nextest run -p investigation storage_cases`
#[tokio::test]
async fn every_fault_of_storage_is_told_apart() {
    let range = std::env::var("DOGWATCH_SEEDS").unwrap_or_else(|_| "21-23".to_owned());
    let only = std::env::var("DOGWATCH_ONLY").unwrap_or_default();
    let (from, to) = range.split_once('-').expect("FROM-TO");
    let seeds = from.parse::<u64>().expect("a number")..to.parse().expect("a number");
    let (mut wrong, mut silent, mut count) = (Vec::new(), Vec::new(), 0);
    for seed in seeds {
        for case in CASES.iter().filter(|case| case.0.contains(&only)) {
            let (found, expected, seen) = diagnose(*case, seed).await;
            count += 1;
            let report = format!("{case:?} seed {seed}: {found:?}, expected {expected:?}\n  {seen}");
            if found.is_empty() {
                silent.push(report);
            } else if found != expected {
                wrong.push(report);
            }
        }
    }
    assert!(
        wrong.is_empty() && silent.is_empty(),
        "of {count}: {} wrong, {} silent\n{}\n{}",
        wrong.len(),
        silent.len(),
        wrong.join("\n"),
        silent.join("\n")
    );
}
