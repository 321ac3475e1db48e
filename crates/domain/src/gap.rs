//! Gaps: what could not be seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::NotLooked;

/// Something that could not be looked at, and how a person could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What was to be seen: `events in shop`, `log of shop/cart-1 [app]`.
    pub what: String,
    /// Why it was not.
    pub reason: NotLooked,
    /// The source's words, redacted.
    pub message: crate::redaction::Redacted,
    /// A command that would tell, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
}
