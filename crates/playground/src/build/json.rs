//! Small ways to read and write JSON by pointer. Knows nothing of Kubernetes.

use serde_json::{Map, Value};

/// The text at a pointer, `""` where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a pointer, 0 where there is none.
pub fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The items of the array at a pointer; none where there is no array.
pub fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Puts `new` at a pointer and creates the objects on the way. An index outside an array is ignored.
pub fn set(value: &mut Value, pointer: &str, new: Value) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    let Some(target) = reach(value, parent) else {
        return;
    };
    let key = unescape(last);
    if let Value::Array(list) = target {
        if let Some(slot) = key.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
            *slot = new;
        }
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Some(map) = target.as_object_mut() {
        map.insert(key, new);
    }
}

/// Removes a key of the object at `pointer`.
pub fn unset(value: &mut Value, pointer: &str, key: &str) {
    if let Some(map) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        map.remove(key);
    }
}

/// Appends to the array at a pointer, which is created where it lacks.
pub fn push(value: &mut Value, pointer: &str, item: Value) {
    if value.pointer(pointer).is_none_or(|found| !found.is_array()) {
        set(value, pointer, Value::Array(Vec::new()));
    }
    if let Some(list) = value.pointer_mut(pointer).and_then(Value::as_array_mut) {
        list.push(item);
    }
}

/// Escapes a key for use in a pointer (RFC 6901).
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn reach<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    let mut at = value;
    for raw in pointer.split('/').skip(1) {
        let key = unescape(raw);
        if at.is_array() {
            let index = key.parse::<usize>().ok()?;
            at = at.as_array_mut()?.get_mut(index)?;
        } else {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = at.as_object_mut()?.entry(key).or_insert(Value::Null);
        }
    }
    Some(at)
}
