//! Request bodies: JSON or YAML, and whether the object fits the URL that it was sent to.

use serde_json::{Map, Value, json};

use crate::api::call::Call;
use crate::api::read::event;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::write::protobuf;
use crate::build::json::{map_at, text};

const OBJECT_TYPES: [&str; 3] = ["application/json", "application/yaml", protobuf::MEDIA_TYPE];

/// Reads the object in the body.
pub(crate) fn object(call: &Call, endpoint: &Endpoint) -> Result<Value, ApiError> {
    let parsed = match call.content_type() {
        "application/json" | protobuf::MEDIA_TYPE => json_body(call)?,
        "application/yaml" => yaml_body(call)?,
        other => return Err(ApiError::unsupported_media_type(other, &OBJECT_TYPES)),
    };
    fit(parsed, endpoint)
}

/// Reads a JSON (or protobuf) body; an empty one is an empty object.
pub(crate) fn json_body(call: &Call) -> Result<Value, ApiError> {
    if call.body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if call.content_type() == protobuf::MEDIA_TYPE {
        return protobuf::decode(&call.body);
    }
    serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::bad_request(format!("the object provided is unrecognized: {error}")))
}

/// Reads a YAML body (JSON is YAML).
pub(crate) fn yaml_body(call: &Call) -> Result<Value, ApiError> {
    let text = String::from_utf8_lossy(&call.body);
    serde_saphyr::from_str(&text)
        .map_err(|error| ApiError::bad_request(format!("error converting YAML to JSON: yaml: {error}")))
}

/// Checks kind, version, name and namespace against the URL and fills in what the URL implies.
pub(crate) fn fit(mut object: Value, endpoint: &Endpoint) -> Result<Value, ApiError> {
    let resource = &endpoint.resource;
    let (kind, api_version) = (resource.kind.as_str(), resource.api_version());
    if !object.is_object() {
        return Err(ApiError::bad_request(
            "the object provided is unrecognized: it must be a JSON object",
        ));
    }
    let (sent_kind, sent_version) = (text(&object, "/kind"), text(&object, "/apiVersion"));
    if (!sent_kind.is_empty() && sent_kind != kind)
        || (!sent_version.is_empty() && sent_version != api_version)
    {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({sent_version}) does not match the expected API version ({api_version}): \
             {sent_kind} in version {sent_version:?} cannot be handled as a {kind}"
        )));
    }
    let (name, namespace) = (
        text(&object, "/metadata/name"),
        text(&object, "/metadata/namespace"),
    );
    if !endpoint.name.is_empty() && !name.is_empty() && name != endpoint.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            endpoint.name
        )));
    }
    if resource.namespaced && !namespace.is_empty() && namespace != endpoint.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object["kind"] = json!(kind);
    object["apiVersion"] = json!(api_version);
    if let Some(metadata) = map_at(&mut object, "metadata") {
        if resource.namespaced {
            metadata.insert("namespace".to_owned(), json!(endpoint.namespace));
        } else {
            metadata.remove("namespace");
        }
        if !endpoint.name.is_empty() {
            metadata.insert("name".to_owned(), json!(endpoint.name));
        }
    }
    Ok(if resource.group == "events.k8s.io" {
        event::to_core(object)
    } else {
        object
    })
}
