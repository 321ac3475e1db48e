//! Wordings of the mechanisms of `app-vs-infra`.

use super::Pattern;

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[];
