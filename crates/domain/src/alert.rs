//! What starts an investigation: alerts, workloads named by a person, vague questions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;
use crate::redaction::Redacted;

/// One firing or resolved notification. All texts are redacted where they entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Who sent it.
    pub source: AlertSource,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// Labels, `alertname` among them.
    pub labels: BTreeMap<String, Redacted>,
    /// Annotations: summary, description, runbook.
    pub annotations: BTreeMap<String, Redacted>,
    /// When the condition began.
    pub starts_at: Timestamp,
    /// When it ended, if it did.
    pub ends_at: Option<Timestamp>,
    /// Identity of the alert over its firings.
    pub fingerprint: String,
    /// Link to the rule or graph, as the sender gave it.
    pub generator_url: Option<Redacted>,
}

impl Alert {
    /// The `alertname` label, empty when there is none.
    pub fn name(&self) -> &str {
        self.label("alertname").unwrap_or_default()
    }

    /// A label's value, `None` when it is absent or empty.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .get(name)
            .map(Redacted::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Where an alert came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSource {
    /// Prometheus Alertmanager, webhook payload version 4.
    Alertmanager,
    /// The command line or the HTTP API.
    Direct,
}

/// State of the alert's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// The condition holds.
    Firing,
    /// The condition ended.
    Resolved,
}

/// What an investigation is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Subject {
    /// One or more alerts of one incident.
    Alerts {
        /// The alerts, at least one.
        alerts: Vec<Alert>,
    },
    /// An object that a person named; its existence is checked.
    Workload {
        /// The object as named; the kind is already canonical.
        object: ObjectRef,
    },
    /// A question, at best with a namespace.
    Question {
        /// What the person asked.
        text: Redacted,
        /// Where to look; without it all namespaces are looked at.
        namespace: Option<String>,
    },
}

impl Subject {
    /// One line that says what is asked.
    pub fn title(&self) -> Redacted {
        match self {
            Self::Alerts { alerts } => {
                let Some(first) = alerts.first() else {
                    return Redacted::empty();
                };
                let mut title = Redacted::trusted("alert ");
                title.push(first.labels.get("alertname").unwrap_or(&Redacted::empty()));
                if alerts.len() > 1 {
                    title.push(&Redacted::trusted(&format!(" and {} more", alerts.len() - 1)));
                }
                title
            }
            Self::Workload { object } => Redacted::trusted(&object.to_string()),
            Self::Question { text, .. } => text.clone(),
        }
    }

    /// When the trouble began, as far as the subject says.
    pub fn onset(&self) -> Option<Timestamp> {
        match self {
            Self::Alerts { alerts } => alerts.iter().map(|alert| alert.starts_at).min(),
            Self::Workload { .. } | Self::Question { .. } => None,
        }
    }
}
