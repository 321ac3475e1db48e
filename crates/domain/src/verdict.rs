//! Verdicts: what a report asserts.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is said of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One or more causes are proven.
    RootCause,
    /// Nothing needs fixing: watchdog, healthy, flapping, recovered without trace.
    NotAnIssue,
    /// It could not be told.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RootCause => "root_cause",
            Self::NotAnIssue => "not_an_issue",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// Whether the trouble is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Still there.
    Ongoing,
    /// Over.
    Recovered,
    /// Could not be seen.
    Unknown,
}
