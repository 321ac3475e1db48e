//! Scores an answer by code: right verdict, right causes, nothing wrong asserted. Must not know who answered.

use domain::{Brief, Hypothesis, Verdict};
use serde::Serialize;

use crate::scenario::{Accusation, Expected, ExpectedCause};

/// How an answer compares with the truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Verdict right, all causes asserted, no other cause asserted.
    pub strict_pass: bool,
    /// A cause was asserted that is none.
    pub false_accusation: bool,
    /// The verdict was `inconclusive` although there is a cause.
    pub abstained: bool,
    /// Whether a right object is the best candidate.
    pub object_at_1: bool,
    /// Whether a right object is among the best three candidates.
    pub object_at_3: bool,
    /// Whether the best candidate has a right mechanism.
    pub mechanism_at_1: bool,
    /// Share of the asserted causes that are right; 1 when none was asserted.
    pub precision: f64,
    /// Share of the causes that were asserted; 1 when there is none.
    pub recall: f64,
    /// Share of the declared victims that were named as victims; 1 when none is declared.
    pub victims_named: f64,
    /// Declared decoys that were accused.
    pub decoys_accused: Vec<String>,
    /// What was asserted.
    pub asserted: Vec<String>,
    /// What should have been.
    pub expected: Vec<String>,
    /// The verdict that was given.
    pub verdict: Verdict,
    /// The verdict that is right.
    pub expected_verdict: Verdict,
}

/// Scores a brief.
pub fn score(brief: &Brief, expected: &Expected) -> Score {
    let asserted: Vec<Accusation> = brief.root_causes.iter().map(accusation).collect();
    let candidates: Vec<Accusation> = brief.hypotheses.iter().map(accusation).collect();
    let right = |accusation: &Accusation| expected.causes.iter().any(|cause| cause.is(accusation));
    let found = |cause: &ExpectedCause| asserted.iter().any(|accusation| cause.is(accusation));
    let object = |accusation: &Accusation| {
        expected
            .causes
            .iter()
            .any(|cause| cause.has_object(&accusation.object))
    };
    let all_right = asserted.iter().all(right);
    let all_found = expected.causes.iter().all(found);
    let quiet = expected.causes.is_empty();
    let best = candidates.first();
    Score {
        strict_pass: brief.verdict == expected.verdict && all_right && (quiet || all_found),
        false_accusation: !all_right,
        abstained: !quiet && brief.verdict == Verdict::Inconclusive,
        object_at_1: !quiet && best.is_some_and(object),
        object_at_3: !quiet && candidates.iter().take(3).any(object),
        mechanism_at_1: !quiet
            && best.is_some_and(|best| {
                expected
                    .causes
                    .iter()
                    .any(|cause| cause.mechanisms.contains(&best.mechanism))
            }),
        precision: share(&asserted, right),
        recall: share(&expected.causes, found),
        victims_named: share(&expected.victims, |victim| {
            brief.victims.iter().any(|named| named.same_name(victim))
        }),
        decoys_accused: expected
            .not_causes
            .iter()
            .filter(|decoy| {
                asserted
                    .iter()
                    .any(|accusation| accusation.object.same_name(decoy) && !right(accusation))
            })
            .map(ToString::to_string)
            .collect(),
        asserted: asserted.iter().map(line).collect(),
        expected: expected
            .causes
            .iter()
            .filter_map(|cause| {
                Some(format!(
                    "{} on {}",
                    cause.mechanisms.first()?,
                    cause.objects.first()?
                ))
            })
            .collect(),
        verdict: brief.verdict,
        expected_verdict: expected.verdict,
    }
}

fn accusation(hypothesis: &Hypothesis) -> Accusation {
    Accusation {
        object: hypothesis.object.clone(),
        mechanism: hypothesis.mechanism.clone(),
    }
}

fn line(accusation: &Accusation) -> String {
    format!("{} on {}", accusation.mechanism, accusation.object)
}

fn share<T>(items: &[T], is: impl Fn(&T) -> bool) -> f64 {
    if items.is_empty() {
        return 1.0;
    }
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    count(items.iter().filter(|item| is(item)).count()) / count(items.len())
}
