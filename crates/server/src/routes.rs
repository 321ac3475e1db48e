//! The routes, one endpoint per file. It must not know who may use them.

mod cancel;
mod create;
mod events;
mod evidence;
mod list;
mod ops;
mod show;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use domain::InvestigationId;

use crate::state::Server;

pub(crate) use webhook::count as count_webhook;

/// The API, version 1.
pub(crate) fn api() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/v1/investigations", get(list::list).post(create::create))
        .route("/api/v1/investigations/{id}", get(show::show))
        .route("/api/v1/investigations/{id}/events", get(events::events))
        .route(
            "/api/v1/investigations/{id}/evidence/{evidence}",
            get(evidence::evidence),
        )
        .route("/api/v1/investigations/{id}/cancel", post(cancel::cancel))
}

/// The webhooks.
pub(crate) fn webhooks() -> Router<Arc<Server>> {
    Router::new().route("/webhooks/alertmanager", post(webhook::receive))
}

/// Health and metrics.
pub(crate) fn operations() -> Router<Arc<Server>> {
    Router::new()
        .route("/healthz", get(ops::alive))
        .route("/readyz", get(ops::ready))
        .route("/metrics", get(ops::metrics))
}

/// Where an investigation can be read.
fn url_of(id: InvestigationId) -> String {
    format!("/api/v1/investigations/{id}")
}
