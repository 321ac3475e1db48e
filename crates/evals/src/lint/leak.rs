//! Nothing that an agent can read tells the truth: neither names nor the stimulus nor the world. Must not know other
//! rules.

use domain::mechanism::catalogue;

use super::Problem;
use crate::scenario::{Scenario, Staged};

/// Words of mechanism ids that are plain English and tell nothing.
const PLAIN: &[&str] = &[
    "and", "of", "by", "not", "than", "or", "to", "in", "app", "node", "pod", "job", "service", "slow",
    "down", "set", "all", "ready", "missing", "wrong", "failed", "failing", "full", "rate", "image",
    "volume", "multi", "shared",
];

pub(super) fn check(scenario: &Scenario, staged: &Staged) -> Vec<Problem> {
    let mut out = Vec::new();
    for word in scenario.slug.split('-') {
        if tells(word) {
            out.push(Problem::new(
                scenario,
                "leak",
                format!("the slug's `{word}` is a word of a mechanism"),
            ));
        }
    }
    let causes = &scenario.spec.truth.root_causes;
    let said = scenario.spec.stimulus.texts().join(" ").to_lowercase();
    for cause in causes {
        let id = cause.mechanism.as_str();
        let slug = id.split('/').next_back().unwrap_or(id);
        let words = slug.replace('-', " ");
        let title = cause
            .mechanism
            .entry()
            .map(|entry| entry.title.to_lowercase())
            .unwrap_or_default();
        for tell in [slug, words.as_str(), title.as_str()] {
            if !tell.is_empty() && said.contains(tell) {
                out.push(Problem::new(
                    scenario,
                    "leak",
                    format!("the stimulus says `{tell}`"),
                ));
            }
        }
    }
    out.extend(in_world(scenario, staged));
    out
}

/// Whether a word of a slug is one that mechanisms are named with.
fn tells(word: &str) -> bool {
    word.len() > 2
        && !PLAIN.contains(&word)
        && catalogue().any(|mechanism| {
            mechanism
                .id
                .split(['/', '-'])
                .any(|part| part.len() > 2 && part == word)
        })
}

fn in_world(scenario: &Scenario, staged: &Staged) -> Vec<Problem> {
    let world = &staged.rendered.world;
    let mut tells: Vec<String> = vec![scenario.slug.clone(), scenario.spec.title.clone()];
    tells.extend(scenario.spec.world.faults.iter().map(|fault| fault.id.clone()));
    let objects = world.objects().map(|(_, object)| object.to_string());
    let logs = world.logs.values().flat_map(|log| {
        [&log.current, &log.previous]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
    });
    let all: Vec<String> = objects.chain(logs).collect();
    tells
        .iter()
        .filter(|tell| all.iter().any(|text| text.contains(tell.as_str())))
        .map(|tell| Problem::new(scenario, "leak", format!("the world holds `{tell}`")))
        .collect()
}
