//! When two pod templates are the same, and what their quantities amount to. Must not know who asks.

use serde_json::{Map, Value, json};

use crate::build::controller::TEMPLATE_HASH;
use crate::build::json::unset;

/// Whether two pod templates are equal but for their hash (`EqualIgnoreHash` of the Deployment controller). Clients
/// that decode an object send it back with empty fields and other spellings of quantities.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    plain(one) == plain(other)
}

/// A template without hash and without what says nothing.
pub(crate) fn plain(template: &Value) -> Value {
    let mut plain = template.clone();
    unset(&mut plain, "/metadata/labels", TEMPLATE_HASH);
    normal(&plain).unwrap_or_default()
}

fn normal(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(list) => {
            let kept: Vec<Value> = list
                .iter()
                .map(|item| normal(item).unwrap_or_else(|| json!({})))
                .collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), normal_entry(key, value)?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        other => Some(other.clone()),
    }
}

fn normal_entry(key: &str, value: &Value) -> Option<Value> {
    match (key, value) {
        ("limits" | "requests", Value::Object(map)) => Some(Value::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), json!(amount(value).to_string())))
                .collect(),
        )),
        _ => normal(value),
    }
}

/// A quantity as a number: cores or bytes (`k8s.io/apimachinery/pkg/api/resource`).
pub(crate) fn amount(value: &Value) -> f64 {
    let Some(text) = value.as_str() else {
        return value.as_f64().unwrap_or(0.0);
    };
    let split = text
        .find(|letter: char| letter.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor = match unit {
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => 1.0,
    };
    digits.parse::<f64>().unwrap_or(0.0) * factor
}

/// A count or a percentage of `total` (`GetScaledValueFromIntOrPercent`).
pub(crate) fn share(value: Option<&Value>, total: i64, round_up: bool, default: i64) -> i64 {
    match value {
        Some(Value::Number(count)) => count.as_i64().unwrap_or(default),
        Some(Value::String(text)) => match text.strip_suffix('%').map(str::parse::<i64>) {
            Some(Ok(percent)) if round_up => (total * percent + 99) / 100,
            Some(Ok(percent)) => total * percent / 100,
            _ => text.parse().unwrap_or(default),
        },
        _ => default,
    }
}
