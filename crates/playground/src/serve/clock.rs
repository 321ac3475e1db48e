//! The server's clock: the world's frozen moment or the wall clock. The only reader of the wall clock here.

use jiff::Timestamp;

/// Tells the server what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerClock {
    /// Time stands still at this moment.
    Frozen(Timestamp),
    /// The wall clock.
    Wall,
}

impl ServerClock {
    /// The present moment.
    #[expect(
        clippy::disallowed_methods,
        reason = "a served world lives on the wall clock, as kubectl does"
    )]
    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::Frozen(at) => at,
            Self::Wall => Timestamp::now(),
        }
    }
}
