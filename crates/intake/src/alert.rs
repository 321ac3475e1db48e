//! One alert from its JSON form, which Alertmanager's webhook and alert files share. It must not know what
//! surrounds the alert.

use std::collections::BTreeMap;

use domain::{Alert, AlertSource, AlertStatus, Redacted, Redactor};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::error::PayloadError;
use crate::field::Field;

/// Labels or annotations that one alert may have.
const MAX_LABELS: usize = 256;
/// Go's zero time, `0001-01-01T00:00:00Z`: how Alertmanager writes "no time".
const GO_ZERO_TIME_S: i64 = -62_135_596_800;
/// Bytes of a derived fingerprint: as long as Alertmanager's own.
const FINGERPRINT_BYTES: usize = 8;

/// What holds for an alert that does not say it itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// Where the alert came from.
    pub(crate) source: AlertSource,
    /// Status, where the surroundings give one.
    pub(crate) status: Option<AlertStatus>,
    /// Start, where a default makes sense.
    pub(crate) starts_at: Option<Timestamp>,
}

/// Reads an alert and redacts its texts.
pub(crate) fn read(
    field: &Field<'_>,
    defaults: Defaults,
    redactor: &Redactor,
) -> Result<Alert, PayloadError> {
    let labels = texts(&field.required("labels")?, redactor)?;
    let annotations = optional_texts(field, "annotations", redactor)?;
    let starts_at = match (field.optional("startsAt")?, defaults.starts_at) {
        (Some(time), _) => time.time()?,
        (None, Some(default)) => default,
        (None, None) => field.required("startsAt")?.time()?,
    };
    Ok(Alert {
        source: defaults.source,
        status: read_status(field, defaults.status, redactor)?,
        ends_at: ends_at(field)?,
        fingerprint: fingerprint(field, &labels, redactor)?,
        generator_url: optional_text(field, "generatorURL", redactor)?,
        labels,
        annotations,
        starts_at,
    })
}

/// The field `status`, or `default` when there is none.
pub(crate) fn read_status(
    field: &Field<'_>,
    default: Option<AlertStatus>,
    redactor: &Redactor,
) -> Result<AlertStatus, PayloadError> {
    if let (None, Some(default)) = (field.optional("status")?, default) {
        return Ok(default);
    }
    let status = field.required("status")?;
    match status.text()? {
        "firing" => Ok(AlertStatus::Firing),
        "resolved" => Ok(AlertStatus::Resolved),
        _ => Err(status.unexpected("\"firing\" or \"resolved\"", redactor)),
    }
}

/// A text that may be absent; empty ones count as absent.
pub(crate) fn optional_text(
    field: &Field<'_>,
    name: &str,
    redactor: &Redactor,
) -> Result<Option<Redacted>, PayloadError> {
    let Some(text) = field.optional(name)? else {
        return Ok(None);
    };
    let text = text.text()?;
    Ok((!text.is_empty()).then(|| redactor.redact_value(name, text)))
}

/// An object of texts that may be absent.
pub(crate) fn optional_texts(
    field: &Field<'_>,
    name: &str,
    redactor: &Redactor,
) -> Result<BTreeMap<String, Redacted>, PayloadError> {
    match field.optional(name)? {
        Some(object) => texts(&object, redactor),
        None => Ok(BTreeMap::new()),
    }
}

fn texts(object: &Field<'_>, redactor: &Redactor) -> Result<BTreeMap<String, Redacted>, PayloadError> {
    let mut texts = BTreeMap::new();
    for (name, value) in object.entries(MAX_LABELS)? {
        texts.insert(name.to_owned(), redactor.redact_value(name, value.text()?));
    }
    Ok(texts)
}

fn ends_at(field: &Field<'_>) -> Result<Option<Timestamp>, PayloadError> {
    let Some(ends_at) = field.optional("endsAt")? else {
        return Ok(None);
    };
    let time = ends_at.time()?;
    Ok((time.as_second() != GO_ZERO_TIME_S).then_some(time))
}

/// The sender's fingerprint, or one that is derived from the labels: the same alert has the same one over its
/// firings.
fn fingerprint(
    field: &Field<'_>,
    labels: &BTreeMap<String, Redacted>,
    redactor: &Redactor,
) -> Result<String, PayloadError> {
    let given = optional_text(field, "fingerprint", redactor)?;
    Ok(given.map_or_else(|| derived_fingerprint(labels), |text| text.as_str().to_owned()))
}

/// Hashes the redacted labels, so that nobody can test guesses of a secret against it. Lengths keep names and
/// values apart.
fn derived_fingerprint(labels: &BTreeMap<String, Redacted>) -> String {
    let mut hasher = Sha256::new();
    for (name, value) in labels {
        hasher.update(format!("{}:{name}{}:{value}", name.len(), value.as_str().len()));
    }
    let digest: [u8; 32] = hasher.finalize().into();
    hex::encode(&digest[..FINGERPRINT_BYTES])
}
