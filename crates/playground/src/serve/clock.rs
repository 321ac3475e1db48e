//! The served world's clock: the wall clock or a frozen one, and how far someone moved it. Knows nothing of what is due.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::Clock;
use jiff::{SignedDuration, Timestamp};

/// A clock that can be moved forward.
#[derive(Debug)]
pub(crate) struct MovingClock {
    base: Clock,
    moved_ms: AtomicI64,
}

impl MovingClock {
    pub(crate) fn new(base: Clock) -> Self {
        Self {
            base,
            moved_ms: AtomicI64::new(0),
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_millis(self.moved_ms.load(Ordering::Relaxed));
        self.base.now().checked_add(moved).unwrap_or(self.base.now())
    }

    /// Moves it forward.
    pub(crate) fn advance(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(0);
        self.moved_ms.fetch_add(ms.max(0), Ordering::Relaxed);
    }
}
