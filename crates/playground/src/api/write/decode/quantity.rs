//! Resource quantities (`64Mi`, `250m`): whether they are well-formed, and which is larger.
//! The source is `apimachinery/pkg/api/resource/{quantity,suffix}.go`.

use serde_json::Value;

/// Suffixes and their factors, longest first.
const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// Letters that a suffix may be made of.
const SUFFIX_LETTERS: &[u8] = b"eEinumkKMGTP";

const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";

/// Maps of a user's own keys, in which a name means nothing.
const FREE: &[&str] = &[
    "labels",
    "annotations",
    "data",
    "stringData",
    "matchLabels",
    "nodeSelector",
    "selector",
    "parameters",
    "managedFields",
    "status",
];

/// Fields that are maps from resources to quantities.
const MAPS: &[&str] = &["limits", "requests", "capacity", "hard"];

/// Further such maps in the items of a LimitRange.
const RANGES: &[&str] = &["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];

/// Fields that are a quantity.
const SINGLE: &[&str] = &["sizeLimit", "averageValue"];

/// The amount, `None` when the text is no quantity.
pub(crate) fn amount(text: &str) -> Option<f64> {
    problem(text).is_none().then_some(())?;
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|value| value * factor)
}

/// What `ParseQuantity` says of a text that is none.
pub(crate) fn problem(text: &str) -> Option<&'static str> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let rest = digits.strip_prefix('.').map_or(digits, |fraction| {
        fraction.trim_start_matches(|letter: char| letter.is_ascii_digit())
    });
    if unsigned.is_empty() {
        return Some(FORMAT);
    }
    let letters = rest
        .bytes()
        .take_while(|byte| SUFFIX_LETTERS.contains(byte))
        .count();
    let (suffix, exponent) = rest.split_at(letters);
    let figures = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if !figures.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(FORMAT);
    }
    let is_exponent = matches!(suffix, "e" | "E") && !figures.is_empty();
    let is_known = suffix.is_empty() || SUFFIXES.iter().any(|(known, _)| *known == suffix);
    let is_whole = rest.len() < unsigned.len() && (is_exponent || is_known && exponent.is_empty());
    (!is_whole).then_some(SUFFIX)
}

/// What is wrong with the first malformed quantity of an object of a kind.
pub(crate) fn first_problem(kind: &str, object: &Value) -> Option<String> {
    match object {
        Value::Object(fields) => fields.iter().find_map(|(name, below)| {
            let name = name.as_str();
            if FREE.contains(&name) {
                return None;
            }
            let is_map = MAPS.contains(&name) || kind == "LimitRange" && RANGES.contains(&name);
            match below {
                Value::Object(quantities) if is_map => quantities.values().find_map(of_value),
                below if SINGLE.contains(&name) => of_value(below),
                below => first_problem(kind, below),
            }
        }),
        Value::Array(items) => items.iter().find_map(|item| first_problem(kind, item)),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<String> {
    value.as_str().and_then(problem).map(str::to_owned)
}

#[cfg(test)]
mod tests;
