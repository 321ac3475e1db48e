//! What models cost: a small table that the configuration can override. An unknown model has no price, never zero.

use std::collections::BTreeMap;

use domain::Usage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Price of a model in millionths of a US dollar per million tokens: $1.25 per million is 1,250,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens sent.
    pub input_micro_usd: u64,
    /// Tokens sent that the provider read from its cache.
    pub cached_micro_usd: u64,
    /// Tokens received.
    pub output_micro_usd: u64,
}

impl Price {
    /// What a call costs, rounded up to a millionth of a dollar.
    pub fn cost_micro_usd(&self, usage: &Usage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let sum = part(usage.prompt_tokens - cached, self.input_micro_usd)
            + part(cached, self.cached_micro_usd)
            + part(usage.completion_tokens, self.output_micro_usd);
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// Prices by model. An entry matches its own name and dated snapshots of it (`gpt-5` matches `gpt-5-2025-08-07`, but
/// not `gpt-5-mini`); an entry that ends in `*` matches everything that begins so. The longest entry wins. A
/// provider's prefix (`openai/gpt-5`) is ignored, and `.` is the same as `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTable {
    prices: BTreeMap<String, Price>,
}

impl PriceTable {
    /// No prices at all.
    pub fn empty() -> Self {
        Self {
            prices: BTreeMap::new(),
        }
    }

    /// The built-in prices: list prices for standard use as of August 2026, taken from the price table of the
    /// `tiktoken` crate 4.1, which collects them from the providers' pages
    /// (<https://platform.openai.com/docs/pricing>, <https://docs.anthropic.com/en/docs/about-claude/pricing>,
    /// <https://ai.google.dev/gemini-api/docs/pricing>, <https://api-docs.deepseek.com/quick_start/pricing>).
    /// Rates for long prompts, batches and priority are not modelled.
    pub fn builtin() -> Self {
        let price = |&(model, input_micro_usd, cached_micro_usd, output_micro_usd): &Row| {
            (
                plain(model),
                Price {
                    input_micro_usd,
                    cached_micro_usd,
                    output_micro_usd,
                },
            )
        };
        Self {
            prices: BUILTIN.iter().map(price).collect(),
        }
    }

    /// Adds prices; they replace built-in ones of the same name.
    #[must_use]
    pub fn with(mut self, prices: impl IntoIterator<Item = (String, Price)>) -> Self {
        self.prices
            .extend(prices.into_iter().map(|(model, price)| (plain(&model), price)));
        self
    }

    /// A model's price.
    pub fn price(&self, model: &str) -> Option<&Price> {
        let model = plain(model);
        let matching = self.prices.iter().filter(|(entry, _)| matches(entry, &model));
        matching
            .max_by_key(|(entry, _)| entry.len())
            .map(|(_, price)| price)
    }

    /// What a call of a model costs in millionths of a US dollar; `None` when its price is not known.
    pub fn cost_micro_usd(&self, model: &str, usage: &Usage) -> Option<u64> {
        self.price(model).map(|price| price.cost_micro_usd(usage))
    }
}

impl Default for PriceTable {
    fn default() -> Self {
        Self::builtin()
    }
}

/// Model, then input, cached input and output.
type Row = (&'static str, u64, u64, u64);

const BUILTIN: &[Row] = &[
    ("gpt-5.6-sol", 5_000_000, 500_000, 30_000_000),
    ("gpt-5.6-terra", 2_000_000, 200_000, 12_000_000),
    ("gpt-5.6-luna", 200_000, 20_000, 1_200_000),
    ("gpt-5.5", 5_000_000, 500_000, 30_000_000),
    ("gpt-5.4", 2_500_000, 250_000, 15_000_000),
    ("gpt-5.4-mini", 750_000, 75_000, 4_500_000),
    ("gpt-5.4-nano", 200_000, 20_000, 1_250_000),
    ("gpt-5.2", 1_750_000, 175_000, 14_000_000),
    ("gpt-5.1", 1_250_000, 125_000, 10_000_000),
    ("gpt-5", 1_250_000, 125_000, 10_000_000),
    ("gpt-5-mini", 250_000, 25_000, 2_000_000),
    ("gpt-5-nano", 50_000, 5_000, 400_000),
    ("gpt-4.1", 2_000_000, 500_000, 8_000_000),
    ("gpt-4.1-mini", 400_000, 100_000, 1_600_000),
    ("gpt-4.1-nano", 100_000, 25_000, 400_000),
    ("gpt-4o", 2_500_000, 1_250_000, 10_000_000),
    ("gpt-4o-mini", 150_000, 75_000, 600_000),
    ("o3", 2_000_000, 500_000, 8_000_000),
    ("o4-mini", 1_100_000, 275_000, 4_400_000),
    ("claude-opus-5", 5_000_000, 500_000, 25_000_000),
    // The introductory price ended on 31 August 2026.
    ("claude-sonnet-5", 3_000_000, 300_000, 15_000_000),
    ("claude-opus-4.8", 5_000_000, 500_000, 25_000_000),
    ("claude-sonnet-4.6", 3_000_000, 300_000, 15_000_000),
    ("claude-haiku-4.5", 1_000_000, 100_000, 5_000_000),
    ("gemini-3.6-flash", 1_500_000, 150_000, 7_500_000),
    ("gemini-3.5-flash-lite", 300_000, 30_000, 2_500_000),
    ("gemini-2.5-flash", 300_000, 75_000, 2_500_000),
    // No price for cached input is listed.
    ("deepseek-v4-pro", 435_000, 435_000, 870_000),
    ("deepseek-v4-flash", 140_000, 140_000, 280_000),
];

/// A model's name without the provider's prefix, in one spelling.
fn plain(model: &str) -> String {
    model
        .rsplit('/')
        .next()
        .unwrap_or(model)
        .to_ascii_lowercase()
        .replace('.', "-")
}

fn matches(entry: &str, model: &str) -> bool {
    if let Some(prefix) = entry.strip_suffix('*') {
        return model.starts_with(prefix);
    }
    model
        .strip_prefix(entry)
        .is_some_and(|rest| rest.is_empty() || is_snapshot(rest))
}

/// Whether what follows a model's name is a date, as in `-2025-08-07`, `-20250514`, `@20250514`.
fn is_snapshot(rest: &str) -> bool {
    rest == "-latest"
        || rest
            .strip_prefix(['-', '@'])
            .is_some_and(|date| date.len() >= 4 && date.bytes().take(4).all(|byte| byte.is_ascii_digit()))
}
