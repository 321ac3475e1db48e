//! What keeps golden scenarios honest: no leak of the truth, evidence that carries the answer, twins in pairs, quiet
//! ones, coverage. Must not know how scenarios are printed.

mod evidence;
mod leak;
mod suite;

use playground::faults;
use playground::stage::RenderOptions;
use serde::Serialize;

use crate::scenario::{Scenario, Staged};

/// Something that is wrong with a scenario or with the suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The scenario; `""` for the suite.
    pub scenario: String,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    fn new(scenario: &Scenario, rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            scenario: scenario.slug.clone(),
            rule,
            message: message.into(),
        }
    }

    fn suite(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            scenario: String::new(),
            rule,
            message: message.into(),
        }
    }
}

/// Checks one scenario by itself.
pub async fn scenario(scenario: &Scenario) -> Vec<Problem> {
    let options = RenderOptions {
        seed: scenario.spec.world.seed,
        randomize: false,
    };
    let staged = match scenario.stage(options) {
        Ok(staged) => staged,
        Err(error) => return vec![Problem::new(scenario, "stages", error.to_string())],
    };
    let mut problems = leak::check(scenario, &staged);
    problems.extend(remediation(scenario, &staged));
    problems.extend(evidence::check(scenario, &staged).await);
    problems
}

/// Checks the suite as a whole.
pub fn suite(scenarios: &[Scenario]) -> Vec<Problem> {
    suite::check(scenarios)
}

/// Accepted and rejected remedies are those of the faults, no more and no less.
fn remediation(scenario: &Scenario, staged: &Staged) -> Vec<Problem> {
    let rendered = &staged.rendered;
    let (mut heal, mut fail) = (Vec::new(), Vec::new());
    for (spec, truth) in scenario.spec.world.faults.iter().zip(&rendered.truths) {
        let Some(fault) = faults::by_id(&spec.id) else {
            continue;
        };
        for remedy in fault.remedies(&rendered.world, &rendered.shop, truth) {
            let list = if remedy.heals { &mut heal } else { &mut fail };
            list.push(remedy.name.to_owned());
        }
    }
    let told = &scenario.spec.remediation;
    let mut out = Vec::new();
    for (list, known, word) in [(&told.accept, &heal, "accept"), (&told.reject, &fail, "reject")] {
        for name in list.iter().filter(|name| !known.contains(name)) {
            out.push(Problem::new(
                scenario,
                "remediation",
                format!(
                    "{word}: no fault has such a remedy `{name}`; they have: {}",
                    known.join(", ")
                ),
            ));
        }
    }
    out
}
