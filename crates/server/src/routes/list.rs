//! `GET /api/v1/investigations`: a page of investigations, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::{InvestigationId, Redacted, Verdict};
use jiff::Timestamp;
use serde::Serialize;
use store::{InvestigationFilter, InvestigationRow, Status};

use super::url_of;
use crate::error::ApiError;
use crate::extract::Parameters;
use crate::state::Server;

/// Investigations that one page may have.
const MAX_PAGE: u32 = 200;

/// An investigation in a line.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    id: InvestigationId,
    status: Status,
    title: Redacted,
    cluster: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    firings: u64,
    verdict: Option<Verdict>,
    url: String,
}

/// A page of them.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    investigations: Vec<Summary>,
    /// What `before` must be for the next page; none at the end.
    next: Option<InvestigationId>,
}

impl From<InvestigationRow> for Summary {
    fn from(row: InvestigationRow) -> Self {
        Self {
            url: url_of(row.id),
            id: row.id,
            status: row.status,
            title: row.title,
            cluster: row.cluster,
            created_at: row.created_at,
            updated_at: row.updated_at,
            firings: row.firings,
            verdict: row.verdict,
        }
    }
}

pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    parameters: Parameters,
) -> Result<Json<Page>, ApiError> {
    let filter = filter(&parameters)?;
    let rows = server.app.store.investigations(&filter).await?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= filter.limit);
    let last = rows.last().map(|row| row.id);
    Ok(Json(Page {
        investigations: rows.into_iter().map(Summary::from).collect(),
        next: last.filter(|_| is_full),
    }))
}

fn filter(parameters: &Parameters) -> Result<InvestigationFilter, ApiError> {
    parameters.only(&["status", "limit", "before"])?;
    let statuses = Status::ALL.map(Status::as_str).join(", ");
    let status = parameters.get("status", &format!("one of {statuses}"))?;
    let before = parameters.get("before", "the id of an investigation")?;
    let expected = format!("a number from 1 to {MAX_PAGE}");
    let limit = parameters.get("limit", &expected)?;
    let limit = limit.unwrap_or(InvestigationFilter::default().limit);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::parameter("limit", format!("expected {expected}")));
    }
    Ok(InvestigationFilter {
        status,
        limit,
        before,
    })
}
