//! `POST /api/v1/investigations`: a person asks for an investigation.

mod ask;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{InvestigationId, Subject};
use serde::Serialize;
use store::Status;

use self::ask::Ask;
use super::url_of;
use crate::error::ApiError;
use crate::extract::Payload;
use crate::state::Server;

/// The investigation that was opened.
#[derive(Debug, Serialize)]
struct Created {
    id: InvestigationId,
    status: Status,
    url: String,
}

/// Whoever asks gets an investigation of its own: a question asked twice deserves two looks.
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let ask = ask::parse(&body, &server.app.redactor, server.app.clock.now())?;
    let subject = subject(&server, ask).await?;
    let id = server.enqueue(subject, None).await?.id;
    tracing::info!(investigation = %id, "investigation asked for");
    let created = Created {
        id,
        status: Status::Queued,
        url: url_of(id),
    };
    let location = [(header::LOCATION, url_of(id))];
    Ok((StatusCode::ACCEPTED, location, Json(created)).into_response())
}

async fn subject(server: &Server, ask: Ask) -> Result<Subject, ApiError> {
    Ok(match ask {
        Ask::Question { text, namespace } => Subject::Question { text, namespace },
        Ask::Alert(alert) => Subject::Alerts { alerts: vec![alert] },
        Ask::Workload(name) => match server.subjects().workload(&name).await {
            Ok(object) => Subject::Workload { object },
            Err(refused) => return Err(ApiError::payload("workload", refused.to_string())),
        },
    })
}
