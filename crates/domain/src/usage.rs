//! What an investigation used: turns, calls, tokens, money, time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Resources used; sums add up over agents and calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Model calls that were answered.
    pub model_calls: u64,
    /// Tool calls that ran.
    pub tool_calls: u64,
    /// Tokens sent, as the provider counted them (or we, when it did not).
    pub prompt_tokens: u64,
    /// Of those, tokens that the provider read from its cache.
    pub cached_tokens: u64,
    /// Tokens received.
    pub completion_tokens: u64,
    /// Price in millionths of a US dollar; `None` when the model's price is not known.
    pub cost_micro_usd: Option<u64>,
}

impl Usage {
    /// Adds another account to this one. An unknown price stays unknown once something was paid for.
    pub fn add(&mut self, other: &Self) {
        let either_called = |usage: &Self| usage.model_calls > 0;
        self.cost_micro_usd = match (either_called(self), either_called(other)) {
            (false, false) => self.cost_micro_usd.or(other.cost_micro_usd),
            (true, false) => self.cost_micro_usd,
            (false, true) => other.cost_micro_usd,
            (true, true) => self
                .cost_micro_usd
                .zip(other.cost_micro_usd)
                .map(|(a, b)| a.saturating_add(b)),
        };
        self.model_calls += other.model_calls;
        self.tool_calls += other.tool_calls;
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.completion_tokens += other.completion_tokens;
    }

    /// Prompt and completion tokens together.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }
}
