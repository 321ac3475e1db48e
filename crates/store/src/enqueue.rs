//! Opens investigations, once per problem.

use std::time::Duration;

use domain::{EVENT_VERSION, Event, EventBody, InvestigationId, StreamName, Subject};
use jiff::Timestamp;

use crate::append::{encode, insert};
use crate::db::{Arg, Tx};
use crate::error::StoreError;
use crate::store::{Store, timestamp};

/// How long after its end an investigation still answers for new firings of the same alert.
pub const DEDUPE_WINDOW: Duration = Duration::from_mins(30);

/// Counts a firing at the newest investigation that answers for the key. A failed one does not: it has no
/// report.
const COUNT_FIRING: &str = "UPDATE investigations SET firings = firings + 1 WHERE id = (
    SELECT id FROM investigations
    WHERE cluster = $1 AND dedupe_key = $2
      AND (status IN ('queued', 'running') OR (status IN ('finished', 'cancelled') AND updated_at > $3))
    ORDER BY created_at DESC, id DESC LIMIT 1)
RETURNING id";

/// The conflict arises when two firings of one alert race: the second waits for the first and joins it.
const INSERT: &str = "INSERT INTO investigations
    (id, cluster, title, dedupe_key, status, created_at, updated_at, position)
VALUES ($1, $2, $3, $4, 'queued', $5, $5, 1)
ON CONFLICT (cluster, dedupe_key) WHERE status IN ('queued', 'running')
    DO UPDATE SET firings = investigations.firings + 1
RETURNING id";

/// An investigation to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInvestigation {
    /// Its id.
    pub id: InvestigationId,
    /// Cluster to look at.
    pub cluster: String,
    /// What it is about.
    pub subject: Subject,
    /// Identity of the problem within the cluster, such as an alert's fingerprint; `None` always opens a new
    /// one.
    pub dedupe_key: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What became of a [`NewInvestigation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The investigation that answers for it: the new one, or the one that it repeats.
    pub id: InvestigationId,
    /// True when it repeats one; the firing was counted there.
    pub duplicate: bool,
}

impl Store {
    /// Opens an investigation and appends `Opened` to its stream `main`, or counts a firing at the one that
    /// already answers for the same cluster and key: unfinished, or ended less than [`DEDUPE_WINDOW`] ago.
    /// It is durable when this returns.
    ///
    /// # Errors
    /// The database fails, or the id is taken.
    pub async fn enqueue(&self, new: NewInvestigation) -> Result<Enqueued, StoreError> {
        let mut tx = self.db.begin("open an investigation").await?;
        let joined = match new.dedupe_key.as_deref().map(plain) {
            Some(key) => self.join(&mut tx, &plain(&new.cluster), &key).await?,
            None => None,
        };
        let id = match joined {
            Some(id) => id,
            None => create(&mut tx, &new).await?,
        };
        tx.commit().await?;
        let duplicate = id != new.id;
        if !duplicate {
            self.hint(id);
        }
        Ok(Enqueued { id, duplicate })
    }

    async fn join(
        &self,
        tx: &mut Tx,
        cluster: &str,
        key: &str,
    ) -> Result<Option<InvestigationId>, StoreError> {
        let window = i64::try_from(DEDUPE_WINDOW.as_micros()).unwrap_or(i64::MAX);
        let since = self.now().saturating_sub(window);
        let args = [Arg::Text(cluster), Arg::Text(key), Arg::Int(since)];
        let joined: Option<(String,)> = tx.row(COUNT_FIRING, &args).await?;
        joined.map(|(id,)| investigation_id(&id)).transpose()
    }
}

/// Inserts it with its first event; the id of another when that one was inserted at the same time.
async fn create(tx: &mut Tx, new: &NewInvestigation) -> Result<InvestigationId, StoreError> {
    let created_at = new.created_at.as_microsecond();
    let key = new.dedupe_key.as_deref().map(plain);
    let stored: Option<(String,)> = tx
        .row(
            INSERT,
            &[
                Arg::Text(&new.id.to_string()),
                Arg::Text(&plain(&new.cluster)),
                Arg::Text(&plain(new.subject.title().as_str())),
                Arg::OptionalText(key.as_deref()),
                Arg::Int(created_at),
            ],
        )
        .await?;
    let id = stored.map_or(Ok(new.id), |(id,)| investigation_id(&id))?;
    if id == new.id {
        let opened = Event {
            investigation: id,
            stream: StreamName::main(),
            seq: 1,
            version: EVENT_VERSION,
            at: timestamp("time of an event", created_at)?,
            body: EventBody::Opened {
                subject: new.subject.clone(),
                cluster: new.cluster.clone(),
            },
        };
        let body = encode(&opened.body)?;
        insert(tx, 1, 0, &opened, &body).await?;
    }
    Ok(id)
}

/// A stored id.
pub(crate) fn investigation_id(text: &str) -> Result<InvestigationId, StoreError> {
    text.parse()
        .map_err(StoreError::corrupt("id of an investigation"))
}

/// Text for a column of its own: PostgreSQL takes no NUL there. In JSON it is escaped.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
