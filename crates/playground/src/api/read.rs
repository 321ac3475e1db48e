//! Reading: get, list, watch and the representation in which an object is answered.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::read::representation::{Painter, Representation};
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::{discovery, write};

pub(crate) mod event;
pub(crate) mod list;
mod podlog;
pub(crate) mod representation;
pub(crate) mod selector;
mod watch;

/// Answers a GET of a resource.
pub(crate) fn answer(
    server: &Arc<ApiServer>,
    call: &Call,
    endpoint: &Endpoint,
) -> Result<Response, ApiError> {
    match (endpoint.verb(call), endpoint.subresource.as_str()) {
        ("watch", _) => watch::answer(server, call, endpoint),
        ("list", _) => list::answer(server, call, endpoint),
        (_, "log") => podlog::answer(server, call, endpoint),
        (_, "scale") => {
            let scale = write::scale::of(&find(server, endpoint)?);
            Ok(discovery::respond(&scale))
        }
        _ => get(server, call, endpoint),
    }
}

fn get(server: &ApiServer, call: &Call, endpoint: &Endpoint) -> Result<Response, ApiError> {
    let representation = Representation::negotiate(call)?;
    let object = find(server, endpoint)?;
    let painter = Painter::new(server, &endpoint.resource, representation);
    Ok(discovery::respond(&painter.one(&object)))
}

/// The object that the endpoint names.
pub(crate) fn find(server: &ApiServer, endpoint: &Endpoint) -> Result<Value, ApiError> {
    let key = endpoint.resource.key(&endpoint.namespace, &endpoint.name);
    let store = server.read();
    let found = store
        .get(&key)
        .ok_or_else(|| ApiError::not_found(&endpoint.resource, &endpoint.name))?;
    Ok(found.clone())
}

/// The metadata of a list at a version.
pub(crate) fn list_metadata(version: u64) -> Value {
    json!({ "resourceVersion": version.to_string() })
}
