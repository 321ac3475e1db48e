//! Wordings of the mechanisms of `cascading-failure`.

use super::Pattern;

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[];
