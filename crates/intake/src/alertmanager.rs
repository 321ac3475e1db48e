//! Alertmanager's webhook payload, version 4 (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>).
//! It must not know how the payload arrived.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::{Alert, AlertSource, AlertStatus, Redacted, Redactor};
use serde_json::Value;

use crate::alert::{Defaults, optional_text, optional_texts, read, read_status};
use crate::error::{PayloadError, Problem};
use crate::field::Field;

/// Alerts that one payload may have.
pub const MAX_ALERTS: usize = 1000;

/// One webhook call: the alerts of one group. All texts are redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Alertmanager's key of the group: a hint, since an empty `group_by` puts a whole route into one group.
    /// Empty when the sender gave none.
    pub group_key: Redacted,
    /// Firing while at least one alert of the group is.
    pub status: AlertStatus,
    /// Name of the receiver in Alertmanager's configuration.
    pub receiver: Option<Redacted>,
    /// The labels that the group is made by.
    pub group_labels: BTreeMap<String, Redacted>,
    /// Labels that all alerts share.
    pub common_labels: BTreeMap<String, Redacted>,
    /// Annotations that all alerts share.
    pub common_annotations: BTreeMap<String, Redacted>,
    /// Link to the Alertmanager.
    pub external_url: Option<Redacted>,
    /// Number of alerts that Alertmanager left out (`max_alerts`).
    pub truncated_alerts: u64,
    /// The alerts, at least one.
    pub alerts: Vec<Alert>,
}

/// Reads a webhook's body. Fields that version 4 does not know are ignored.
///
/// # Errors
/// When the body is no JSON, has another version, no alerts or more than [`MAX_ALERTS`], or when a field does not
/// hold what it must; the error names it.
pub fn parse_webhook(body: &[u8], redactor: &Redactor) -> Result<Notification, PayloadError> {
    let document: Value = serde_json::from_slice(body)?;
    read_notification(&Field::root(&document), redactor)
}

/// Reads the payload at `field`.
pub(crate) fn read_notification(
    field: &Field<'_>,
    redactor: &Redactor,
) -> Result<Notification, PayloadError> {
    check_version(field, redactor)?;
    let group_status = match field.optional("status")? {
        Some(_) => Some(read_status(field, None, redactor)?),
        None => None,
    };
    let alerts = read_alerts(field, group_status, redactor)?;
    Ok(Notification {
        group_key: optional_text(field, "groupKey", redactor)?.unwrap_or_default(),
        status: group_status.unwrap_or_else(|| status_of(&alerts)),
        receiver: optional_text(field, "receiver", redactor)?,
        group_labels: optional_texts(field, "groupLabels", redactor)?,
        common_labels: optional_texts(field, "commonLabels", redactor)?,
        common_annotations: optional_texts(field, "commonAnnotations", redactor)?,
        external_url: optional_text(field, "externalURL", redactor)?,
        truncated_alerts: match field.optional("truncatedAlerts")? {
            Some(count) => count.count()?,
            None => 0,
        },
        alerts,
    })
}

fn check_version(field: &Field<'_>, redactor: &Redactor) -> Result<(), PayloadError> {
    let version = field.required("version")?;
    match version.text() {
        Ok("4") => Ok(()),
        _ => Err(version.unexpected("\"4\"", redactor)),
    }
}

fn read_alerts(
    field: &Field<'_>,
    status: Option<AlertStatus>,
    redactor: &Redactor,
) -> Result<Vec<Alert>, PayloadError> {
    let alerts = field.required("alerts")?;
    let items = alerts.items(MAX_ALERTS)?;
    if items.is_empty() {
        return Err(alerts.error(Problem::Empty));
    }
    let defaults = Defaults {
        source: AlertSource::Alertmanager,
        status,
        starts_at: None,
    };
    items.iter().map(|item| read(item, defaults, redactor)).collect()
}

fn status_of(alerts: &[Alert]) -> AlertStatus {
    let firing = alerts.iter().any(|alert| alert.status == AlertStatus::Firing);
    if firing {
        AlertStatus::Firing
    } else {
        AlertStatus::Resolved
    }
}
