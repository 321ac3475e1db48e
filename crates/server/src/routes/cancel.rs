//! `POST /api/v1/investigations/{id}/cancel`: a person stops an investigation. Asking twice is no error.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::InvestigationId;
use serde::Serialize;
use store::Status;

use crate::error::ApiError;
use crate::extract::{InvestigationPath, no_investigation};
use crate::state::Server;

/// Where the investigation stands now.
#[derive(Debug, Serialize)]
pub(crate) struct Cancelled {
    id: InvestigationId,
    status: Status,
    /// True when this request stopped it; false when it had ended before.
    cancelled: bool,
}

pub(crate) async fn cancel(
    State(server): State<Arc<Server>>,
    InvestigationPath(id): InvestigationPath,
) -> Result<Json<Cancelled>, ApiError> {
    let store = &server.app.store;
    let cancelled = store.cancel(id).await?;
    let row = store.investigation(id).await?.ok_or_else(no_investigation)?;
    if cancelled {
        tracing::info!(investigation = %id, "investigation cancelled");
    }
    Ok(Json(Cancelled {
        id,
        status: row.status,
        cancelled,
    }))
}
