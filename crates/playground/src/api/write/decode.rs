//! What the server says of an object before it validates it: fields of another type, unknown fields, malformed quantities.
//! The sources are `apiserver/pkg/endpoints/handlers/{create,patch,rest}.go` of Kubernetes 1.33.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::api::call::Call;
use crate::api::resource::Resource;
use crate::api::status::ApiError;
use crate::build::json::unset;
use crate::world::schema::{Misfit, round_trip, unknown_fields};

mod quantity;

pub(crate) use quantity::amount;

/// A new or replaced object as the type of its kind holds it, or why it cannot.
pub(crate) fn object(call: &Call, resource: &Resource, sent: Value) -> Result<Value, ApiError> {
    check(call, resource, sent).map_err(|why| {
        ApiError::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: {why}",
            kind = resource.kind,
            version = resource.version
        ))
    })
}

/// The outcome of a patch as the type of its kind holds it; the error repeats the patch.
pub(crate) fn patched(call: &Call, resource: &Resource, outcome: Value) -> Result<Value, ApiError> {
    check(call, resource, outcome)
        .map_err(|why| ApiError::invalid_patch(&String::from_utf8_lossy(&call.body), &why))
}

fn check(call: &Call, resource: &Resource, mut sent: Value) -> Result<Value, String> {
    let typed = match round_trip(&sent) {
        None => return Ok(sent),
        Some(Ok(typed)) => typed,
        Some(Err(misfit)) => return Err(in_go(resource, &sent, &misfit)),
    };
    if let Some(why) = quantity::first_problem(&resource.kind, &sent) {
        return Err(why);
    }
    let unknown = unknown_fields(&sent, &typed);
    // Else they are dropped; the warning header of `fieldValidation=Warn` is not sent.
    if call.param("fieldValidation") == Some("Strict") && !unknown.is_empty() {
        let listed: Vec<String> = unknown
            .iter()
            .map(|field| format!("unknown field \"{field}\""))
            .collect();
        return Err(format!("strict decoding error: {}", listed.join(", ")));
    }
    for field in &unknown {
        let (parent, last) = field.rsplit_once('.').unwrap_or(("", field));
        unset(&mut sent, &pointer(parent), last);
    }
    Ok(sent)
}

/// `spec.containers[0]` as a JSON pointer. Keys with dots are values' keys (labels, data), which are never unknown.
fn pointer(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    format!("/{}", path.replace('[', "/").replace(']', "").replace('.', "/"))
}

/// A misfit in the words of Go's decoder (`encoding/json`, `UnmarshalTypeError`). Go names the innermost struct; the kind
/// stands for it.
fn in_go(resource: &Resource, sent: &Value, misfit: &Misfit) -> String {
    if resource.kind == "Secret"
        && let Some(key) = misfit.path.strip_prefix("data.")
        && let Some(Value::String(held)) = sent.get("data").and_then(|data| data.get(key))
        && let Err(base64::DecodeError::InvalidByte(at, _)) = STANDARD.decode(held)
    {
        return format!("illegal base64 data at input byte {at}");
    }
    let words: Vec<&str> = misfit.what.split(", expected ").collect();
    let (Some(found), Some(wanted)) = (
        words.first().and_then(|word| word.strip_prefix("invalid type: ")),
        words.get(1),
    ) else {
        return misfit.what.clone();
    };
    let found = match found.split_whitespace().next().unwrap_or_default() {
        "integer" | "floating" => "number",
        "boolean" => "bool",
        "map" => "object",
        "sequence" => "array",
        other => other,
    };
    let wanted = match *wanted {
        "i32" => "int32",
        "i64" => "int64",
        "f64" => "float64",
        "a boolean" => "bool",
        "a string" => "string",
        "a sequence" => "[]interface {}",
        "a map" => "map[string]interface {}",
        other => other.strip_prefix("struct ").unwrap_or(other),
    };
    let path: String = misfit
        .path
        .split('.')
        .map(|part| part.split('[').next().unwrap_or(part))
        .collect::<Vec<_>>()
        .join(".");
    format!(
        "json: cannot unmarshal {found} into Go struct field {}.{path} of type {wanted}",
        resource.kind
    )
}
