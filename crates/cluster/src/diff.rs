//! Differences between two JSON documents, field by field, with list elements matched by name.

use std::collections::BTreeMap;

use domain::{FieldDiff, Redacted};
use serde_json::Value;

use crate::path::text;

/// Fields that differ, in path order. The documents must be redacted.
pub fn between(before: &Value, after: &Value) -> Vec<FieldDiff> {
    let (before, after) = (leaves(before), leaves(after));
    let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
    fields.sort();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| FieldDiff {
            field: field.clone(),
            before: before
                .get(field)
                .map(|value| Redacted::trusted(value).truncated(300)),
            after: after
                .get(field)
                .map(|value| Redacted::trusted(value).truncated(300)),
        })
        .collect()
}

/// Leaves of a document by path; elements with a name are addressed by it.
pub fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    walk(value, "", &mut out);
    out
}

fn walk(value: &Value, at: &str, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let step = if key.contains(['.', '/']) {
                    format!("{at}[{key}]")
                } else {
                    join(at, key)
                };
                walk(below, &step, out);
            }
        }
        Value::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                let name = ["name", "mountPath", "key", "containerPort"]
                    .iter()
                    .find_map(|field| below.get(field));
                let step = name.map_or_else(|| index.to_string(), text);
                walk(below, &format!("{at}[{step}]"), out);
            }
        }
        Value::Null => {}
        leaf => {
            out.insert(at.to_owned(), text(leaf));
        }
    }
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() {
        key.to_owned()
    } else {
        format!("{at}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn named_elements_are_compared_with_each_other() {
        let before = json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]});
        let after = json!({"containers": [{"name": "b", "image": "y:1"}, {"name": "a", "image": "x:2"}]});
        let diff = between(&before, &after);
        assert_eq!(diff.len(), 1);
        assert_eq!(diff[0].field, "containers[a].image");
        assert_eq!(diff[0].before.as_ref().map(Redacted::as_str), Some("x:1"));
        assert_eq!(diff[0].after.as_ref().map(Redacted::as_str), Some("x:2"));
    }
}
