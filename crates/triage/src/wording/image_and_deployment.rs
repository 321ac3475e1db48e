//! Wordings of the mechanisms of `image-and-deployment`, by who words them.

pub(super) mod delivery;
pub(super) mod placement;
pub(super) mod pull;
pub(super) mod start;
#[cfg(test)]
mod tests;
