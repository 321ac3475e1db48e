//! Wordings of the mechanisms of `storage-and-persistence`.

use super::Pattern;

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[];
