//! Fenced appends to an investigation's log.

use domain::{EVENT_VERSION, Event, EventBody, StreamName};

use crate::db::{Arg, Tx};
use crate::error::StoreError;
use crate::lease::{Lease, holder, lost};
use crate::store::{Store, timestamp};

/// The fence and the cursor in one: only the lease's holder matches, and the row stays locked until the
/// commit, so that positions become visible in their order.
const RESERVE: &str = "UPDATE investigations
SET position = position + 1, updated_at = $4, attempts = attempts * $5
WHERE id = $1 AND epoch = $2 AND worker = $3 AND status = 'running'
RETURNING position";

const LAST_SEQ: &str = "SELECT COALESCE(MAX(seq), 0) FROM events WHERE investigation = $1 AND stream = $2";

const INSERT_EVENT: &str = "INSERT INTO events
    (investigation, position, stream, seq, version, epoch, recorded_at, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const INSERT_EVIDENCE: &str =
    "INSERT INTO evidence (investigation, id, position) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const INSERT_REPORT: &str = "INSERT INTO reports (investigation, position) VALUES ($1, $2)";

const END_REPORTED: &str =
    "UPDATE investigations SET status = 'finished', verdict = $2, lease_until = 0 WHERE id = $1";

impl Store {
    /// Appends an event as number `expected_seq` of its stream, which must be the next one (1 in a new
    /// stream). `EvidenceStored` also makes the evidence readable by its id; `Reported` also stores the
    /// report and finishes the investigation, so that the lease is spent. All of it happens, durably, or
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker took over or the investigation has ended,
    /// [`StoreError::SequenceTaken`], [`StoreError::EvidenceTaken`], or the database fails.
    pub async fn append(
        &self,
        lease: &Lease,
        stream: &StreamName,
        expected_seq: u64,
        body: EventBody,
    ) -> Result<Event, StoreError> {
        let now = self.now();
        let text = encode(&body)?;
        let event = Event {
            investigation: lease.investigation,
            stream: stream.clone(),
            seq: expected_seq,
            version: EVENT_VERSION,
            at: timestamp("time of an event", now)?,
            body,
        };
        let mut tx = self.db.begin("append an event").await?;
        let position = reserve(&mut tx, lease, &event.body, now).await?;
        check_next(&mut tx, &event).await?;
        insert(&mut tx, position, lease.epoch, &event, &text).await?;
        index(&mut tx, position, &event).await?;
        tx.commit().await?;
        self.hint(lease.investigation);
        Ok(event)
    }
}

/// The event's position in the investigation, if the lease holds.
async fn reserve(tx: &mut Tx, lease: &Lease, body: &EventBody, now: i64) -> Result<i64, StoreError> {
    let id = lease.investigation.to_string();
    let is_no_progress = i64::from(matches!(body, EventBody::Started { .. }));
    let mut args = holder(&id, lease).to_vec();
    args.extend([Arg::Int(now), Arg::Int(is_no_progress)]);
    let reserved: Option<(i64,)> = tx.row(RESERVE, &args).await?;
    match reserved {
        Some((position,)) => Ok(position),
        None => Err(lost(tx, lease).await),
    }
}

async fn check_next(tx: &mut Tx, event: &Event) -> Result<(), StoreError> {
    let id = event.investigation.to_string();
    let args = [Arg::Text(&id), Arg::Text(&event.stream.0)];
    let last: Option<(i64,)> = tx.row(LAST_SEQ, &args).await?;
    let next = last.map_or(0, |(last,)| last.cast_unsigned()) + 1;
    if event.seq == next {
        return Ok(());
    }
    Err(StoreError::SequenceTaken {
        stream: event.stream.clone(),
        expected: event.seq,
        next,
    })
}

/// Inserts an event whose body is already encoded.
pub(crate) async fn insert(
    tx: &mut Tx,
    position: i64,
    epoch: u64,
    event: &Event,
    body: &str,
) -> Result<(), StoreError> {
    let id = event.investigation.to_string();
    let args = [
        Arg::Text(&id),
        Arg::Int(position),
        Arg::Text(&event.stream.0),
        Arg::Int(event.seq.cast_signed()),
        Arg::Int(i64::from(event.version)),
        Arg::Int(epoch.cast_signed()),
        Arg::Int(event.at.as_microsecond()),
        Arg::Text(body),
    ];
    tx.execute(INSERT_EVENT, &args).await?;
    Ok(())
}

/// Notes where in the log evidence and the report are.
async fn index(tx: &mut Tx, position: i64, event: &Event) -> Result<(), StoreError> {
    let id = event.investigation.to_string();
    match &event.body {
        EventBody::EvidenceStored { evidence } => {
            let args = [Arg::Text(&id), Arg::Text(&evidence.id.0), Arg::Int(position)];
            if tx.execute(INSERT_EVIDENCE, &args).await? == 0 {
                return Err(StoreError::EvidenceTaken {
                    evidence: evidence.id.clone(),
                });
            }
        }
        EventBody::Reported { report } => {
            let verdict = report.verdict.to_string();
            let args = [Arg::Text(&id), Arg::Int(position)];
            tx.execute(INSERT_REPORT, &args).await?;
            let args = [Arg::Text(&id), Arg::Text(&verdict)];
            tx.execute(END_REPORTED, &args).await?;
        }
        _ => {}
    }
    Ok(())
}

/// An event's body as stored.
pub(crate) fn encode(body: &EventBody) -> Result<String, StoreError> {
    serde_json::to_string(body).map_err(|source| StoreError::Encode {
        what: "an event",
        source,
    })
}
