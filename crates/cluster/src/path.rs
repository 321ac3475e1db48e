//! Field paths: `status.containerStatuses[api].lastState.terminated.reason`. In brackets stands an index, the
//! `name`, `type` or `key` of a list's element, or a key that contains dots.

use serde_json::Value;

/// The value at `path`, `None` when any step is missing.
pub fn get<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = root;
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = if let Some(bracketed) = rest.strip_prefix('[') {
            let end = bracketed.find(']')?;
            let at = element(at, &bracketed[..end])?;
            (at, &bracketed[end + 1..])
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            (at.get(&rest[..end])?, &rest[end..])
        };
        at = step;
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    Some(at)
}

fn element<'a>(at: &'a Value, key: &str) -> Option<&'a Value> {
    match at {
        Value::Array(items) => items
            .iter()
            .find(|item| {
                ["name", "type", "key", "containerPort", "port", "ip"]
                    .iter()
                    .any(|field| is(item.get(field), key))
            })
            .or_else(|| items.get(key.parse::<usize>().ok()?)),
        Value::Object(map) => map.get(key),
        _ => None,
    }
}

fn is(value: Option<&Value>, text: &str) -> bool {
    match value {
        Some(Value::String(found)) => found == text,
        Some(Value::Number(found)) => found.to_string() == text,
        _ => false,
    }
}

/// A scalar as text; objects and lists as compact JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_go_through_maps_lists_and_dotted_keys() {
        let object =
            json!({"a": {"b": [{"name": "x", "v": 1}, {"type": "Ready", "v": 2}], "labels": {"k/8.s": "y"}}});
        assert_eq!(get(&object, "a.b[x].v"), Some(&json!(1)));
        assert_eq!(get(&object, "a.b[Ready].v"), Some(&json!(2)));
        assert_eq!(get(&object, "a.b[0].name"), Some(&json!("x")));
        assert_eq!(get(&object, "a.labels[k/8.s]"), Some(&json!("y")));
        assert_eq!(get(&object, "a.b[z].v"), None);
    }
}
