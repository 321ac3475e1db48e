//! The clock, injected so that a world can be frozen and tests repeat.

use jiff::Timestamp;

/// Tells the time of the cluster under investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// Always the same moment: a saved world's `now`.
    Frozen(Timestamp),
}

impl Clock {
    /// The present moment.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one reader of the wall clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Frozen(at) => *at,
        }
    }
}
