//! `POST /webhooks/alertmanager`: the alerts of one call become one investigation, durable before the answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::{InvestigationId, Subject};
use metrics::counter;
use serde::Serialize;

use super::url_of;
use crate::error::ApiError;
use crate::extract::Payload;
use crate::state::Server;
use crate::telemetry::WEBHOOKS;

/// What became of a webhook's alerts.
#[derive(Debug, Serialize)]
pub(crate) struct Received {
    /// The investigation that answers for them; none when nothing fires.
    investigation: Option<InvestigationId>,
    /// True when it was there before.
    duplicate: bool,
    /// Alerts that fire.
    firing: usize,
    /// Alerts that ended.
    resolved: usize,
    /// Where the investigation can be read.
    url: Option<String>,
}

pub(crate) async fn receive(
    State(server): State<Arc<Server>>,
    payload: Result<Payload, ApiError>,
) -> Result<(StatusCode, Json<Received>), ApiError> {
    let result = match payload {
        Ok(Payload(body)) => accept(&server, &body).await,
        Err(error) => Err(error),
    };
    count(outcome(&result));
    let received = result?;
    let status = match received.investigation {
        Some(_) => StatusCode::ACCEPTED,
        None => StatusCode::OK,
    };
    Ok((status, Json(received)))
}

/// Counts a call by its outcome.
pub(crate) fn count(outcome: &'static str) {
    counter!(WEBHOOKS, "source" => "alertmanager", "outcome" => outcome).increment(1);
}

async fn accept(server: &Server, body: &[u8]) -> Result<Received, ApiError> {
    let notification = intake::parse_webhook(body, &server.app.redactor)?;
    let grouped = intake::group(notification.alerts);
    let mut received = Received {
        investigation: None,
        duplicate: false,
        firing: grouped.firing.len(),
        resolved: grouped.resolved.len(),
        url: None,
    };
    if grouped.firing.is_empty() {
        return Ok(received);
    }
    let key = intake::dedupe_key(&grouped.firing, &server.config.cluster);
    let subject = Subject::Alerts {
        alerts: grouped.firing,
    };
    let enqueued = server.enqueue(subject, Some(key)).await?;
    received.investigation = Some(enqueued.id);
    received.duplicate = enqueued.duplicate;
    received.url = Some(url_of(enqueued.id));
    tracing::info!(
        investigation = %enqueued.id,
        duplicate = enqueued.duplicate,
        firing = received.firing,
        "alerts accepted"
    );
    Ok(received)
}

fn outcome(result: &Result<Received, ApiError>) -> &'static str {
    match result {
        Ok(Received {
            investigation: None, ..
        }) => "ignored",
        Ok(Received { duplicate: true, .. }) => "duplicate",
        Ok(_) => "accepted",
        Err(error) if error.status().is_server_error() => "failed",
        Err(_) => "invalid",
    }
}
