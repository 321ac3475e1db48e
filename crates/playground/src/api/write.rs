//! Writing: create, update, patch, delete and scale, with dry runs, and what follows from a write.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::Value;

use crate::api::ApiServer;
use crate::api::access;
use crate::api::call::Call;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;

pub(crate) mod scale;

/// Answers a request that may change something.
pub(crate) fn answer(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Response, ApiError> {
    if endpoint.resource.kind.starts_with("SelfSubject") {
        return access::review(&server.weather, call, endpoint);
    }
    Err(ApiError::method_not_allowed())
}

/// A JSON answer with that status.
pub(crate) fn reply(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
