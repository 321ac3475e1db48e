//! Wordings of the mechanisms of `image-and-deployment`.

use super::Pattern;

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[];
