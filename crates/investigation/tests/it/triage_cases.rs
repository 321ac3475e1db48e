//! Every demo case through triage, for several seeds and with random names: the expected cause and no other.

use playground::cases;
use triage::{Options, triage};

use crate::world::{Stage, stage};

async fn check(id: &str, seed: u64, randomize: bool) -> Result<(), String> {
    check_stage(id, stage(id, seed, randomize).await, (seed, randomize)).await
}

/// Triage names exactly the causes of the truth.
pub(crate) async fn check_stage(
    id: &str,
    stage: Stage,
    (seed, randomize): (u64, bool),
) -> Result<(), String> {
    let options = Options {
        clock: stage.clock,
        metrics: stage.metrics.clone(),
    };
    let brief = triage(&stage.reader, &stage.subject, &options).await.brief;
    let truth = &stage.rendered.truth;
    let mut found: Vec<String> = brief
        .root_causes
        .iter()
        .map(|cause| format!("{} {}", cause.object, cause.mechanism))
        .collect();
    let mut expected: Vec<String> = truth
        .root_causes
        .iter()
        .map(|cause| {
            let object = domain::ObjectRef::new(
                &cause.object.group,
                &cause.object.kind,
                &cause.object.namespace,
                &cause.object.name,
            );
            format!("{object} {}", cause.mechanism)
        })
        .collect();
    found.sort();
    expected.sort();
    stage.playground.shutdown().await;
    if found == expected && brief.verdict.to_string() == truth.verdict {
        return Ok(());
    }
    let hypotheses: Vec<String> = brief
        .hypotheses
        .iter()
        .map(|h| format!("\n    {} {} {} {}", h.score, h.object, h.mechanism, h.why))
        .collect();
    let signals: Vec<String> = brief
        .signals
        .iter()
        .map(|s| format!("\n    [{}] {}", s.detector, s.message))
        .collect();
    let gaps: Vec<String> = brief
        .gaps
        .iter()
        .map(|g| format!("\n    {} {}", g.what, g.message))
        .collect();
    Err(format!(
        "{id} seed {seed} randomize {randomize}: {} {found:?}, expected {} {expected:?}\n  {}\n  hypotheses:{}\n  signals:{}\n  gaps:{} subjects: {:?} timings {:?}",
        brief.verdict,
        truth.verdict,
        brief.headline,
        hypotheses.concat(),
        signals.concat(),
        gaps.concat(),
        brief.subjects,
        brief.timings
    ))
}

async fn check_seeds(seeds: impl IntoIterator<Item = (u64, bool)>) {
    let mut failures = Vec::new();
    for (seed, randomize) in seeds {
        for case in cases::cases() {
            failures.extend(check(case.id, seed, randomize).await.err());
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test]
async fn every_case_is_solved_with_readable_names() {
    check_seeds([(0, false)]).await;
}

#[tokio::test]
async fn every_case_is_solved_with_random_names() {
    check_seeds([(3, true), (17, true)]).await;
}

/// `DOGWATCH_SEEDS=100-140 cargo nextest run -p investigation --run-ignored only sweep`
#[tokio::test]
#[ignore = "minutes; for changes of detectors or worlds"]
async fn a_sweep_over_many_seeds_finds_no_wrong_answer() {
    let range = std::env::var("DOGWATCH_SEEDS").unwrap_or_else(|_| "100-110".to_owned());
    let (from, to) = range.split_once('-').expect("FROM-TO");
    let seeds = from.parse::<u64>().expect("a number")..to.parse().expect("a number");
    check_seeds(seeds.map(|seed| (seed, seed % 4 != 0))).await;
}
