//! A database for one case, with a clock that the case moves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use domain::{IdSource, InvestigationId, Redacted, Subject};
use jiff::Timestamp;
use store::{NewInvestigation, Store, TimeSource};

/// How long a lease lasts in these tests.
pub(crate) const TTL: Duration = Duration::from_secs(30);

/// The time at which every case begins: 2026-01-01T00:00:00Z, in microseconds.
const START: i64 = 1_767_225_600_000_000;

/// A database of one case.
pub(crate) struct Database {
    url: String,
    many_processes: bool,
    micros: Arc<AtomicI64>,
    ids: IdSource,
    _directory: Option<Directory>,
}

impl Database {
    /// A SQLite file in a directory of its own.
    pub(crate) fn sqlite_file() -> Self {
        let directory = Directory::new_in(&std::env::temp_dir(), "sqlite");
        let url = format!("sqlite:{}", directory.0.join("dogwatch.db").display());
        Self::new(url, false, Some(directory))
    }

    /// An empty database of a PostgreSQL server.
    pub(crate) fn postgres(url: String) -> Self {
        Self::new(url, true, None)
    }

    fn new(url: String, many_processes: bool, directory: Option<Directory>) -> Self {
        Self {
            url,
            many_processes,
            micros: Arc::new(AtomicI64::new(START)),
            ids: IdSource::counted(),
            _directory: directory,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Opens a store as a process would when it starts.
    pub(crate) async fn open(&self) -> Store {
        Store::open_with_time(&self.url, self.time()).await.unwrap()
    }

    /// Two stores as two replicas have them, or the one of the only process.
    pub(crate) async fn replicas(&self) -> [Store; 2] {
        let first = self.open().await;
        let second = if self.many_processes {
            self.open().await
        } else {
            first.clone()
        };
        [first, second]
    }

    pub(crate) fn time(&self) -> TimeSource {
        let micros = Arc::clone(&self.micros);
        Arc::new(move || Timestamp::from_microsecond(micros.load(Ordering::SeqCst)).unwrap())
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.time())()
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap();
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// A new investigation of a question, asked now.
    pub(crate) fn question(&self, text: &str) -> NewInvestigation {
        NewInvestigation {
            id: InvestigationId(self.ids.next()),
            cluster: "prod".to_owned(),
            subject: Subject::Question {
                text: Redacted::trusted(text),
                namespace: None,
            },
            dedupe_key: None,
            created_at: self.now(),
        }
    }

    /// A new investigation of an alert that is told by its fingerprint.
    pub(crate) fn firing(&self, fingerprint: &str) -> NewInvestigation {
        NewInvestigation {
            dedupe_key: Some(fingerprint.to_owned()),
            ..self.question("alert")
        }
    }
}

/// A directory that goes when it is dropped.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new_in(parent: &Path, name: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let ordinal = MADE.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("dogwatch-{name}-{}-{ordinal}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
