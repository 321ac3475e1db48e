//! Prices.

use domain::Usage;
use llm::{Price, PriceTable};

fn usage() -> Usage {
    Usage {
        prompt_tokens: 1_000_000,
        cached_tokens: 500_000,
        completion_tokens: 10,
        ..Usage::default()
    }
}

#[test]
fn names_match_with_prefixes_and_dates_but_not_other_models() {
    let table = PriceTable::builtin();
    for name in [
        "gpt-5",
        "GPT-5",
        "openai/gpt-5",
        "gpt-5-2025-08-07",
        "gpt-5-latest",
    ] {
        assert_eq!(
            table.price(name).map(|price| price.input_micro_usd),
            Some(1_250_000),
            "{name}"
        );
    }
    assert_eq!(
        table.price("gpt-5-mini").map(|price| price.input_micro_usd),
        Some(250_000)
    );
    assert_eq!(
        table
            .price("anthropic/claude-haiku-4-5@20251001")
            .map(|price| price.input_micro_usd),
        Some(1_000_000)
    );
    for name in ["gpt-5-turbo-max", "gpt-51", "my-own", "", "gpt"] {
        assert_eq!(table.price(name), None, "{name}");
    }
}

#[test]
fn cached_tokens_cost_their_own_price_and_fractions_round_up() {
    let price = Price {
        input_micro_usd: 1_000_000,
        cached_micro_usd: 100_000,
        output_micro_usd: 50_000,
    };
    assert_eq!(price.cost_micro_usd(&usage()), 500_000 + 50_000 + 1);
}

#[test]
fn the_configuration_overrides_and_adds() {
    let free = Price {
        input_micro_usd: 0,
        cached_micro_usd: 0,
        output_micro_usd: 0,
    };
    let table = PriceTable::builtin().with([("gpt-5".to_owned(), free), ("qwen*".to_owned(), free)]);
    assert_eq!(table.cost_micro_usd("gpt-5", &usage()), Some(0));
    assert_eq!(table.cost_micro_usd("qwen3:8b", &usage()), Some(0));
    assert_eq!(table.cost_micro_usd("mystery", &usage()), None);
}
