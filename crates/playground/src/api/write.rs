//! Writing: create, update, patch, delete and scale, with dry runs, and what follows from a write.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::Value;

use crate::api::ApiServer;
use crate::api::access;
use crate::api::call::Call;
use crate::api::read::representation::{Painter, Representation};
use crate::api::route::Endpoint;
use crate::api::status::ApiError;

pub(crate) use body::json_body;

mod body;
mod create;
mod decode;
mod defaults;
mod delete;
mod managed_fields;
mod patch;
mod protobuf;
pub(crate) mod scale;
mod update;
mod validate;

/// What a write made of an object.
#[derive(Debug)]
pub(crate) struct Outcome {
    status: StatusCode,
    body: Value,
    /// Whether the body is the object (which the caller may want as a Table) or a Status.
    is_object: bool,
}

impl Outcome {
    fn object(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            is_object: true,
        }
    }
}

/// Answers a request that may change something.
pub(crate) fn answer(
    server: &Arc<ApiServer>,
    call: &Call,
    endpoint: &Endpoint,
) -> Result<Response, ApiError> {
    if endpoint.resource.kind.starts_with("SelfSubject") {
        return access::review(&server.weather, call, endpoint);
    }
    let outcome = match (endpoint.verb(call), endpoint.subresource.as_str()) {
        ("create", "") => create::answer(server, call, endpoint),
        ("update" | "patch", "scale") => scale::answer(server, call, endpoint),
        ("update", _) => update::answer(server, call, endpoint),
        ("patch", _) => patch::answer(server, call, endpoint),
        ("delete", "") => delete::one(server, call, endpoint),
        ("deletecollection", "") => delete::many(server, call, endpoint),
        _ => Err(ApiError::method_not_allowed()),
    }?;
    if !outcome.is_object {
        return Ok(reply(outcome.status, &outcome.body));
    }
    let painter = Painter::new(server, &endpoint.resource, Representation::negotiate(call)?);
    Ok(reply(outcome.status, &painter.one(&outcome.body)))
}

/// A JSON answer with that status.
pub(crate) fn reply(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
