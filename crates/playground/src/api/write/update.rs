//! Updating objects: PUT, and the common end of every change to an existing object.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::store::Store;
use crate::api::write::managed_fields::{Operation, Writer};
use crate::api::write::{Outcome, body, decode, defaults, validate};
use crate::build::json::{items, map_at, text};

/// Metadata that only the server sets.
const SERVER_METADATA: [&str; 8] = [
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

/// Answers an update.
pub(crate) fn answer(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Outcome, ApiError> {
    let object = decode::object(call, &endpoint.resource, body::object(call, endpoint)?)?;
    let writer = Writer::of(call, endpoint, Operation::Update, server.clock.now());
    let dry_run = call.dry_run()?;
    server.change(|store| {
        let current = existing(store, endpoint)?;
        replace(store, endpoint, &current, object, &writer, dry_run)
    })
}

/// The object to change.
pub(crate) fn existing(store: &Store, endpoint: &Endpoint) -> Result<Value, ApiError> {
    let key = endpoint.resource.key(&endpoint.namespace, &endpoint.name);
    store
        .get(&key)
        .cloned()
        .ok_or_else(|| ApiError::not_found(&endpoint.resource, &endpoint.name))
}

/// Puts the wanted object in the place of the current one, as far as the endpoint may change it.
pub(crate) fn replace(
    store: &mut Store,
    endpoint: &Endpoint,
    current: &Value,
    mut wanted: Value,
    writer: &Writer,
    dry_run: bool,
) -> Result<Outcome, ApiError> {
    let resource = &endpoint.resource;
    check_preconditions(endpoint, current, &wanted)?;
    keep_server_fields(endpoint, current, &mut wanted);
    if resource.kind == "Secret" {
        defaults::encode_string_data(&mut wanted);
    }
    let causes = validate::on_update(current, &wanted, resource);
    if !causes.is_empty() {
        return Err(ApiError::invalid(resource, &endpoint.name, &causes));
    }
    if wanted.get("spec") != current.get("spec") && defaults::has_generation(resource) {
        let generation = current
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or(1);
        wanted["metadata"]["generation"] = json!(generation + 1);
    }
    writer.record(current, &mut wanted);
    let key = resource.key(&endpoint.namespace, &endpoint.name);
    if dry_run || wanted == *current {
        return Ok(Outcome::object(StatusCode::OK, wanted));
    }
    let released = wanted.pointer("/metadata/deletionTimestamp").is_some()
        && items(&wanted, "/metadata/finalizers").is_empty();
    let stored = store.put(&key, wanted);
    if released {
        store.remove(&key);
    }
    Ok(Outcome::object(StatusCode::OK, stored))
}

fn check_preconditions(endpoint: &Endpoint, current: &Value, wanted: &Value) -> Result<(), ApiError> {
    let (resource, name) = (&endpoint.resource, endpoint.name.as_str());
    let version = text(wanted, "/metadata/resourceVersion");
    if !version.is_empty() && version != text(current, "/metadata/resourceVersion") {
        return Err(ApiError::modified(resource, name));
    }
    let (sent, held) = (text(wanted, "/metadata/uid"), text(current, "/metadata/uid"));
    if !sent.is_empty() && sent != held {
        let why = format!("Precondition failed: UID in precondition: {sent}, UID in object meta: {held}");
        return Err(ApiError::conflict(resource, name, &why));
    }
    Ok(())
}

/// Restores what the endpoint may not change: server metadata, and status or everything but status.
fn keep_server_fields(endpoint: &Endpoint, current: &Value, wanted: &mut Value) {
    if endpoint.subresource == "status" {
        let status = wanted.get("status").cloned();
        *wanted = current.clone();
        if let (Some(status), Some(fields)) = (status, wanted.as_object_mut()) {
            fields.insert("status".to_owned(), status);
        }
        return;
    }
    if let Some(metadata) = map_at(wanted, "metadata") {
        for field in SERVER_METADATA {
            match current.pointer(&format!("/metadata/{field}")) {
                Some(value) => metadata.insert(field.to_owned(), value.clone()),
                None => metadata.remove(field),
            };
        }
    }
    if endpoint.resource.has("status")
        && let Some(fields) = wanted.as_object_mut()
    {
        match current.get("status") {
            Some(status) => fields.insert("status".to_owned(), status.clone()),
            None => fields.remove("status"),
        };
    }
}
