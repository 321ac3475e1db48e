//! Runs scenarios under seeds and sums up. Must not know how one answer is scored.

use std::collections::{BTreeMap, BTreeSet};

use playground::ServeOptions;
use playground::stage::RenderOptions;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::scenario::Scenario;
use crate::score::{Score, score};
use crate::statistics::Rate;
use crate::trial;

/// Trials under way at once.
const SIDE_BY_SIDE: usize = 3;

/// A seed and whether names are without meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The seed.
    pub seed: u64,
    /// Whether names are randomized.
    pub randomize: bool,
}

/// How one trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Strictly right.
    Pass,
    /// Wrong, or not all.
    Fail,
    /// There is a cause and the answer was honest not to name one.
    Abstained,
    /// The scenario could not be staged or served; never counted as fail.
    SetupError,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseResult {
    /// The scenario.
    pub scenario: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Seed and names.
    #[serde(flatten)]
    pub setting: Setting,
    /// How it ended.
    pub status: Status,
    /// The score, if there was an answer.
    pub score: Option<Score>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Trials.
    pub trials: usize,
    /// Strict passes.
    pub strict_pass: Rate,
    /// Wrong causes asserted where nothing was to be accused.
    pub false_accusation_rate: Rate,
    /// Wrong causes asserted anywhere.
    pub wrong_cause_rate: Rate,
    /// Pairs of twins with both right.
    pub twins_pass: Rate,
    /// Right object best.
    pub object_at_1: Rate,
    /// Right object among the best three.
    pub object_at_3: Rate,
    /// Honest abstentions where there is a cause.
    pub abstained: Rate,
    /// Trials without an answer.
    pub setup_errors: usize,
}

/// A run with its results. The first three figures are those that decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Version of this form.
    pub version: u32,
    /// The arm.
    pub arm: &'static str,
    /// Share of strict passes.
    pub strict_pass: f64,
    /// Share of answers that assert a wrong cause, where nothing is to be accused.
    pub false_accusation_rate: f64,
    /// Share of pairs of twins with both right.
    pub twins_pass: f64,
    /// All figures, with their intervals.
    pub summary: Summary,
    /// Figures by tag.
    pub by_tag: BTreeMap<String, Summary>,
    /// Each trial, by scenario and setting.
    pub cases: Vec<CaseResult>,
    /// The same under seeds that nobody could write for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Box<Run>>,
}

/// Seeds that nobody can write for: derived from a text such as a commit hash.
pub fn seeds_of(text: &str, count: usize) -> Vec<u64> {
    (0..count)
        .map(|index| {
            let digest = Sha256::digest(format!("{text}/{index}").as_bytes());
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[..8]);
            u64::from_be_bytes(bytes) % 1_000_000
        })
        .collect()
}

