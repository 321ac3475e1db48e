//! The handle to the store: its database, its clock and its hints.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, InvestigationId};
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::db::Db;
use crate::error::StoreError;
use crate::open::{Opened, open};

/// Tells the time; leases expire by it.
pub type TimeSource = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Hints that a slow subscriber may fall behind by before it misses some.
const HINTS: usize = 1024;

/// Investigations, their events, evidence and reports. Clones share the database.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Db,
    time: TimeSource,
    appended: broadcast::Sender<InvestigationId>,
    _lock: Option<Arc<File>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…` and brings its schema up to date.
    ///
    /// Leases expire by `clock`: with a frozen one they never do. Replicas that share a PostgreSQL should
    /// agree on the time to well within a lease; when they do not, work is taken over early, and the fence
    /// still holds.
    ///
    /// # Errors
    /// The URL is not understood, the database cannot be reached or migrated, or another process has the
    /// SQLite file ([`StoreError::InUse`]).
    pub async fn open(url: &str, clock: Clock) -> Result<Self, StoreError> {
        Self::open_with_time(url, Arc::new(move || clock.now())).await
    }

    /// Like [`Store::open`], with a clock that a test can move.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with_time(url: &str, time: TimeSource) -> Result<Self, StoreError> {
        let Opened { db, lock } = open(url).await?;
        Ok(Self {
            db,
            time,
            appended: broadcast::Sender::new(HINTS),
            _lock: lock,
        })
    }

    /// Investigations that this process opened, appended to or ended, as hints to look now. Other replicas'
    /// are not among them and a slow reader misses some, so polling remains the truth.
    pub fn subscribe(&self) -> broadcast::Receiver<InvestigationId> {
        self.appended.subscribe()
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db
            .row::<(i64,)>("reach the database", "SELECT CAST(1 AS BIGINT)", &[])
            .await
            .map(|_| ())
    }

    /// Closes the connections, waiting for those in use. The lock of a SQLite file goes with the last clone.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Now, in microseconds.
    pub(crate) fn now(&self) -> i64 {
        (self.time)().as_microsecond()
    }

    pub(crate) fn hint(&self, investigation: InvestigationId) {
        // Nobody may be listening.
        self.appended.send(investigation).ok();
    }
}

/// A stored time.
pub(crate) fn timestamp(what: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(StoreError::corrupt(what))
}

/// The time `span` after `now`, both in microseconds.
pub(crate) fn later(now: i64, span: Duration) -> i64 {
    now.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
}
