//! Reads an investigation's log: snapshots, and on from a cursor.

use domain::{Event, EventBody, InvestigationId, StreamName};

use crate::db::Arg;
use crate::error::StoreError;
use crate::store::{Store, timestamp};

const SNAPSHOT: &str = "SELECT position, stream, seq, version, recorded_at, body FROM events
WHERE investigation = $1 ORDER BY stream, seq";

const AFTER: &str = "SELECT position, stream, seq, version, recorded_at, body FROM events
WHERE investigation = $1 AND position > $2 ORDER BY position LIMIT $3";

#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    stream: String,
    seq: i64,
    version: i64,
    recorded_at: i64,
    body: String,
}

impl Store {
    /// All events of an investigation, by stream and then by sequence number; empty when there is none of
    /// that id.
    ///
    /// # Errors
    /// The database fails, or an event cannot be read.
    pub async fn events(&self, id: InvestigationId) -> Result<Vec<Event>, StoreError> {
        let text = id.to_string();
        let args = [Arg::Text(&text)];
        let rows: Vec<EventRow> = self.db.rows("read events", SNAPSHOT, &args).await?;
        rows.into_iter().map(|row| row.into_event(id)).collect()
    }

    /// At most `limit` events whose position in the investigation lies after `cursor` (0 for all), in the
    /// order in which they were committed. The last position is the next cursor; no event ever appears behind
    /// it.
    ///
    /// # Errors
    /// The database fails, or an event cannot be read.
    pub async fn events_after(
        &self,
        id: InvestigationId,
        cursor: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Event)>, StoreError> {
        let text = id.to_string();
        let args = [Arg::Text(&text), Arg::Int(cursor), Arg::Int(i64::from(limit))];
        let rows: Vec<EventRow> = self.db.rows("read events", AFTER, &args).await?;
        rows.into_iter()
            .map(|row| Ok((row.position, row.into_event(id)?)))
            .collect()
    }
}

impl EventRow {
    fn into_event(self, investigation: InvestigationId) -> Result<Event, StoreError> {
        Ok(Event {
            investigation,
            stream: StreamName(self.stream),
            seq: self.seq.cast_unsigned(),
            version: u16::try_from(self.version).map_err(StoreError::corrupt("version of an event"))?,
            at: timestamp("time of an event", self.recorded_at)?,
            body: decode(&self.body)?,
        })
    }
}

/// A stored body.
pub(crate) fn decode(body: &str) -> Result<EventBody, StoreError> {
    serde_json::from_str(body).map_err(StoreError::corrupt("event"))
}
