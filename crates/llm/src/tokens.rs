//! Token counts by OpenAI's `o200k_base` vocabulary: exact for OpenAI's models since GPT-4o, an estimate for others.
//! The vocabulary is loaded at the first count.

use domain::Redacted;

use crate::port::{ChatRequest, Message, ToolSpec};
use crate::wire;

/// Tokens that a message costs beside its text: role and separators. OpenAI's cookbook counts 3, and one for a name
/// (<https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb>).
const PER_MESSAGE: usize = 4;

/// Number of tokens in a text.
pub fn count_tokens(text: &str) -> usize {
    tiktoken::get_encoding("o200k_base")
        .map_or_else(|| text.len().div_ceil(4), |encoding| encoding.count(text))
}

/// Estimate of a whole request's prompt tokens: messages and tools.
pub fn request_tokens(request: &ChatRequest) -> usize {
    let messages: usize = request.messages.iter().map(message_tokens).sum();
    messages + tools_tokens(&request.tools)
}

/// Estimate of what tools on offer add to every prompt: names, descriptions and schemas as JSON.
pub fn tools_tokens(tools: &[ToolSpec]) -> usize {
    tools
        .iter()
        .map(|tool| count_tokens(&wire::tool(tool).to_string()))
        .sum()
}

fn message_tokens(message: &Message) -> usize {
    let text = |text: &Redacted| count_tokens(text.as_str());
    PER_MESSAGE
        + match message {
            Message::System(shown) | Message::User(shown) | Message::Tool { text: shown, .. } => text(shown),
            Message::Assistant { text: said, calls } => {
                let calls = calls
                    .iter()
                    .map(|call| count_tokens(&call.name) + text(&call.arguments) + PER_MESSAGE);
                said.as_ref().map_or(0, text) + calls.sum::<usize>()
            }
        }
}
