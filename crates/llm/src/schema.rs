//! JSON schemas of tool arguments from Rust types, as short as they can be: they are part of every prompt.
//! Knows no tool.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// Words that cost tokens and tell a model nothing that its arguments are checked for elsewhere.
const DROPPED: [&str; 5] = ["title", "format", "default", "minimum", "maximum"];

/// The schema of a tool's arguments: JSON Schema 2020-12 in one piece, without references or unknown properties.
/// An `Option` is a property that may be left out, not one that may be null. Doc comments are descriptions; a line
/// break in them is a space. Flattened enums do not work: their variants' properties would be unknown ones.
pub fn tool_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(compact).transform(&mut schema);
    schema.to_value()
}

fn compact(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.retain(|word, _| !DROPPED.contains(&word.as_str()));
    drop_null(object);
    close(object);
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}

/// Makes a nullable schema a plain one.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(Value::Array(variants)) = object.get_mut(word) {
            variants.retain(|variant| !is_null(variant));
            if let [only] = variants.as_slice() {
                let only = only.clone();
                object.retain(|other, _| other != word);
                merge(object, only);
            }
        }
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null") || schema.get("const").is_some_and(Value::is_null)
}

/// Adds a subschema's words; what the object says itself stands. The subschema's own words are compacted here,
/// because the walk has passed this level.
fn merge(object: &mut Map<String, Value>, only: Value) {
    let Ok(mut only) = Schema::try_from(only) else {
        return;
    };
    compact(&mut only);
    if let Value::Object(words) = only.to_value() {
        for (word, value) in words {
            object.entry(word).or_insert(value);
        }
    }
}

/// Forbids unknown properties, and gives an object without any an empty list, which some servers insist on.
fn close(object: &mut Map<String, Value>) {
    let is_object = object.get("type").is_some_and(|kind| kind == "object");
    if is_object && !object.contains_key("additionalProperties") {
        object.entry("properties").or_insert_with(|| json!({}));
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}
