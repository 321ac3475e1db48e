//! The components' wording: which mechanisms a message speaks of. One file per category; each pattern cites the
//! source of its words. Detectors ask here and weigh the answer by what else was read; a message alone never asserts.

mod app_vs_infra;
mod cascading_failure;
mod config_and_secrets;
mod image_and_deployment;
mod resource_exhaustion;
mod storage_and_persistence;

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `message` of an Event; its `reason` is the Event's.
    Event,
    /// `message` of a container's waiting state; its `reason` is the state's.
    Waiting,
    /// `message` of a container's terminated state; its `reason` is the state's.
    Terminated,
    /// `message` of a condition; its `reason` is the condition's.
    Condition,
    /// `message` and `reason` of an object's status.
    Status,
    /// A line of a container's log; no `reason`.
    Log,
}

/// A message where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// Where.
    pub place: Place,
    /// CamelCase reason, `""` for none.
    pub reason: &'a str,
    /// The text.
    pub message: &'a str,
}

/// A wording and what it may mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern {
    /// Mechanisms that a component words this way; several where the words leave it open.
    pub(crate) mechanisms: &'static [&'static str],
    /// Places in which it stands.
    pub(crate) places: &'static [Place],
    /// Reasons that go with it; empty for any.
    pub(crate) reasons: &'static [&'static str],
    /// Regular expression that the message must match.
    pub(crate) message: &'static str,
}

const CATEGORIES: &[&[Pattern]] = &[
    resource_exhaustion::PATTERNS,
    image_and_deployment::pull::PATTERNS,
    image_and_deployment::start::PATTERNS,
    image_and_deployment::placement::PATTERNS,
    image_and_deployment::delivery::PATTERNS,
    config_and_secrets::access::PATTERNS,
    config_and_secrets::admission::PATTERNS,
    config_and_secrets::documents::PATTERNS,
    config_and_secrets::references::PATTERNS,
    cascading_failure::PATTERNS,
    storage_and_persistence::PATTERNS,
    app_vs_infra::PATTERNS,
];

struct Compiled {
    pattern: &'static Pattern,
    regex: Regex,
}

static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    CATEGORIES
        .iter()
        .flat_map(|patterns| patterns.iter())
        .filter_map(|pattern| {
            Some(Compiled {
                pattern,
                regex: Regex::new(pattern.message).ok()?,
            })
        })
        .collect()
});

/// The mechanisms that the words may mean.
pub fn classify(words: Words<'_>) -> Vec<&'static str> {
    let mut out: Vec<&'static str> = Vec::new();
    for compiled in matching(words) {
        for mechanism in compiled.pattern.mechanisms {
            if !out.contains(mechanism) {
                out.push(mechanism);
            }
        }
    }
    out
}

/// The named parts of the first wording of a mechanism that the words match.
pub(crate) fn captures<'a>(words: Words<'a>, mechanism: &str) -> Option<Captures<'a>> {
    matching(words)
        .filter(|compiled| compiled.pattern.mechanisms.contains(&mechanism))
        .find_map(|compiled| compiled.regex.captures(words.message))
}

/// Whether the words may mean the mechanism.
pub(crate) fn means(words: Words<'_>, mechanism: &str) -> bool {
    matching(words).any(|compiled| compiled.pattern.mechanisms.contains(&mechanism))
}

fn matching<'a>(words: Words<'a>) -> impl Iterator<Item = &'static Compiled> + 'a {
    COMPILED.iter().filter(move |compiled| {
        let Pattern { places, reasons, .. } = compiled.pattern;
        places.contains(&words.place)
            && (reasons.is_empty() || reasons.contains(&words.reason))
            && compiled.regex.is_match(words.message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_names_mechanisms_of_the_catalogue() {
        for pattern in CATEGORIES.iter().flat_map(|patterns| patterns.iter()) {
            assert!(Regex::new(pattern.message).is_ok(), "{}", pattern.message);
            for id in pattern.mechanisms {
                assert!(id.parse::<domain::MechanismId>().is_ok(), "{id}");
            }
        }
    }
}
