//! The facts that a sound answer rests on are in the world, and without them nobody asserts the cause. Must not know other
//! rules.

use playground::ServeOptions;

use super::Problem;
use crate::mutate;
use crate::scenario::{Scenario, Staged};
use crate::score::score;
use crate::trial;

pub(super) async fn check(scenario: &Scenario, staged: &Staged) -> Vec<Problem> {
    if scenario.is_quiet() {
        return Vec::new();
    }
    if scenario.spec.evidence.is_empty() {
        return vec![Problem::new(scenario, "evidence", "no decisive fact is named")];
    }
    let mut out = Vec::new();
    let mut world = staged.rendered.world.clone();
    for decisive in &scenario.spec.evidence {
        let cite = &decisive.must_cite;
        match mutate::remove(&mut world, &staged.rendered.shop, cite) {
            Err(error) => out.push(Problem::new(scenario, "evidence", error.to_string())),
            Ok(0) => out.push(Problem::new(
                scenario,
                "evidence",
                format!("not in the world: {cite:?}"),
            )),
            Ok(_) => {}
        }
    }
    if !out.is_empty() {
        return out;
    }
    match trial::triage(world, ServeOptions::default()).await {
        Err(error) => out.push(Problem::new(scenario, "mutation", error.to_string())),
        Ok(brief) => {
            let score = score(&brief, &staged.expected);
            if score.recall > 0.0 {
                out.push(Problem::new(
                    scenario,
                    "mutation",
                    format!("without its evidence triage still asserts {:?}", score.asserted),
                ));
            }
        }
    }
    out
}
