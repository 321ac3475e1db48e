//! The words and numbers for enumerations, times and money.

use domain::{ChangeKind, ConfidenceLevel, IncidentState, ReportKind, Verdict};
use jiff::Timestamp;

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::RootCause => "root cause found",
        Verdict::NotAnIssue => "not an issue",
        Verdict::Inconclusive => "inconclusive",
    }
}

pub(super) fn state(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Ongoing => "ongoing",
        IncidentState::Recovered => "recovered",
        IncidentState::Unknown => "unknown",
    }
}

pub(super) fn confidence(level: ConfidenceLevel) -> &'static str {
    match level {
        ConfidenceLevel::Low => "low",
        ConfidenceLevel::Medium => "medium",
        ConfidenceLevel::High => "high",
    }
}

pub(super) fn kind(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Triage => "This is a triage report, made without a model.",
        ReportKind::Agents => "Agents investigated, and code checked their claims.",
    }
}

pub(super) fn change(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Rollout => "rolled out",
        ChangeKind::HelmRevision => "new Helm revision",
        ChangeKind::Created => "created",
        ChangeKind::Updated => "updated",
        ChangeKind::Scaled => "scaled",
        ChangeKind::Deleting => "being deleted",
    }
}

/// To the second, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Milliseconds as seconds.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// Millionths of a dollar, to the hundredth of a cent.
pub(super) fn dollars(micros: u64) -> String {
    format!("{}.{:04} USD", micros / 1_000_000, micros % 1_000_000 / 100)
}
