//! Signals: what a detector saw on one object.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::brief::Params;
use crate::evidence::{Fact, Lookup};
use crate::ids::EvidenceId;
use crate::mechanism::MechanismId;
use crate::object::ObjectRef;
use crate::redaction::Redacted;

/// What a detector saw. Without a mechanism it is a symptom only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Detector that saw it.
    pub detector: String,
    /// The object it was seen on: the one whose edit would heal, when a mechanism is named.
    pub object: ObjectRef,
    /// What went wrong, when the detector can tell.
    pub mechanism: Option<MechanismId>,
    /// How bad.
    pub severity: Severity,
    /// When it began, as far as the API says.
    pub onset: Option<Timestamp>,
    /// Expected versus found in one sentence.
    pub message: Redacted,
    /// The field that is wrong.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    pub params: Params,
    /// How sure the detector is that its mechanism is meant, 0 to 1: 1 when the facts leave no other reading.
    pub certainty: f64,
    /// Objects that show the trouble because of it.
    pub affects: Vec<ObjectRef>,
    /// The facts it rests on.
    pub facts: Vec<Fact>,
    /// The looks it rests on, for absence.
    pub lookups: Vec<Lookup>,
    /// Ledger id of those facts, once stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceId>,
    /// True while it still goes on; false when only its traces are left.
    pub ongoing: bool,
}

/// How much a signal hurts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Degraded.
    Warning,
    /// Something does not work.
    Critical,
}
