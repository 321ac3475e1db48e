//! The scale subresource: how many replicas a workload shall have.

use serde_json::{Value, json};

use crate::json::{entries, number, text};

/// The `autoscaling/v1` Scale of a workload.
pub(crate) fn of(object: &Value) -> Value {
    let pick = |field: &str| object.pointer(&format!("/metadata/{field}")).cloned().unwrap_or(Value::Null);
    let pointer = if text(object, "/kind") == "ReplicationController" { "/spec/selector" } else { "/spec/selector/matchLabels" };
    let mut selector: Vec<String> = entries(object, pointer)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    selector.sort();
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
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
