//! Puts routes and layers together: one router for the public port, one for operations.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::state::Server;
use crate::{auth, routes, telemetry};

/// Webhooks and API.
pub(crate) fn public(server: Arc<Server>) -> Router {
    let token = from_fn_with_state(Arc::clone(&server), auth::require_token);
    let secret = from_fn_with_state(Arc::clone(&server), auth::require_secret);
    Router::new()
        .merge(routes::api().route_layer(token))
        .merge(routes::webhooks().route_layer(secret))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(server.config.body_limit_bytes))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(telemetry::observe))
        .with_state(server)
}

/// Health and metrics.
pub(crate) fn operations(server: Arc<Server>) -> Router {
    routes::operations()
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(server)
}

async fn unknown_route() -> ApiError {
    ApiError::NotFound { what: "route" }
}

async fn wrong_method() -> ApiError {
    ApiError::MethodNotAllowed
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::Panicked.into_response()
}
