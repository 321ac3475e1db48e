//! Fields that have few values, and numbers of ports: what the server says of any other.

use serde_json::{Value, json};

use crate::api::status::Cause;
use crate::build::json::text;

/// The problem of a field that holds none of its values; an absent or empty field is the defaults' business.
pub(crate) fn one_of(holder: &Value, path: &str, field: &str, supported: &[&str]) -> Option<Cause> {
    let value = text(holder, &format!("/{field}"));
    (!value.is_empty() && !supported.contains(&value))
        .then(|| Cause::unsupported(&format!("{path}.{field}"), value, supported))
}

/// The same for a list of such values.
pub(crate) fn each_of(values: &[Value], path: &str, supported: &[&str]) -> Vec<Cause> {
    values
        .iter()
        .enumerate()
        .filter_map(|(index, value)| Some((index, value.as_str()?)))
        .filter(|(_, value)| !supported.contains(value))
        .map(|(index, value)| Cause::unsupported(&format!("{path}[{index}]"), value, supported))
        .collect()
}

/// The problem of a port's number (`IsValidPortNum`); names are not numbers.
pub(crate) fn port_problem(port: &Value, at: &str) -> Option<Cause> {
    let number = port.as_i64()?;
    (!(1..=65_535).contains(&number))
        .then(|| Cause::value(at, &json!(number), "must be between 1 and 65535, inclusive"))
}
