//! What an investigation leaves behind, read by id: its row, its evidence, its report.

use domain::{EventBody, Evidence, EvidenceId, InvestigationId, Redacted, Report, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::Arg;
use crate::enqueue::investigation_id;
use crate::error::StoreError;
use crate::events::decode;
use crate::status::Status;
use crate::store::{Store, timestamp};

const EVIDENCE: &str = "SELECT events.body FROM evidence
JOIN events ON events.investigation = evidence.investigation AND events.position = evidence.position
WHERE evidence.investigation = $1 AND evidence.id = $2";

const REPORT: &str = "SELECT events.body FROM reports
JOIN events ON events.investigation = reports.investigation AND events.position = reports.position
WHERE reports.investigation = $1";

macro_rules! select_rows {
    ($which:literal) => {
        concat!(
            "SELECT id, cluster, title, status, verdict, firings, epoch, created_at, updated_at ",
            "FROM investigations ",
            $which
        )
    };
}

const ONE: &str = select_rows!("WHERE id = $1");
const PAGE: &str = select_rows!(
    "WHERE ($1 IS NULL OR status = $1)
       AND ($2 IS NULL OR (created_at, id) < (SELECT created_at, id FROM investigations WHERE id = $2))
     ORDER BY created_at DESC, id DESC LIMIT $3"
);

/// An investigation without its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvestigationRow {
    /// Its id.
    pub id: InvestigationId,
    /// Cluster that it looks at.
    pub cluster: String,
    /// What was asked, in a line.
    pub title: Redacted,
    /// Where it stands.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker last did something about it.
    pub updated_at: Timestamp,
    /// How often its alert fired.
    pub firings: u64,
    /// Epoch of its latest lease; 0 before the first.
    pub epoch: u64,
    /// What its report asserts, once there is one.
    pub verdict: Option<Verdict>,
}

/// Which investigations to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvestigationFilter {
    /// Only those of this status.
    pub status: Option<Status>,
    /// At most so many.
    pub limit: u32,
    /// Only those older than this one: the last of the page before. None are older than one that is not
    /// there.
    pub before: Option<InvestigationId>,
}

impl Default for InvestigationFilter {
    fn default() -> Self {
        Self {
            status: None,
            limit: 50,
            before: None,
        }
    }
}

#[derive(sqlx::FromRow)]
struct StoredRow {
    id: String,
    cluster: String,
    title: String,
    status: String,
    verdict: Option<String>,
    firings: i64,
    epoch: i64,
    created_at: i64,
    updated_at: i64,
}

impl Store {
    /// A stored tool result; `None` when the investigation has none of that id.
    ///
    /// # Errors
    /// The database fails, or the evidence cannot be read.
    pub async fn evidence(
        &self,
        id: InvestigationId,
        evidence: &EvidenceId,
    ) -> Result<Option<Evidence>, StoreError> {
        let id = id.to_string();
        let args = [Arg::Text(&id), Arg::Text(&evidence.0)];
        let found: Option<(String,)> = self.db.row("read evidence", EVIDENCE, &args).await?;
        match found.map(|(body,)| decode(&body)).transpose()? {
            None => Ok(None),
            Some(EventBody::EvidenceStored { evidence }) => Ok(Some(*evidence)),
            Some(_) => Err(StoreError::corrupt("evidence")("its event is another")),
        }
    }

    /// The report of an investigation; `None` before there is one.
    ///
    /// # Errors
    /// The database fails, or the report cannot be read.
    pub async fn report(&self, id: InvestigationId) -> Result<Option<Report>, StoreError> {
        let id = id.to_string();
        let args = [Arg::Text(&id)];
        let found: Option<(String,)> = self.db.row("read a report", REPORT, &args).await?;
        match found.map(|(body,)| decode(&body)).transpose()? {
            None => Ok(None),
            Some(EventBody::Reported { report }) => Ok(Some(*report)),
            Some(_) => Err(StoreError::corrupt("report")("its event is another")),
        }
    }

    /// One investigation; `None` when there is none of that id.
    ///
    /// # Errors
    /// The database fails, or the row cannot be read.
    pub async fn investigation(&self, id: InvestigationId) -> Result<Option<InvestigationRow>, StoreError> {
        let id = id.to_string();
        let args = [Arg::Text(&id)];
        let found: Option<StoredRow> = self.db.row("read an investigation", ONE, &args).await?;
        found.map(StoredRow::into_row).transpose()
    }

    /// A page of investigations, newest first.
    ///
    /// # Errors
    /// The database fails, or a row cannot be read.
    pub async fn investigations(
        &self,
        filter: &InvestigationFilter,
    ) -> Result<Vec<InvestigationRow>, StoreError> {
        let before = filter.before.map(|id| id.to_string());
        let args = [
            Arg::OptionalText(filter.status.map(Status::as_str)),
            Arg::OptionalText(before.as_deref()),
            Arg::Int(i64::from(filter.limit)),
        ];
        let rows: Vec<StoredRow> = self.db.rows("list investigations", PAGE, &args).await?;
        rows.into_iter().map(StoredRow::into_row).collect()
    }
}

impl StoredRow {
    fn into_row(self) -> Result<InvestigationRow, StoreError> {
        Ok(InvestigationRow {
            id: investigation_id(&self.id)?,
            cluster: self.cluster,
            title: Redacted::trusted(&self.title),
            status: self.status.parse().map_err(StoreError::corrupt("status"))?,
            created_at: timestamp("time of an investigation", self.created_at)?,
            updated_at: timestamp("time of an investigation", self.updated_at)?,
            firings: self.firings.cast_unsigned(),
            epoch: self.epoch.cast_unsigned(),
            verdict: self.verdict.map(verdict).transpose()?,
        })
    }
}

fn verdict(word: String) -> Result<Verdict, StoreError> {
    serde_json::from_value(word.into()).map_err(StoreError::corrupt("verdict"))
}
