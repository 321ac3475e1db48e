//! The body of a chat request. Knows no transport.

use serde_json::{Map, Value, json};

use super::settings::{LengthField, OpenAiSettings};
use crate::port::ChatRequest;
use crate::wire;

/// The body for a request, with the same fields in the same order each time: providers cache equal beginnings.
pub(super) fn body(settings: &OpenAiSettings, request: &ChatRequest) -> Value {
    let mut body = Map::new();
    let mut put = |field: &str, value: Value| {
        body.insert(field.to_owned(), value);
    };
    put("model", json!(settings.model_of(&request.model_alias)));
    put("messages", request.messages.iter().map(wire::message).collect());
    if !request.tools.is_empty() {
        put("tools", request.tools.iter().map(wire::tool).collect());
        put("tool_choice", wire::choice(&request.tool_choice));
        put("parallel_tool_calls", json!(true));
    }
    if let Some(limit) = request.max_completion_tokens {
        let field = match settings.length_field {
            LengthField::MaxCompletionTokens => "max_completion_tokens",
            LengthField::MaxTokens => "max_tokens",
        };
        put(field, json!(limit));
    }
    if let Some(temperature) = settings.temperature {
        put("temperature", json!(temperature));
    }
    Value::Object(body)
}
