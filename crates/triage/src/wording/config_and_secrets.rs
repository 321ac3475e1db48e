//! Wordings of the mechanisms of `config-and-secrets`.

use super::Pattern;

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[];
