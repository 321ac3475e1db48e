//! What can go wrong in the store: each variant is the operation that failed, with its data.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use domain::{EvidenceId, InvestigationId, StreamName};

use crate::status::Status;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database that is supported. The URL itself is not repeated: it may hold a password.
    #[error("the database URL has the unknown scheme {scheme:?}: use sqlite:PATH or postgres://…")]
    UnknownScheme {
        /// What stands before the first colon; empty when there is none.
        scheme: String,
    },
    /// The database could not be opened or reached.
    #[error("cannot open the database")]
    Open {
        /// The driver's error.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database's schema up to date")]
    Migrate {
        /// The migrator's error.
        source: sqlx::migrate::MigrateError,
    },
    /// Another process holds the SQLite file.
    #[error(
        "{} is in use by another dogwatch process; several replicas need PostgreSQL",
        .path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The lock file beside the SQLite file could not be made or locked.
    #[error("cannot lock {}", .path.display())]
    LockFile {
        /// The lock file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A query failed.
    #[error("cannot {operation}")]
    Database {
        /// What was to be done.
        operation: &'static str,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// An event could not be written as JSON.
    #[error("cannot write {what} as JSON")]
    Encode {
        /// What was to be written.
        what: &'static str,
        /// The serializer's error.
        source: serde_json::Error,
    },
    /// A stored value cannot be read: written by a newer version, or damaged.
    #[error("the stored {what} cannot be read")]
    Corrupt {
        /// Which value.
        what: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The worker no longer holds the lease: another took over, or the investigation has ended.
    #[error(
        "the lease of epoch {epoch} on investigation {investigation} is lost ({})",
        .status.map_or("not there", Status::as_str)
    )]
    LeaseLost {
        /// The investigation.
        investigation: InvestigationId,
        /// Epoch of the lost lease.
        epoch: u64,
        /// Where the investigation stands now; `None` when it is not there.
        status: Option<Status>,
    },
    /// The next event of a stream has another sequence number.
    #[error("the next event of stream {stream} is {next}, not {expected}")]
    SequenceTaken {
        /// The stream.
        stream: StreamName,
        /// The number that was expected to be free.
        expected: u64,
        /// The number of the stream's next event.
        next: u64,
    },
    /// Evidence of that id is already in the ledger.
    #[error("evidence {evidence} is already stored")]
    EvidenceTaken {
        /// The id.
        evidence: EvidenceId,
    },
    /// A lease was to be finished with a status that is not an end.
    #[error("an investigation cannot be finished as {status}")]
    NotAnEnd {
        /// The status.
        status: Status,
    },
}

impl StoreError {
    /// Maps a parse error of a stored value.
    pub(crate) fn corrupt<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        move |source| Self::Corrupt {
            what,
            source: source.into(),
        }
    }
}
