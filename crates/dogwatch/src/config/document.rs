//! The configuration file as a document: reading it and finding every key that does not fit. Must not know what the
//! keys mean; serde does.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Config;

/// Reads a file; keys that do not fit are named and left out.
pub(super) fn read(path: &Path, problems: &mut Vec<String>) -> Map<String, Value> {
    let file = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("cannot read {file}: {error}"));
            return Map::new();
        }
    };
    match mapping(&text) {
        Ok(document) => sifted(document, &file.to_string(), problems),
        Err(problem) => {
            problems.push(format!("{file}: {problem}"));
            Map::new()
        }
    }
}

fn mapping(text: &str) -> Result<Map<String, Value>, String> {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(is_blank) {
        return Ok(Map::new());
    }
    match serde_saphyr::from_str::<Value>(text) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("expected a mapping of sections".to_owned()),
        Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// Tries each key alone, so that all that do not fit are named at once.
fn sifted(document: Map<String, Value>, file: &str, problems: &mut Vec<String>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (section, body) in document {
        let body = if body.is_null() { json!({}) } else { body };
        let empty = json!({ (section.as_str()): {} });
        let fields = match (complaint(&section, empty), body) {
            (None, Value::Object(fields)) => fields,
            (None, other) => {
                let problem = complaint(&section, json!({ (section.as_str()): other }));
                problems.extend(problem.map(|problem| format!("{file}: {problem}")));
                continue;
            }
            (Some(unknown), _) => {
                problems.push(format!("{file}: {unknown}"));
                continue;
            }
        };
        let mut good = Map::new();
        for (key, value) in fields {
            match complaint_about(&section, &key, &value) {
                Some(problem) => problems.push(format!("{file}: {problem}")),
                None => {
                    good.insert(key, value);
                }
            }
        }
        kept.insert(section, Value::Object(good));
    }
    kept
}

/// What is wrong with one key of a known section; `None` when it fits.
pub(super) fn complaint_about(section: &str, key: &str, value: &Value) -> Option<String> {
    let path = format!("{section}.{key}");
    let problem = complaint(&path, json!({ (section): { (key): value } }))?;
    // No message may repeat a secret.
    let hidden = matches!(key, "key" | "webhook_secret" | "tokens") && !problem.starts_with("unknown key");
    Some(if hidden {
        format!("{path}: it does not have the form that it must have; is text in quotes?")
    } else {
        problem
    })
}

fn complaint(path: &str, document: Value) -> Option<String> {
    let error = serde_json::from_value::<Config>(document).err()?.to_string();
    Some(
        match error
            .strip_prefix("unknown field ")
            .and_then(|rest| rest.split_once(", "))
        {
            Some((key, expected)) => format!("unknown key {key} at `{path}`, {expected}"),
            None => format!("{path}: {error}"),
        },
    )
}

/// The sifted document as configuration.
pub(super) fn parse(document: Map<String, Value>, problems: &mut Vec<String>) -> Config {
    match serde_json::from_value(Value::Object(document)) {
        Ok(config) => config,
        Err(error) => {
            problems.push(error.to_string());
            Config::default()
        }
    }
}
