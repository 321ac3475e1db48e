//! The brief: triage's result, made without a model. Its JSON form is public and documented.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::gap::Gap;
use crate::ids::EvidenceId;
use crate::mechanism::MechanismId;
use crate::object::{Existence, ObjectRef};
use crate::redaction::Redacted;
use crate::signal::Signal;
use crate::topology::Topology;
use crate::verdict::{IncidentState, Verdict};

/// Version of the brief's JSON form.
pub const BRIEF_VERSION: u32 = 1;

/// What triage found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// Version of this form.
    pub version: u32,
    /// What triage asserts.
    pub verdict: Verdict,
    /// Whether the trouble is still there.
    pub state: IncidentState,
    /// One line for people.
    pub headline: Redacted,
    /// The objects that the subject names, with their existence.
    pub subjects: Vec<ResolvedObject>,
    /// The only assertions: non-empty exactly when the verdict is `root_cause`.
    pub root_causes: Vec<Hypothesis>,
    /// All candidate causes, best first.
    pub hypotheses: Vec<Hypothesis>,
    /// Objects that suffer without being at fault.
    pub victims: Vec<ObjectRef>,
    /// What the detectors saw around the subject.
    pub signals: Vec<Signal>,
    /// What was altered lately around the subject, most relevant first.
    pub changes: Vec<Change>,
    /// The dependencies around the subject.
    pub topology: Topology,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// How long it took; comparisons skip this.
    pub timings: Timings,
}

/// An object that the subject named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedObject {
    /// The object.
    pub object: ObjectRef,
    /// Whether it is there.
    pub existence: Existence,
    /// How it was found: exact, by owner, by selector, by similar name.
    pub how: Redacted,
}

/// Object + mechanism, with what speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// The object whose edit would heal.
    pub object: ObjectRef,
    /// What went wrong.
    pub mechanism: MechanismId,
    /// The field in question.
    pub params: Params,
    /// 0 to 1; a rank, not a probability.
    pub score: f64,
    /// Why, in a sentence or two.
    pub why: Redacted,
    /// Ledger ids of the facts.
    pub evidence: Vec<EvidenceId>,
}

/// The field that is wrong: where, what it is, what it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Params {
    /// Field path on the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Redacted>,
    /// What it was or should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Redacted>,
    /// More that identifies the fault: the node, the container, the revision.
    #[serde(flatten)]
    pub more: BTreeMap<String, Redacted>,
}

impl Params {
    /// True when nothing is said.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Milliseconds and requests that triage took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Resolving the subject.
    pub resolve_ms: u64,
    /// Reading the cluster.
    pub read_ms: u64,
    /// Detectors and ranking.
    pub analyse_ms: u64,
    /// All of it.
    pub total_ms: u64,
    /// HTTP requests sent to the API server and the metrics source.
    pub api_requests: u64,
}
