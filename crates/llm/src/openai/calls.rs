//! Tool calls as servers and small models write them: listed, in the old single field, or as text. Whether the
//! arguments fit a tool is not known here.

use std::collections::HashSet;

use serde_json::Value;

use crate::port::{ChatRequest, ToolCall, ToolChoice, ToolSpec, made_up_id};

/// Whether the message lists calls, readable or not.
pub(super) fn are_listed(message: &Value) -> bool {
    !raw_calls(message).is_empty()
}

/// The calls that a message lists; those without a name are left out, since nothing can answer them.
pub(super) fn listed(message: &Value, turn: u32) -> Vec<ToolCall> {
    let calls = raw_calls(message).into_iter().filter_map(|raw| {
        let function = raw
            .get("function")
            .filter(|function| function.is_object())
            .unwrap_or(raw);
        let name = function
            .get("name")?
            .as_str()
            .map(str::trim)
            .filter(|name| !name.is_empty())?;
        let id = raw.get("id").and_then(Value::as_str).unwrap_or_default();
        Some(call(id, name, function.get("arguments")))
    });
    with_ids(calls.collect(), turn)
}

/// The calls that a text is, when it is nothing else: `{"name": …, "arguments": {…}}` with the name of a tool on
/// offer, bare or in `<tool_call>` tags, as models write it whose server does not know their format.
pub(super) fn written(text: &str, request: &ChatRequest) -> Option<Vec<ToolCall>> {
    if request.tool_choice == ToolChoice::None {
        return None;
    }
    let calls = blocks(text)?
        .into_iter()
        .map(|block| written_call(block, &request.tools));
    Some(with_ids(calls.collect::<Option<Vec<_>>>()?, request.key.turn))
}

fn raw_calls(message: &Value) -> Vec<&Value> {
    match message.get("tool_calls") {
        Some(Value::Array(calls)) if !calls.is_empty() => calls.iter().collect(),
        _ => message
            .get("function_call")
            .filter(|call| call.is_object())
            .into_iter()
            .collect(),
    }
}

fn written_call(block: &str, tools: &[ToolSpec]) -> Option<ToolCall> {
    let object: Value = serde_json::from_str(block).ok()?;
    let name = object.get("name")?.as_str()?;
    let arguments = object.get("arguments").or_else(|| object.get("parameters"))?;
    tools
        .iter()
        .any(|tool| tool.name == name)
        .then(|| call("", name, Some(arguments)))
}

/// The JSON objects that a text consists of. A model may stop before it closes the last tag.
fn blocks(text: &str) -> Option<Vec<&str>> {
    let mut rest = text.trim();
    if rest.starts_with('{') {
        return Some(vec![rest]);
    }
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let inner = rest.strip_prefix("<tool_call>")?;
        let (block, after) = inner.split_once("</tool_call>").unwrap_or((inner, ""));
        blocks.push(block.trim());
        rest = after.trim_start();
    }
    (!blocks.is_empty()).then_some(blocks)
}

fn call(id: &str, name: &str, arguments: Option<&Value>) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.map_or_else(no_arguments, as_text),
    }
}

/// Arguments as text: what is a JSON object stays one, nothing is an empty object, and an object that was made a
/// string twice is unpacked once.
fn as_text(arguments: &Value) -> String {
    match arguments {
        Value::Null => no_arguments(),
        Value::String(text) if text.trim().is_empty() || text.trim() == "null" => no_arguments(),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::String(inner)) if inner.trim_start().starts_with('{') => inner,
            _ => text.clone(),
        },
        other => other.to_string(),
    }
}

fn no_arguments() -> String {
    "{}".to_owned()
}

/// Gives an id to each call that has none, or that of another one.
fn with_ids(mut calls: Vec<ToolCall>, turn: u32) -> Vec<ToolCall> {
    let mut seen = HashSet::new();
    for (index, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() || !seen.insert(call.id.clone()) {
            call.id = made_up_id(turn, index);
        }
    }
    calls
}
