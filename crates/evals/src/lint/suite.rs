//! What the scenarios must be together. Must not know what is wrong in any.

use std::collections::BTreeMap;

use super::Problem;
use crate::coverage;
use crate::scenario::{Scenario, Split};

/// Least number of scenarios by what is counted.
const LEAST: &[(&str, usize)] = &[
    ("scenarios", 75),
    ("gate", 60),
    ("pairs of twins", 15),
    ("multi-fault", 5),
    ("cascade", 5),
    ("decoy or injection", 5),
];
/// Least share of scenarios in which nothing is to be accused, in percent.
const QUIET_PERCENT: usize = 20;

pub(super) fn check(scenarios: &[Scenario]) -> Vec<Problem> {
    let mut out = twins(scenarios);
    let count = |holds: &dyn Fn(&Scenario) -> bool| scenarios.iter().filter(|s| holds(s)).count();
    let pairs: std::collections::BTreeSet<&str> = scenarios.iter().filter_map(Scenario::pair).collect();
    let counted = [
        scenarios.len(),
        count(&|s| s.spec.split == Split::Gate),
        pairs.len(),
        count(&|s| s.has_tag("multi-fault")),
        count(&|s| s.has_tag("cascade")),
        count(&|s| s.has_tag("decoy") || s.has_tag("injection")),
    ];
    for ((what, least), found) in LEAST.iter().zip(counted) {
        if found < *least {
            out.push(Problem::suite(
                "size",
                format!("{what}: {found}, at least {least} are wanted"),
            ));
        }
    }
    let quiet = count(&Scenario::is_quiet);
    if quiet * 100 < QUIET_PERCENT * scenarios.len() {
        out.push(Problem::suite(
            "quiet",
            format!(
                "{quiet} of {} have nothing to accuse, {QUIET_PERCENT} % are wanted",
                scenarios.len()
            ),
        ));
    }
    for row in coverage::table(scenarios, |_| Vec::new()) {
        if row.core && row.scenarios.is_empty() {
            out.push(Problem::suite(
                "coverage",
                format!("{} has no scenario", row.mechanism),
            ));
        }
    }
    out
}

/// Twins come in pairs that look alike and differ in cause.
fn twins(scenarios: &[Scenario]) -> Vec<Problem> {
    let mut pairs: BTreeMap<&str, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        if let Some(pair) = scenario.pair() {
            pairs.entry(pair).or_default().push(scenario);
        }
    }
    let mut out = Vec::new();
    for (pair, members) in pairs {
        if members.len() < 2 {
            out.extend(members.iter().map(|member| {
                Problem::new(
                    member,
                    "twins",
                    format!("it is the only one of the pair `{pair}`"),
                )
            }));
            continue;
        }
        let causes = |scenario: &Scenario| -> Vec<String> {
            let causes = &scenario.spec.truth.root_causes;
            causes.iter().map(|cause| cause.mechanism.to_string()).collect()
        };
        let first = causes(members[0]);
        if members[1..].iter().all(|member| causes(member) == first) {
            out.push(Problem::new(
                members[0],
                "twins",
                format!("all of the pair `{pair}` have the same cause"),
            ));
        }
    }
    out
}
