//! `/openapi` as far as kubectl needs it: which kinds exist and that PATCH takes `fieldValidation`. It has no schemas.

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Map, Value, json};

use crate::api::call::Call;
use crate::api::resource::{Registry, Resource};

/// The v2 document in its protobuf form, all that kubectl before 1.29 accepts: version and title, no paths.
const V2_PROTOBUF: &[u8] = b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.33.4\x42\x00";

const V2_PROTOBUF_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The v2 document: valid and empty.
pub(crate) fn v2(call: &Call) -> Response {
    if call.accept().contains("protobuf") {
        return ([(header::CONTENT_TYPE, V2_PROTOBUF_TYPE)], V2_PROTOBUF).into_response();
    }
    let body = json!({
        "swagger": "2.0", "info": { "title": "Kubernetes", "version": "v1.33.4" }, "paths": {}, "definitions": {},
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// The list of v3 documents, one per group and version.
pub(crate) fn v3_index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path = document_path(group, version);
            let url = format!("/openapi/v3/{path}?hash=playground");
            paths.insert(path, json!({ "serverRelativeURL": url }));
        }
    }
    json!({ "paths": paths })
}

fn document_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// The v3 document of one group and version.
pub(crate) fn v3(registry: &Registry, path: &str) -> Option<Value> {
    let members: Vec<&Resource> = registry
        .all()
        .iter()
        .filter(|resource| document_path(&resource.group, &resource.version) == path)
        .collect();
    if members.is_empty() {
        return None;
    }
    let paths: Map<String, Value> = members
        .into_iter()
        .map(|resource| operations(resource, path))
        .collect();
    Some(json!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": "v1.33.4" }, "paths": paths,
        "components": { "schemas": {} },
    }))
}

fn operations(resource: &Resource, path: &str) -> (String, Value) {
    let place = if resource.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    let kind = json!({ "group": resource.group, "version": resource.version, "kind": resource.kind });
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"]
        .iter()
        .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } }))
        .collect();
    let types = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/apply-patch+yaml",
    ];
    let content: Map<String, Value> = types.iter().map(|&media| (media.to_owned(), json!({}))).collect();
    let patch = json!({
        "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind, "parameters": parameters,
        "requestBody": { "content": content }, "responses": {},
    });
    (
        format!("/{path}/{place}{}/{{name}}", resource.plural),
        json!({ "patch": patch }),
    )
}
