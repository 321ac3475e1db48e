//! The report: what an investigation leaves behind.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::brief::{Hypothesis, Params, ResolvedObject};
use crate::change::Change;
use crate::claim::{Claim, CutClaim};
use crate::gap::Gap;
use crate::ids::{EvidenceId, InvestigationId};
use crate::mechanism::MechanismId;
use crate::object::ObjectRef;
use crate::redaction::Redacted;
use crate::usage::Usage;
use crate::verdict::{IncidentState, Verdict};

/// Version of the report's JSON form.
pub const REPORT_VERSION: u32 = 1;

/// A finished investigation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this form.
    pub version: u32,
    /// Whose report it is.
    pub investigation: InvestigationId,
    /// Who made it: triage alone or agents.
    pub kind: ReportKind,
    /// What was asked, in a line.
    pub title: Redacted,
    /// Cluster that was looked at.
    pub cluster: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was finished.
    pub finished_at: Timestamp,
    /// What is asserted.
    pub verdict: Verdict,
    /// Whether the trouble goes on.
    pub state: IncidentState,
    /// How sure, by written rules.
    pub confidence: Confidence,
    /// One line for people.
    pub headline: Redacted,
    /// The objects that the subject names.
    pub subjects: Vec<ResolvedObject>,
    /// The only assertions; non-empty exactly when the verdict is `root_cause`.
    pub root_causes: Vec<RootCause>,
    /// From cause to symptom.
    pub chain: Vec<ObjectRef>,
    /// Who suffers.
    pub victims: Vec<ObjectRef>,
    /// Candidate causes that are not asserted.
    pub hypotheses: Vec<Hypothesis>,
    /// What happened when.
    pub timeline: Vec<TimelineEntry>,
    /// Recent changes near the subject.
    pub changes: Vec<Change>,
    /// What a person should do next.
    pub next_steps: Vec<Redacted>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What was left undone: budgets reached, model errors.
    pub notes: Vec<Redacted>,
    /// Claims that the gate cut, with reasons.
    pub cut: Vec<CutClaim>,
    /// What it used.
    pub usage: Usage,
    /// Milliseconds from start to brief and to the report.
    pub time_to_brief_ms: u64,
    /// Milliseconds from start to report.
    pub time_to_report_ms: u64,
}

/// Who made a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Triage, without a model.
    Triage,
    /// Agents, on top of triage.
    Agents,
}

/// An asserted cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootCause {
    /// The object whose edit would heal.
    pub object: ObjectRef,
    /// What went wrong.
    pub mechanism: MechanismId,
    /// The field in question.
    pub params: Params,
    /// How it led to the symptom.
    pub why: Redacted,
    /// The claims that passed the gate; empty in triage reports.
    pub claims: Vec<Claim>,
    /// The evidence it rests on.
    pub evidence: Vec<EvidenceId>,
}

/// How sure a report is, computed by rules that it lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confidence {
    /// The level.
    pub level: ConfidenceLevel,
    /// The rules that made it so.
    pub because: Vec<String>,
}

/// Levels of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfidenceLevel {
    /// Little speaks for it.
    Low,
    /// Good reasons, something is missing.
    Medium,
    /// Direct and independent evidence.
    High,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub object: ObjectRef,
    /// What.
    pub what: Redacted,
}
