//! Reading and writing of untyped Kubernetes objects by JSON pointer. Owns no knowledge of any kind.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The string at the pointer, empty when absent.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The integer at the pointer, zero when absent.
pub(crate) fn number(object: &Value, pointer: &str) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// The boolean at the pointer, false when absent.
pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    object
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// The array at the pointer, empty when absent.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The entries of the map at the pointer, none when absent.
pub(crate) fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
}

/// The timestamp at the pointer.
pub(crate) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    object.pointer(pointer)?.as_str()?.parse().ok()
}

/// The scalar at the pointer as the text that a person would type: strings without quotes.
pub(crate) fn scalar(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The object's own map at `key`, created (and replacing anything that is no map) when absent.
pub(crate) fn map_at<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    let slot = object
        .as_object_mut()?
        .entry(key)
        .or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut()
}

/// Puts `new` at a pointer and creates the objects on the way. An index outside an array is ignored.
pub(crate) fn set(value: &mut Value, pointer: &str, new: Value) {
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
pub(crate) fn unset(value: &mut Value, pointer: &str, key: &str) {
    if let Some(map) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        map.remove(key);
    }
}

/// Appends to the array at a pointer, which is created where it lacks.
pub(crate) fn push(value: &mut Value, pointer: &str, item: Value) {
    if value.pointer(pointer).is_none_or(|found| !found.is_array()) {
        set(value, pointer, Value::Array(Vec::new()));
    }
    if let Some(list) = value.pointer_mut(pointer).and_then(Value::as_array_mut) {
        list.push(item);
    }
}

/// Escapes a key for use in a pointer (RFC 6901).
pub(crate) fn escape(key: &str) -> String {
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
