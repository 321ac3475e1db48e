//! Writes JSON values as block YAML, as a Helm manifest holds them. Knows nothing of Kubernetes.

use serde_json::Value;

/// The value as YAML, with a newline at the end.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, child) in map {
                pad(indent, out);
                out.push_str(&scalar_text(key));
                out.push(':');
                nested(child, indent + 2, out);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for item in list {
                write_item(item, indent, out);
            }
        }
        other => {
            pad(indent, out);
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn nested(child: &Value, indent: usize, out: &mut String) {
    match child {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            write(child, indent, out);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            write(child, indent.saturating_sub(2), out);
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn write_item(item: &Value, indent: usize, out: &mut String) {
    let mut block = String::new();
    write(item, indent + 2, &mut block);
    pad(indent, out);
    out.push_str("- ");
    out.push_str(block.get(indent + 2..).unwrap_or_default());
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        other => other.to_string(),
    }
}

/// A plain scalar where YAML reads it back as the same text, a quoted one elsewhere.
fn scalar_text(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if plain {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}
