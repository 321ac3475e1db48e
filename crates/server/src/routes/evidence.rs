//! `GET /api/v1/investigations/{id}/evidence/{evidence}`: a stored tool result, as claims cite it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::Evidence;

use crate::error::ApiError;
use crate::extract::EvidencePath;
use crate::state::Server;

pub(crate) async fn evidence(
    State(server): State<Arc<Server>>,
    EvidencePath(id, evidence): EvidencePath,
) -> Result<Json<Evidence>, ApiError> {
    let found = server.app.store.evidence(id, &evidence).await?;
    found.map(Json).ok_or(ApiError::NotFound { what: "evidence" })
}
