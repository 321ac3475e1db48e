//! Token usage as servers report it, counted by ourselves where they do not.

use domain::Usage;
use serde_json::Value;

use crate::port::{ChatRequest, ToolCall};
use crate::tokens::{count_tokens, request_tokens};

/// Usage of one call, without its price. Zero is as good as missing: no prompt and no answer is empty.
pub(super) fn read(body: &Value, request: &ChatRequest, text: Option<&str>, calls: &[ToolCall]) -> Usage {
    let reported = body.get("usage").unwrap_or(&Value::Null);
    let number = |pointers: &[&str]| {
        let numbers = pointers
            .iter()
            .filter_map(|pointer| whole(reported.pointer(pointer)?));
        numbers.max().filter(|number| *number > 0)
    };
    let prompt_tokens =
        number(&["/prompt_tokens", "/input_tokens"]).unwrap_or_else(|| as_u64(request_tokens(request)));
    let completion_tokens = number(&["/completion_tokens", "/output_tokens"])
        .unwrap_or_else(|| as_u64(answer_tokens(text, calls)));
    let cached_tokens = number(&[
        "/prompt_tokens_details/cached_tokens",
        "/input_tokens_details/cached_tokens",
        "/prompt_cache_hit_tokens",
    ]);
    Usage {
        model_calls: 1,
        tool_calls: 0,
        prompt_tokens,
        cached_tokens: cached_tokens.unwrap_or(0).min(prompt_tokens),
        completion_tokens,
        cost_micro_usd: None,
    }
}

fn answer_tokens(text: Option<&str>, calls: &[ToolCall]) -> usize {
    let calls = calls
        .iter()
        .map(|call| count_tokens(&call.name) + count_tokens(&call.arguments));
    text.map_or(0, count_tokens) + calls.sum::<usize>()
}

/// A whole number, also one that was written as a string or with a decimal point.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.split('.').next()?.parse().ok()
    })
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
