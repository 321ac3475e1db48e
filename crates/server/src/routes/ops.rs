//! Health and metrics on the second port, for the kubelet and Prometheus. Nothing here needs credentials.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::state::Server;

/// How long the store may take to show that it is there.
const PING_DEADLINE: Duration = Duration::from_secs(2);
/// The text format of Prometheus
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether this replica should get requests.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store answers and whatever else must hold does.
pub(crate) async fn ready(State(server): State<Arc<Server>>) -> (StatusCode, Json<Ready>) {
    let reason = hindrance(&server).await;
    let status = match reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let ready = reason.is_none();
    (status, Json(Ready { ready, reason }))
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let body = server.app.metrics.render();
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], body).into_response()
}

async fn hindrance(server: &Server) -> Option<&'static str> {
    if server.stop.is_cancelled() {
        return Some("the service stops");
    }
    if server.app.ready.as_ref().is_some_and(|ready| !ready()) {
        return Some("the service starts");
    }
    let ping = tokio::time::timeout(PING_DEADLINE, server.app.store.ping());
    match ping.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            Some("the store does not answer")
        }
        Err(_) => Some("the store does not answer"),
    }
}