/// Runs all scenarios in all settings through triage, a few at a time. `progress` is told each result as it comes.
pub async fn triage(
    scenarios: &[Scenario],
    settings: &[Setting],
    mut progress: impl FnMut(&CaseResult),
) -> Run {
    let mut todo = scenarios
        .iter()
        .flat_map(|scenario| settings.iter().map(move |setting| (scenario.clone(), *setting)));
    let mut running = JoinSet::new();
    let mut cases = Vec::new();
    loop {
        while running.len() < SIDE_BY_SIDE
            && let Some((scenario, setting)) = todo.next()
        {
            running.spawn(async move { one(&scenario, setting).await });
        }
        match running.join_next().await {
            Some(Ok(result)) => {
                progress(&result);
                cases.push(result);
            }
            // A panic in a trial is a defect of ours and must not look like an answer.
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    cases.sort_by(|a, b| (&a.scenario, a.setting.seed).cmp(&(&b.scenario, b.setting.seed)));
    Run::new(scenarios, cases)
}

/// Runs one scenario in one setting.
pub async fn one(scenario: &Scenario, setting: Setting) -> CaseResult {
    let result = |status, score, error| CaseResult {
        scenario: scenario.slug.clone(),
        tags: scenario.spec.tags.clone(),
        setting,
        status,
        score,
        error,
    };
    let options = RenderOptions {
        seed: setting.seed,
        randomize: setting.randomize,
    };
    let staged = match scenario.stage(options) {
        Ok(staged) => staged,
        Err(error) => return result(Status::SetupError, None, Some(error.to_string())),
    };
    match trial::triage(staged.rendered.world, ServeOptions::default()).await {
        Err(error) => result(Status::SetupError, None, Some(error.to_string())),
        Ok(brief) => {
            let score = score(&brief, &staged.expected);
            let status = match (score.strict_pass, score.abstained) {
                (true, _) => Status::Pass,
                (false, true) => Status::Abstained,
                (false, false) => Status::Fail,
            };
            result(status, Some(score), None)
        }
    }
}

impl Run {
    fn new(scenarios: &[Scenario], cases: Vec<CaseResult>) -> Self {
        let quiet: BTreeSet<&str> = scenarios
            .iter()
            .filter(|scenario| scenario.is_quiet())
            .map(|scenario| scenario.slug.as_str())
            .collect();
        let tags: BTreeSet<&String> = cases.iter().flat_map(|case| &case.tags).collect();
        let by_tag = tags
            .into_iter()
            .map(|tag| {
                let tagged: Vec<&CaseResult> = cases.iter().filter(|case| case.tags.contains(tag)).collect();
                (tag.clone(), summary(&tagged, &quiet))
            })
            .collect();
        let all: Vec<&CaseResult> = cases.iter().collect();
        let summary = summary(&all, &quiet);
        Self {
            version: 1,
            arm: "triage",
            strict_pass: summary.strict_pass.rate.unwrap_or(0.0),
            false_accusation_rate: summary.false_accusation_rate.rate.unwrap_or(0.0),
            twins_pass: summary.twins_pass.rate.unwrap_or(0.0),
            summary,
            by_tag,
            cases,
            fresh: None,
        }
    }
}

fn summary(cases: &[&CaseResult], quiet: &BTreeSet<&str>) -> Summary {
    let scored: Vec<(&CaseResult, &Score)> = cases
        .iter()
        .filter_map(|case| Some((*case, case.score.as_ref()?)))
        .collect();
    let is_quiet = |case: &CaseResult| quiet.contains(case.scenario.as_str());
    let of_quiet: Vec<&Score> = scored
        .iter()
        .filter(|(case, _)| is_quiet(case))
        .map(|(_, score)| *score)
        .collect();
    let of_causes: Vec<&Score> = scored
        .iter()
        .filter(|(case, _)| !is_quiet(case))
        .map(|(_, score)| *score)
        .collect();
    Summary {
        trials: cases.len(),
        strict_pass: Rate::among(&scored, |(_, score)| score.strict_pass),
        false_accusation_rate: Rate::among(&of_quiet, |score| score.false_accusation),
        wrong_cause_rate: Rate::among(&scored, |(_, score)| score.false_accusation),
        twins_pass: twins(&scored),
        object_at_1: Rate::among(&of_causes, |score| score.object_at_1),
        object_at_3: Rate::among(&of_causes, |score| score.object_at_3),
        abstained: Rate::among(&of_causes, |score| score.abstained),
        setup_errors: cases.len() - scored.len(),
    }
}

/// Pairs under one setting whose members are all right.
fn twins(scored: &[(&CaseResult, &Score)]) -> Rate {
    let mut pairs: BTreeMap<(&str, u64, bool), Vec<bool>> = BTreeMap::new();
    for (case, score) in scored {
        for pair in case.tags.iter().filter_map(|tag| tag.strip_prefix("twins:")) {
            let key = (pair, case.setting.seed, case.setting.randomize);
            pairs.entry(key).or_default().push(score.strict_pass);
        }
    }
    let complete: Vec<Vec<bool>> = pairs.into_values().filter(|members| members.len() > 1).collect();
    Rate::among(&complete, |members| members.iter().all(|right| *right))
}
