//! A request's messages and tools in the form of the Chat Completions API
//! (<https://platform.openai.com/docs/api-reference/chat/create>). Knows no transport.

use domain::Redacted;
use domain::event::RequestedCall;
use serde_json::{Value, json};

use crate::port::{Message, ToolChoice, ToolSpec};

/// A message as the API wants it.
pub(crate) fn message(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({"role": "system", "content": text.as_str()}),
        Message::User(text) => json!({"role": "user", "content": text.as_str()}),
        Message::Tool { call_id, text } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": text.as_str()})
        }
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({"role": "assistant", "content": text.as_ref().map_or("", Redacted::as_str)})
        }
        Message::Assistant { text, calls } => json!({
            "role": "assistant",
            "content": text.as_ref().map(Redacted::as_str),
            "tool_calls": calls.iter().map(call).collect::<Vec<_>>(),
        }),
    }
}

/// A tool as the API wants it.
pub(crate) fn tool(tool: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    })
}

/// A tool choice as the API wants it.
pub(crate) fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Required => json!("required"),
        ToolChoice::None => json!("none"),
        ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

/// A call that the model asked for before. Chat templates of local servers parse the arguments and fail the whole
/// request when they are not JSON, so what is not is wrapped.
fn call(call: &RequestedCall) -> Value {
    let written = call.arguments.as_str();
    let arguments = match serde_json::from_str::<Value>(written) {
        Ok(Value::Object(_)) => written.to_owned(),
        _ => json!({"not_an_object": written}).to_string(),
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}
