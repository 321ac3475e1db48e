//! The scale subresource: how many replicas a workload shall have.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::route::Endpoint;
use crate::api::status::{ApiError, Cause};
use crate::api::write::managed_fields::{Operation, Writer};
use crate::api::write::update::{existing, replace};
use crate::api::write::{Outcome, body, patch};
use crate::build::json::{entries, number, text};

/// Answers an update or patch of the scale.
pub(crate) fn answer(server: &Arc<ApiServer>, call: &Call, endpoint: &Endpoint) -> Result<Outcome, ApiError> {
    let writer = Writer::of(call, endpoint, Operation::Update, server.clock.now());
    let dry_run = call.dry_run()?;
    let sent = if call.method == Method::PUT {
        Some(body::json_body(call)?)
    } else {
        None
    };
    server.change(|store| {
        let current = existing(store, endpoint)?;
        let wanted = match &sent {
            Some(scale) => scale.clone(),
            None => patch::patched(call, &of(&current), false)?,
        };
        let replicas = wanted
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if replicas < 0 {
            let value = json!(replicas);
            let cause = Cause::value("spec.replicas", &value, "must be greater than or equal to 0");
            return Err(ApiError::invalid(&endpoint.resource, &endpoint.name, &[cause]));
        }
        let mut object = current.clone();
        object["metadata"]["resourceVersion"] = json!(text(&wanted, "/metadata/resourceVersion"));
        object["spec"]["replicas"] = json!(replicas);
        let whole = Endpoint {
            subresource: String::new(),
            ..endpoint.clone()
        };
        let stored = replace(store, &whole, &current, object, &writer, dry_run)?;
        Ok(Outcome {
            status: StatusCode::OK,
            body: of(&stored.body),
            is_object: false,
        })
    })
}

/// The `autoscaling/v1` Scale of a workload.
pub(crate) fn of(object: &Value) -> Value {
    let pick = |field: &str| {
        object
            .pointer(&format!("/metadata/{field}"))
            .cloned()
            .unwrap_or(Value::Null)
    };
    let plain = text(object, "/kind") == "ReplicationController";
    let pointer = if plain {
        "/spec/selector"
    } else {
        "/spec/selector/matchLabels"
    };
    let mut selector: Vec<String> = entries(object, pointer)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    selector.sort();
    let replicas = object
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": pick("name"), "namespace": pick("namespace"), "uid": pick("uid"),
            "resourceVersion": pick("resourceVersion"), "creationTimestamp": pick("creationTimestamp"),
        },
        "spec": { "replicas": replicas },
        "status": { "replicas": number(object, "/status/replicas"), "selector": selector.join(",") },
    })
}
