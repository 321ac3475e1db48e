//! Collects what a tool saw and bounds what the model is shown of it.

use cluster::{Blind, ClusterView, Object};
use domain::evidence::render;
use domain::{Evidence, Fact, Lookup, LookupOutcome, ObjectRef, Outcome, Redacted};
use jiff::Timestamp;

use crate::call::Called;

/// Most bytes of a tool's text. About 800 tokens.
const TEXT_LIMIT: usize = 2800;

/// What a tool collected.
#[derive(Default)]
pub(crate) struct Output {
    facts: Vec<Fact>,
    lookups: Vec<Lookup>,
    notes: Vec<Redacted>,
    blind: Option<Blind>,
}

impl Output {
    /// Adds the facts at these paths of an object, where they exist.
    pub(crate) fn facts<'a>(&mut self, object: &Object, paths: impl IntoIterator<Item = &'a str>) {
        self.facts
            .extend(paths.into_iter().filter_map(|path| object.fact(path)));
    }

    /// Adds a computed fact.
    pub(crate) fn fact(&mut self, object: &ObjectRef, path: &str, value: &str, time: Option<Timestamp>) {
        self.facts.push(Fact {
            object: object.clone(),
            path: path.to_owned(),
            value: Redacted::trusted(value),
            time,
        });
    }

    /// Adds facts as they are.
    pub(crate) fn extend(&mut self, facts: impl IntoIterator<Item = Fact>) {
        self.facts.extend(facts);
    }

    /// Adds how a look ended.
    pub(crate) fn lookup(&mut self, lookup: Lookup) {
        self.lookups.push(lookup);
    }

    /// Adds how the look for an object ended.
    pub(crate) fn look_for(&mut self, view: &ClusterView, object: &ObjectRef) -> LookupOutcome {
        let lookup = view.lookup(object);
        let outcome = lookup.outcome;
        self.lookups.push(lookup);
        outcome
    }

    /// Adds a remark in our own words.
    pub(crate) fn note(&mut self, text: &str) {
        self.notes.push(Redacted::trusted(text));
    }

    /// Says that nothing could be looked at.
    pub(crate) fn blind(&mut self, blind: Blind) {
        self.blind = Some(blind);
    }

    pub(crate) fn finish(mut self) -> Called {
        let mut seen = std::collections::BTreeSet::new();
        self.facts.retain(|fact| {
            seen.insert((
                fact.object.clone(),
                fact.path.clone(),
                fact.value.clone(),
                fact.time,
            ))
        });
        let outcome = match &self.blind {
            Some(blind) if self.facts.is_empty() => Outcome::CouldNotLook {
                reason: blind.reason,
                message: blind.message.clone(),
            },
            _ if self.facts.is_empty() => Outcome::Empty,
            _ => Outcome::Found,
        };
        let (shown, truncated) = render(&outcome, &self.facts, &self.lookups, &self.notes, TEXT_LIMIT);
        Called {
            outcome,
            facts: self.facts,
            lookups: self.lookups,
            shown,
            truncated,
        }
    }
}

/// The text of stored evidence whose facts contain `words`, from fact number `from` on.
pub fn render_evidence(evidence: &Evidence, words: &str, from: usize) -> Redacted {
    let facts: Vec<Fact> = evidence
        .facts
        .iter()
        .filter(|fact| words.is_empty() || fact.path.contains(words) || fact.value.as_str().contains(words))
        .skip(from)
        .cloned()
        .collect();
    render(&evidence.outcome, &facts, &evidence.lookups, &[], TEXT_LIMIT).0
}
