//! All golden scenarios through triage and through the lint.

use std::path::Path;

use evals::run::{self, Setting, Status};
use evals::{Scenario, lint};

/// The scenarios, or those whose slug or fault holds the text of `DOGWATCH_ONLY`.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden-scenarios");
    let mut all = evals::load(&dir).expect("the scenarios load");
    if let Ok(only) = std::env::var("DOGWATCH_ONLY") {
        all.retain(|scenario| {
            scenario.slug.contains(&only)
                || scenario
                    .spec
                    .world
                    .faults
                    .iter()
                    .any(|fault| fault.id.contains(&only))
        });
    }
    all
}

/// `DOGWATCH_ONLY=memory DOGWATCH_SEEDS=1,2,3 cargo nextest run -p evals each_scenario --no-capture`
#[tokio::test(flavor = "multi_thread")]
async fn each_scenario_is_staged_and_nothing_wrong_is_asserted() {
    let seeds = std::env::var("DOGWATCH_SEEDS").unwrap_or_default();
    let mut settings: Vec<Setting> = seeds
        .split(',')
        .filter_map(|seed| seed.parse().ok())
        .map(|seed| Setting {
            seed,
            randomize: true,
        })
        .collect();
    if settings.is_empty() {
        settings = vec![Setting {
            seed: 11,
            randomize: true,
        }];
    }
    let run = run::triage(&scenarios(), &settings, |_| {}).await;
    let mut wrong = Vec::new();
    for case in &run.cases {
        let Some(score) = &case.score else {
            wrong.push(format!("{}: {:?}", case.scenario, case.error));
            continue;
        };
        if case.status != Status::Pass {
            eprintln!(
                "{} seed {}: {:?} {} {:?}, expected {} {:?}",
                case.scenario,
                case.setting.seed,
                case.status,
                score.verdict,
                score.asserted,
                score.expected_verdict,
                score.expected
            );
        }
        if score.false_accusation {
            wrong.push(format!(
                "{} seed {}: accused {:?}, expected {:?}",
                case.scenario, case.setting.seed, score.asserted, score.expected
            ));
        }
    }
    eprintln!("{}", serde_json::to_string_pretty(&run.summary).expect("JSON"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if std::env::var("DOGWATCH_ONLY").is_err() {
        assert!(run.strict_pass >= 0.8, "strict pass {}", run.strict_pass);
        assert!(run.twins_pass >= 0.75, "twins {}", run.twins_pass);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_passes_its_own_lint() {
    let mut running = tokio::task::JoinSet::new();
    for scenario in scenarios() {
        running.spawn(async move { lint::scenario(&scenario).await });
    }
    let problems = running.join_all().await.concat();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_suite_covers_what_it_must() {
    if std::env::var("DOGWATCH_ONLY").is_err() {
        let problems = lint::suite(&scenarios());
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// Seeds that nobody could write for. They gate ten points lower than the fixed ones.
#[tokio::test(flavor = "multi_thread")]
async fn seeds_of_the_commit_do_nearly_as_well() {
    let commit = std::process::Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map_or_else(
            || env!("CARGO_PKG_VERSION").to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        );
    let settings: Vec<Setting> = run::seeds_of(&commit, 1)
        .into_iter()
        .map(|seed| Setting {
            seed,
            randomize: true,
        })
        .collect();
    let run = run::triage(&scenarios(), &settings, |_| {}).await;
    for case in run.cases.iter().filter(|case| case.status != Status::Pass) {
        eprintln!("{} seed {}: {:?}", case.scenario, case.setting.seed, case.status);
    }
    eprintln!("{}", serde_json::to_string_pretty(&run.summary).expect("JSON"));
    assert!(run.strict_pass >= 0.7, "strict pass {}", run.strict_pass);
    assert!(run.false_accusation_rate == 0.0, "{}", run.false_accusation_rate);
}
