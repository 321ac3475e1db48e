//! OpenMetrics lines: `name{label="value"} value timestamp`.

use crate::api::prometheus::series::{Labels, NAME};

/// Splits a sample line into series, value and timestamp text; `None` for comments and lines without a timestamp.
pub(crate) fn sample_parts(line: &str) -> Option<(&str, &str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = series_end(line)?;
    let (series, rest) = line.split_at(end);
    let mut fields = rest.split_whitespace();
    Some((
        series.trim(),
        fields.next()?,
        fields.next().filter(|field| !field.starts_with('#'))?,
    ))
}

/// Where the name and labels end; braces within quoted values do not count.
fn series_end(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(index + 1),
            ' ' if !quoted && !line.get(..index)?.contains('{') => return Some(index),
            _ => {}
        }
    }
    None
}

/// Labels, Unix milliseconds and value of a sample line.
pub(crate) fn parse_line(line: &str) -> Option<(Labels, i64, f64)> {
    let (series, value, at) = sample_parts(line)?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        other => other.parse().ok()?,
    };
    let at_ms = (at.parse::<f64>().ok()? * 1000.0).round() as i64;
    Some((labels(series), at_ms, value))
}

fn labels(series: &str) -> Labels {
    let (name, rest) = series.split_once('{').unwrap_or((series, ""));
    let mut labels = Labels::from([(NAME.to_owned(), name.trim().to_owned())]);
    let (mut key, mut value) = (String::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for character in rest.chars() {
        match (quoted, character) {
            (true, 'n') if escaped => value.push('\n'),
            (true, other) if escaped => value.push(other),
            (true, '\\') => {}
            (true, '"') => {
                labels.insert(
                    key.trim_matches([' ', ',', '=']).to_owned(),
                    std::mem::take(&mut value),
                );
                key.clear();
            }
            (true, other) => value.push(other),
            (false, '"') => {}
            (false, other) => key.push(other),
        }
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && character == '\\' && !escaped;
    }
    labels
}
