//! Schemas of tool arguments.

use std::collections::BTreeMap;

use llm::tool_schema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Lists events.
/// Newest first.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Args {
    /// Namespace to look in.
    namespace: String,
    /// How many, at most.
    limit: Option<u32>,
    #[serde(default)]
    reverse: bool,
    kind: Kind,
    other_kind: Option<Kind>,
    /// The object.
    object: Option<Object>,
    objects: Vec<Object>,
    labels: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Warning,
    Normal,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Object {
    /// A property that is called like a word of the schema.
    title: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Nothing {}

#[test]
fn a_schema_is_short_closed_and_without_nulls() {
    let title =
        json!({"type": "string", "description": "A property that is called like a word of the schema."});
    let object = json!({
        "type": "object",
        "properties": {"title": title},
        "required": ["title"],
        "additionalProperties": false,
    });
    let mut described = object.clone();
    described["description"] = json!("The object.");
    let expected = json!({
        "description": "Lists events. Newest first.",
        "type": "object",
        "properties": {
            "namespace": {"type": "string", "description": "Namespace to look in."},
            "limit": {"type": "integer", "description": "How many, at most."},
            "reverse": {"type": "boolean"},
            "kind": {"type": "string", "enum": ["warning", "normal"]},
            "other_kind": {"type": "string", "enum": ["warning", "normal"]},
            "object": described,
            "objects": {"type": "array", "items": object},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["namespace", "kind", "objects", "labels"],
        "additionalProperties": false,
    });
    assert_eq!(tool_schema::<Args>(), expected);
}

#[test]
fn properties_keep_the_order_of_the_fields() {
    let schema = tool_schema::<Args>();
    let properties = schema["properties"].as_object().unwrap();
    let order: Vec<_> = properties.keys().collect();
    let fields = [
        "namespace",
        "limit",
        "reverse",
        "kind",
        "other_kind",
        "object",
        "objects",
        "labels",
    ];
    assert_eq!(order, fields);
}

#[test]
fn no_arguments_are_an_empty_object() {
    assert_eq!(
        tool_schema::<Nothing>(),
        json!({"type": "object", "properties": {}, "additionalProperties": false})
    );
}
