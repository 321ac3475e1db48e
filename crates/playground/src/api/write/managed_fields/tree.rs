//! Sets of fields in the `FieldsV1` form: `{"f:spec": {"f:replicas": {}}}`, list items as `k:{"name":"web"}`.

use serde_json::{Map, Value, json};

use crate::api::write::patch::strategic::merge_key;

/// Metadata that nobody owns.
const UNOWNED: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// Fields of the new object that the old one lacks or holds differently.
pub(crate) fn changed(before: &Value, after: &Value) -> Map<String, Value> {
    let mut fields = differences(before, after, "");
    tidy(&mut fields);
    fields
}

/// All fields that a configuration names.
pub(crate) fn owned(config: &Value) -> Map<String, Value> {
    changed(&Value::Null, config)
}

fn tidy(fields: &mut Map<String, Value>) {
    fields.remove("f:apiVersion");
    fields.remove("f:kind");
    if let Some(Value::Object(metadata)) = fields.get_mut("f:metadata") {
        metadata.retain(|key, _| {
            !UNOWNED
                .iter()
                .any(|unowned| key.strip_prefix("f:") == Some(unowned))
        });
        if metadata.is_empty() {
            fields.remove("f:metadata");
        }
    }
}

fn differences(before: &Value, after: &Value, field: &str) -> Map<String, Value> {
    match after {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, value)| before.get(key.as_str()) != Some(value))
            .map(|(key, value)| {
                let inner = differences(before.get(key.as_str()).unwrap_or(&Value::Null), value, key);
                (format!("f:{key}"), Value::Object(inner))
            })
            .collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|item| item_difference(before, item, field))
            .collect(),
        _ => Map::new(),
    }
}

fn item_difference(before: &Value, item: &Value, field: &str) -> Option<(String, Value)> {
    let key = merge_key(field, item)?;
    let mut identity = json!({ key: item.get(key)? });
    if matches!(key, "containerPort" | "port") {
        identity["protocol"] = item.get("protocol").cloned().unwrap_or_else(|| json!("TCP"));
    }
    let old = before
        .as_array()
        .and_then(|list| list.iter().find(|old| old.get(key) == item.get(key)));
    if old == Some(item) {
        return None;
    }
    let mut inner = differences(old.unwrap_or(&Value::Null), item, "");
    if old.is_none() {
        inner.insert(".".to_owned(), json!({}));
    }
    Some((format!("k:{identity}"), Value::Object(inner)))
}

/// Adds one set to another.
pub(crate) fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        let slot = into.entry(key.clone()).or_insert_with(|| json!({}));
        if let (Value::Object(slot), Value::Object(value)) = (slot, value) {
            merge(slot, value);
        }
    }
}

/// Takes the leaves of one set out of another.
pub(crate) fn subtract(from: &mut Map<String, Value>, gone: &Map<String, Value>) {
    for (key, value) in gone {
        let Some(Value::Object(held)) = from.get_mut(key) else {
            continue;
        };
        let inner = value.as_object().filter(|inner| !inner.is_empty());
        if let (Some(inner), false) = (inner, held.is_empty()) {
            subtract(held, inner);
            if held.is_empty() {
                from.remove(key);
            }
        } else {
            from.remove(key);
        }
    }
}

/// Paths (as `.spec.replicas`) of the wanted leaves that the held set contains.
pub(crate) fn contains_any(
    held: &Map<String, Value>,
    wanted: &Map<String, Value>,
    path: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    for (key, inner) in wanted {
        let (Some(Value::Object(held)), Value::Object(inner)) = (held.get(key), inner) else {
            continue;
        };
        let step = match key.split_once(':') {
            Some(("f", name)) => format!("{path}.{name}"),
            Some((_, identity)) => format!(
                "{path}[{}]",
                identity.trim_matches(['{', '}']).replace("\":", "\"=")
            ),
            None => continue,
        };
        if inner.is_empty() {
            found.push(step);
        } else {
            found.extend(contains_any(held, inner, &step));
        }
    }
    found
}
