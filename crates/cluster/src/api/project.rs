//! The boundary: JSON from the API server becomes a projected, redacted [`Object`]. Nothing else makes one.

use domain::{ObjectRef, Redactor};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::kinds::Kind;
use crate::object::{Manager, Object};

/// Annotations that repeat the whole object.
const COPIES: &[&str] = &["kubectl.kubernetes.io/last-applied-configuration"];
/// Longest text that is kept of one value; ConfigMaps may hold megabytes.
const VALUE_LIMIT: usize = 8 * 1024;

/// Makes an object of a list's or a get's JSON; `None` when it has no name.
pub(crate) fn object(kind: &Kind, mut value: Value, redactor: &Redactor) -> Option<Object> {
    let metadata = value.get("metadata")?;
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
    let reference = ObjectRef::new(kind.group, kind.kind, text("namespace"), text("name"));
    if reference.name.is_empty() {
        return None;
    }
    let managers = metadata
        .get("managedFields")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |entries| entries.iter().map(manager).collect());
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| !COPIES.contains(&key.as_str()));
        }
    }
    match kind.kind {
        "Secret" => hide_secret(&mut value),
        "ConfigMap" => hide_binary(&mut value),
        _ => {}
    }
    redact(&mut value, "", redactor);
    Some(Object::new(reference, value, managers))
}

/// What a recording keeps of an object: all of it, redacted, with who wrote which fields.
pub(crate) fn kept(kind: &Kind, value: &Value, redactor: &Redactor) -> Option<(ObjectRef, Value)> {
    let mut value = value.clone();
    let metadata = value.get_mut("metadata")?.as_object_mut()?;
    let managers = metadata.shift_remove("managedFields");
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| !COPIES.contains(&key.as_str()));
    }
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
    let reference = ObjectRef::new(kind.group, kind.kind, text("namespace"), text("name"));
    if reference.name.is_empty() {
        return None;
    }
    // Values of Secrets are stand-ins by now.
    let secret = value.get("data").filter(|_| kind.kind == "Secret").cloned();
    if let Some(data) = value.get_mut("binaryData").and_then(Value::as_object_mut) {
        data.values_mut()
            .for_each(|entry| *entry = Value::String("KGJpbmFyeSk=".to_owned()));
    }
    redact(&mut value, "", redactor);
    if let Some(managers) = managers {
        value["metadata"]["managedFields"] = managers;
    }
    if let Some(secret) = secret {
        value["data"] = secret;
    }
    value["kind"] = Value::from(kind.kind);
    value["apiVersion"] = Value::from(kind.api_version());
    Some((reference, value))
}

fn manager(entry: &Value) -> Manager {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut fields = Vec::new();
    if let Some(set) = entry.get("fieldsV1").and_then(Value::as_object) {
        for (first, below) in set {
            let Some(first) = first.strip_prefix("f:") else {
                continue;
            };
            let below = below
                .as_object()
                .into_iter()
                .flat_map(Map::keys)
                .filter_map(|key| key.strip_prefix("f:"));
            let before = fields.len();
            fields.extend(below.map(|second| format!("{first}.{second}")));
            if fields.len() == before {
                fields.push(first.to_owned());
            }
        }
    }
    Manager {
        name: text("manager").to_owned(),
        time: text("time").parse::<Timestamp>().ok(),
        subresource: text("subresource").to_owned(),
        fields,
    }
}

/// Secrets keep their key names and the length of each value.
fn hide_secret(value: &mut Value) {
    for field in ["data", "stringData"] {
        if let Some(data) = value.get_mut(field).and_then(Value::as_object_mut) {
            for (_, entry) in data.iter_mut() {
                let len = entry.as_str().map_or(0, str::len);
                *entry = Value::String(format!("({len} base64 characters)"));
            }
        }
    }
}

fn hide_binary(value: &mut Value) {
    if let Some(data) = value.get_mut("binaryData").and_then(Value::as_object_mut) {
        for (_, entry) in data.iter_mut() {
            *entry = Value::String("(binary)".to_owned());
        }
    }
}

/// Redacts every text below `value`; `name` is the key that it stands under.
pub(crate) fn redact(value: &mut Value, name: &str, redactor: &Redactor) {
    match value {
        Value::String(text) => {
            let shown = redactor.redact_value(name, text);
            *text = shown.truncated(VALUE_LIMIT).as_str().to_owned();
        }
        Value::Array(items) => redact_list(items, name, redactor),
        Value::Object(map) => redact_map(map, redactor),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A list; in a command line the value of a flag may be the next word: `["--token", "…"]`.
fn redact_list(items: &mut [Value], name: &str, redactor: &Redactor) {
    let mut flag = None;
    for item in items {
        let own = item
            .as_str()
            .filter(|word| word.starts_with('-') && !word.contains('='));
        let next = own.map(|word| word.trim_start_matches('-').to_owned());
        redact(item, flag.as_deref().unwrap_or(name), redactor);
        flag = next;
    }
}

/// A map; `{name: DB_PASSWORD, value: …}` pairs, as in `env`, count the name as the value's key.
fn redact_map(map: &mut Map<String, Value>, redactor: &Redactor) {
    let named = map
        .get("name")
        .or_else(|| map.get("key"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    for (key, value) in map.iter_mut() {
        match (&named, key.as_str()) {
            (Some(name), "value") => redact(value, name, redactor),
            _ if is_plain(key) => {}
            _ => redact(value, key, redactor),
        }
    }
}

/// Fields whose content is fixed by the API: identifiers and enumerations, never free text.
fn is_plain(key: &str) -> bool {
    matches!(
        key,
        "apiVersion"
            | "kind"
            | "uid"
            | "resourceVersion"
            | "creationTimestamp"
            | "phase"
            | "nodeName"
            | "podIP"
            | "hostIP"
            | "containerID"
            | "imageID"
            | "namespace"
            | "ownerReferences"
            | "tolerations"
            | "resources"
            | "lastTransitionTime"
            | "lastProbeTime"
            | "restartPolicy"
            | "qosClass"
            | "protocol"
            | "dnsPolicy"
            | "podIPs"
            | "hostIPs"
            | "terminationMessagePath"
            | "schedulerName"
            | "imagePullPolicy"
            | "secretKeyRef"
            | "configMapKeyRef"
            | "secretRef"
            | "configMapRef"
            | "imagePullSecrets"
            | "capacity"
            | "allocatable"
    )
}
