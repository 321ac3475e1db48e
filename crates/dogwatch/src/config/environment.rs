//! Environment variables over the configuration: which variable sets which key. Takes them as values; must not read
//! the process environment.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::document::complaint_about;

/// The environment as values.
pub(crate) type Environment = BTreeMap<String, String>;

/// How a variable's text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is.
    Text,
    /// A number or a boolean.
    Scalar,
}

/// A variable and the key that it sets.
struct Variable {
    name: &'static str,
    section: &'static str,
    key: &'static str,
    form: Form,
}

const fn text(name: &'static str, section: &'static str, key: &'static str) -> Variable {
    Variable {
        name,
        section,
        key,
        form: Form::Text,
    }
}

const fn scalar(name: &'static str, section: &'static str, key: &'static str) -> Variable {
    Variable {
        name,
        section,
        key,
        form: Form::Scalar,
    }
}

/// All variables but `DOGWATCH_CONFIG`, which names the file, and `DOGWATCH_TOKEN`, which is hashed. Others that begin
/// with `DOGWATCH_` are no mistake: Kubernetes sets some for a Service of that name.
const VARIABLES: &[Variable] = &[
    text("DOGWATCH_CONTEXT", "cluster", "context"),
    text("DOGWATCH_METRICS_URL", "cluster", "metrics_url"),
    text("DOGWATCH_MODEL_URL", "model", "url"),
    text("DOGWATCH_MODEL", "model", "name"),
    text("DOGWATCH_MODEL_FAST", "model", "fast"),
    text("DOGWATCH_MODEL_STRONG", "model", "strong"),
    text("DOGWATCH_MODEL_KEY_FILE", "model", "key_file"),
    text("DOGWATCH_MODEL_KEY", "model", "key"),
    scalar("DOGWATCH_MODEL_TIMEOUT_S", "model", "timeout_s"),
    text("DOGWATCH_AGENTS", "agents", "folder"),
    scalar("DOGWATCH_MAX_TOKENS", "agents", "max_tokens"),
    scalar("DOGWATCH_DEADLINE_S", "agents", "deadline_s"),
    scalar("DOGWATCH_CALL_DEADLINE_S", "agents", "call_deadline_s"),
    scalar("DOGWATCH_PATIENCE", "agents", "patience"),
    text("DOGWATCH_ADDR", "server", "addr"),
    text("DOGWATCH_OPS_ADDR", "server", "ops_addr"),
    text("DOGWATCH_WEBHOOK_SECRET_FILE", "server", "webhook_secret_file"),
    text("DOGWATCH_WEBHOOK_SECRET", "server", "webhook_secret"),
    scalar(
        "DOGWATCH_ALLOW_UNAUTHENTICATED",
        "server",
        "allow_unauthenticated",
    ),
    text("DOGWATCH_DATABASE_URL", "database", "url"),
    text("DOGWATCH_REDACTION_KEY", "redaction", "key"),
    text("DOGWATCH_LOG", "telemetry", "filter"),
    text("DOGWATCH_LOG_FORMAT", "telemetry", "log"),
    text("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry", "otlp_endpoint"),
];

/// A variable's value; an empty one counts as not set.
pub(super) fn get<'a>(env: &'a Environment, name: &str) -> Option<&'a str> {
    env.get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// Lays the environment over the document; values that do not fit are named and left out.
pub(super) fn overlay(document: &mut Map<String, Value>, env: &Environment, problems: &mut Vec<String>) {
    for variable in VARIABLES {
        let Some(given) = get(env, variable.name) else {
            continue;
        };
        let value = match variable.form {
            Form::Text => Value::from(given),
            Form::Scalar => serde_json::from_str(given).unwrap_or_else(|_| Value::from(given)),
        };
        match complaint_about(variable.section, variable.key, &value) {
            Some(problem) => problems.push(format!("{}: {problem}", variable.name)),
            None => set(document, variable, value),
        }
    }
    if let Some(token) = get(env, "DOGWATCH_TOKEN") {
        add_token(document, token);
    }
}

/// Sets a key. A secret and the file that holds it replace each other.
fn set(document: &mut Map<String, Value>, variable: &Variable, value: Value) {
    let Some(section) = section(document, variable.section) else {
        return;
    };
    let sibling = match variable.key.strip_suffix("_file") {
        Some(secret) => secret.to_owned(),
        None => format!("{}_file", variable.key),
    };
    section.shift_remove(&sibling);
    section.insert(variable.key.to_owned(), value);
}

/// Adds the hash of a token to those of the file.
fn add_token(document: &mut Map<String, Value>, token: &str) {
    let entry = json!({ "name": "environment", "sha256": sha256_hex(token) });
    if let Some(section) = section(document, "server")
        && let Some(tokens) = section
            .entry("tokens")
            .or_insert_with(|| json!([]))
            .as_array_mut()
    {
        tokens.push(entry);
    }
}

fn section<'a>(document: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    document.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// The hash under which a token is configured: SHA-256 in hexadecimal digits.
pub(crate) fn sha256_hex(token: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    hex::encode(digest)
}
