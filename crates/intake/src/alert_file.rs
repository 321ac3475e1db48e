//! Files that a person hands to the command line: a webhook payload, a single alert, or a world's
//! `stimulus.json`. It must not know the file system, nor whether a named object exists.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use domain::{Alert, AlertSource, AlertStatus, Redacted, Redactor};
use jiff::Timestamp;
use serde_json::Value;

use crate::alert::{self, Defaults};
use crate::alertmanager::{Notification, read_notification};
use crate::error::PayloadError;
use crate::field::Field;

const FORMS: &str = "one of \"alertmanager\", \"alerts\", \"labels\", \"question\" or \"workload\"";

/// What a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileStimulus {
    /// A whole webhook payload, bare or as `{"alertmanager": …}`.
    Notification(Notification),
    /// A single alert: `{"labels": …, "annotations": …, "startsAt": …}`.
    Alert(Alert),
    /// `{"question": …, "namespace": …}`.
    Question {
        /// What is asked.
        text: Redacted,
        /// Where to look; everywhere without it.
        namespace: Option<String>,
    },
    /// `{"workload": "namespace/kind/name"}`.
    Workload(WorkloadName),
}

/// A workload as a person names it; the kind may be any form that `kubectl` takes (`deploy`, `Deployment`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadName {
    /// Namespace.
    pub namespace: String,
    /// Kind, as typed.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// A text that names no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected namespace/kind/name, as in shop/deployment/checkout")]
pub struct ParseWorkloadNameError;

impl FromStr for WorkloadName {
    type Err = ParseWorkloadNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let [namespace, kind, name] = parts[..] else {
            return Err(ParseWorkloadNameError);
        };
        if [namespace, kind, name].iter().any(|part| part.trim().is_empty()) {
            return Err(ParseWorkloadNameError);
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
}

/// Reads a file's content. `now` is when a single alert without `startsAt` began.
///
/// # Errors
/// When the content is no JSON, has none of the known forms, or when a field does not hold what it must; the
/// error names it.
pub fn parse_file(content: &[u8], redactor: &Redactor, now: Timestamp) -> Result<FileStimulus, PayloadError> {
    let document: Value = serde_json::from_slice(content)?;
    let root = Field::root(&document);
    if let Some(payload) = root.optional("alertmanager")? {
        read_notification(&payload, redactor).map(FileStimulus::Notification)
    } else if root.optional("alerts")?.is_some() {
        read_notification(&root, redactor).map(FileStimulus::Notification)
    } else if root.optional("labels")?.is_some() {
        single_alert(&root, redactor, now).map(FileStimulus::Alert)
    } else if let Some(question) = root.optional("question")? {
        read_question(&root, &question, redactor)
    } else if let Some(workload) = root.optional("workload")? {
        read_workload(&workload, redactor)
    } else {
        Err(root.unexpected(FORMS, redactor))
    }
}

fn single_alert(root: &Field<'_>, redactor: &Redactor, now: Timestamp) -> Result<Alert, PayloadError> {
    let defaults = Defaults {
        source: AlertSource::Direct,
        status: Some(AlertStatus::Firing),
        starts_at: Some(now),
    };
    alert::read(root, defaults, redactor)
}

fn read_question(
    root: &Field<'_>,
    question: &Field<'_>,
    redactor: &Redactor,
) -> Result<FileStimulus, PayloadError> {
    let namespace = match root.optional("namespace")? {
        Some(namespace) => Some(namespace.filled_text()?.to_owned()),
        None => None,
    };
    Ok(FileStimulus::Question {
        text: redactor.redact(question.filled_text()?),
        namespace,
    })
}

fn read_workload(workload: &Field<'_>, redactor: &Redactor) -> Result<FileStimulus, PayloadError> {
    let name = workload.text()?.parse::<WorkloadName>();
    let refused = |_| workload.unexpected("\"namespace/kind/name\"", redactor);
    name.map(FileStimulus::Workload).map_err(refused)
}
