//! Wordings of the mechanisms of `resource-exhaustion`.

use super::Pattern;

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[];
