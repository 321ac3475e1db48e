//! Reads a chat completion as servers really send it: of its fields only the first choice's message must be there.

use serde_json::Value;

use super::{calls, usage};
use crate::error::LlmError;
use crate::port::{ChatAnswer, ChatRequest};

/// The answer in a response's body. Its price is not known here.
pub(super) fn read(body: &Value, request: &ChatRequest, asked: &str) -> Result<ChatAnswer, LlmError> {
    let choice = body
        .pointer("/choices/0")
        .ok_or_else(|| bad("there are no choices"))?;
    let message = choice.get("message").filter(|message| message.is_object());
    let message = message.ok_or_else(|| bad("the choice has no message"))?;
    let mut text = text_of(message);
    let mut calls = calls::listed(message, request.key.turn);
    if calls.is_empty()
        && let Some(written) = text.as_deref().and_then(|text| calls::written(text, request))
    {
        calls = written;
        text = None;
    }
    if calls.is_empty() && text.is_none() && calls::are_listed(message) {
        return Err(bad("the tool calls have no names"));
    }
    let usage = usage::read(body, request, text.as_deref(), &calls);
    Ok(ChatAnswer {
        finish: word(choice, "finish_reason").map(str::to_owned),
        model: word(body, "model").unwrap_or(asked).to_owned(),
        text,
        calls,
        usage,
    })
}

fn word<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object
        .get(field)
        .and_then(Value::as_str)
        .filter(|word| !word.is_empty())
}

/// The text of a message: a string, parts, or a refusal. Thoughts that a server left in it are cut off.
fn text_of(message: &Value) -> Option<String> {
    let text = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(part_text).collect(),
        _ => message
            .get("refusal")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    };
    let said = without_thoughts(text.trim());
    (!said.is_empty()).then(|| said.to_owned())
}

fn part_text(part: &Value) -> Option<&str> {
    part.as_str().or_else(|| part.get("text").and_then(Value::as_str))
}

fn without_thoughts(text: &str) -> &str {
    let thoughts = text
        .strip_prefix("<think>")
        .and_then(|rest| rest.split_once("</think>"));
    thoughts.map_or(text, |(_, said)| said.trim())
}

fn bad(what: &str) -> LlmError {
    LlmError::BadAnswer {
        detail: what.to_owned(),
    }
}
