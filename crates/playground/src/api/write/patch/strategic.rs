//! Strategic merge patch: lists of built-in kinds merge by key; with the directives that kubectl sends.

use serde_json::{Map, Value};

use crate::build::json::text;

/// The key by which the items of a built-in list merge, `None` when the list is replaced as a whole
/// (the `patchMergeKey` tags of `k8s.io/api`).
pub(crate) fn merge_key(field: &str, item: &Value) -> Option<&'static str> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "webhooks"
        | "secrets"
        | "resourceClaims" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "ports" if item.get("containerPort").is_some() => "containerPort",
        // Service ports; those of network policies and endpoint slices carry no targetPort and are atomic.
        "ports" if item.get("targetPort").is_some() || item.get("nodePort").is_some() => "port",
        "conditions" => "type",
        "addresses" if item.get("address").is_some() => "type",
        "hostAliases" | "podIPs" | "hostIPs" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        "ownerReferences" => "uid",
        _ => return None,
    })
}

/// Lists of plain values that merge as sets.
fn merges_as_set(field: &str) -> bool {
    matches!(field, "finalizers" | "podCIDRs")
}

/// Merges the patch into the object.
pub(crate) fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() || text(patch, "/$patch") == "replace" {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (key, change) in changes {
        match key.split_once('/') {
            Some(("$deleteFromPrimitiveList", field)) => remove_values(fields, field, change),
            Some(("$setElementOrder", _)) => {}
            _ if key.starts_with('$') => {}
            _ => set_field(fields, key, change),
        }
    }
    for (key, order) in changes {
        if let Some(("$setElementOrder", field)) = key.split_once('/') {
            reorder(fields, field, order);
        }
    }
    if let Some(Value::Array(kept)) = changes.get("$retainKeys") {
        fields.retain(|name, _| kept.iter().any(|key| key.as_str() == Some(name)));
    }
}

fn set_field(fields: &mut Map<String, Value>, key: &str, change: &Value) {
    match change {
        Value::Null => {
            fields.remove(key);
        }
        Value::Object(_) if text(change, "/$patch") == "delete" => {
            fields.remove(key);
        }
        Value::Object(_) => apply(fields.entry(key).or_insert(Value::Null), change),
        Value::Array(items) => {
            let slot = fields.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            merge_list(slot, key, items);
        }
        plain => {
            fields.insert(key.to_owned(), plain.clone());
        }
    }
}

fn merge_list(target: &mut Value, field: &str, changes: &[Value]) {
    let wholly = changes.iter().any(|change| {
        change.as_object().is_some_and(|change| change.len() == 1) && text(change, "/$patch") == "replace"
    });
    let Value::Array(items) = target else {
        *target = Value::Array(changes.to_vec());
        return;
    };
    if merges_as_set(field) {
        let missing: Vec<Value> = changes
            .iter()
            .filter(|change| !items.contains(change))
            .cloned()
            .collect();
        items.extend(missing);
        return;
    }
    let sample = changes
        .iter()
        .chain(items.iter())
        .find_map(|item| merge_key(field, item));
    let Some(key) = sample.filter(|_| !wholly) else {
        *items = changes
            .iter()
            .filter(|change| text(change, "/$patch") != "replace")
            .cloned()
            .collect();
        return;
    };
    for change in changes {
        let position = items
            .iter()
            .position(|item| item.get(key).is_some() && item.get(key) == change.get(key));
        match (position, text(change, "/$patch")) {
            (Some(position), "delete") => {
                items.remove(position);
            }
            (None, "delete") => {}
            (Some(position), _) => apply(&mut items[position], change),
            (None, _) => {
                let mut fresh = Value::Null;
                apply(&mut fresh, change);
                items.push(fresh);
            }
        }
    }
}

fn remove_values(fields: &mut Map<String, Value>, field: &str, gone: &Value) {
    if let (Some(Value::Array(items)), Some(gone)) = (fields.get_mut(field), gone.as_array()) {
        items.retain(|item| !gone.contains(item));
    }
}

/// Puts listed items into the given order, those that only the server has after them.
fn reorder(fields: &mut Map<String, Value>, field: &str, order: &Value) {
    let (Some(Value::Array(items)), Some(order)) = (fields.get_mut(field), order.as_array()) else {
        return;
    };
    let place = |item: &Value| {
        let same = |wanted: &Value| match merge_key(field, item) {
            Some(key) => wanted.get(key).is_some() && wanted.get(key) == item.get(key),
            None => wanted == item,
        };
        order.iter().position(same).unwrap_or(order.len())
    };
    items.sort_by_key(place);
}
