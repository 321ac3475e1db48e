//! What a person asks for, from the JSON of a request: exactly one of a question, a workload or an alert. It must
//! not know what becomes of it.

use domain::{Alert, Redacted, Redactor};
use intake::{FileStimulus, PayloadError, WorkloadName, parse_file};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::subject::is_label;

const SUBJECTS: [&str; 3] = ["question", "workload", "alert"];
const ONE_OF: &str = "expected exactly one of \"question\", \"workload\" or \"alert\"";

/// Bytes that a question may have: a paragraph, not a log.
const MAX_QUESTION: usize = 4000;
/// Bytes of a field's name that an error repeats.
const NAME_LIMIT: usize = 60;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A question, at best with a namespace.
    Question {
        text: Redacted,
        namespace: Option<String>,
    },
    /// A workload, as named.
    Workload(WorkloadName),
    /// An alert.
    Alert(Alert),
}

/// Reads the body of a request. `now` is when an alert without `startsAt` began.
pub(crate) fn parse(body: &[u8], redactor: &Redactor, now: Timestamp) -> Result<Ask, ApiError> {
    let document: Value = serde_json::from_slice(body).map_err(PayloadError::from)?;
    let Value::Object(mut fields) = document else {
        return Err(ApiError::payload("payload", "expected an object"));
    };
    fields.retain(|_, value| !value.is_null());
    refuse_unknown(&fields, redactor)?;
    let given: Vec<&str> = SUBJECTS
        .into_iter()
        .filter(|name| fields.contains_key(*name))
        .collect();
    let [subject] = given[..] else {
        return Err(ApiError::payload("payload", ONE_OF));
    };
    if subject != "question" && fields.contains_key("namespace") {
        return Err(ApiError::payload("namespace", "goes with a question only"));
    }
    match fields.remove("alert") {
        Some(alert) => read_alert(&alert, redactor, now),
        None => read_other(fields, redactor, now),
    }
}

fn refuse_unknown(fields: &Map<String, Value>, redactor: &Redactor) -> Result<(), ApiError> {
    let known = |name: &str| name == "namespace" || SUBJECTS.contains(&name);
    match fields.keys().find(|name| !known(name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let shown = redactor.redact(unknown).truncated(NAME_LIMIT);
            Err(ApiError::payload(shown.as_str(), "is not a known field"))
        }
    }
}

fn read_alert(alert: &Value, redactor: &Redactor, now: Timestamp) -> Result<Ask, ApiError> {
    if let Value::Object(fields) = alert {
        if fields.contains_key("alerts") || fields.contains_key("alertmanager") {
            return Err(ApiError::payload("alert", "expected a single alert"));
        }
        if fields.get("labels").is_none_or(Value::is_null) {
            return Err(ApiError::payload("alert.labels", "is missing"));
        }
    }
    match parse_file(alert.to_string().as_bytes(), redactor, now) {
        Ok(FileStimulus::Alert(alert)) => Ok(Ask::Alert(alert)),
        Ok(_) => Err(ApiError::payload("alert", "expected a single alert")),
        Err(error) => Err(within_alert(error).into()),
    }
}

fn read_other(fields: Map<String, Value>, redactor: &Redactor, now: Timestamp) -> Result<Ask, ApiError> {
    let text = Value::Object(fields).to_string();
    match parse_file(text.as_bytes(), redactor, now)? {
        FileStimulus::Question { text, namespace } => {
            if text.as_str().len() > MAX_QUESTION {
                let problem = format!("is longer than {MAX_QUESTION} bytes");
                return Err(ApiError::payload("question", problem));
            }
            if namespace.as_deref().is_some_and(|name| !is_label(name)) {
                return Err(ApiError::payload("namespace", "is no valid name of a namespace"));
            }
            Ok(Ask::Question { text, namespace })
        }
        FileStimulus::Workload(name) => Ok(Ask::Workload(name)),
        FileStimulus::Alert(_) | FileStimulus::Notification(_) => Err(ApiError::payload("payload", ONE_OF)),
    }
}

/// The path of a field that was read as if the alert were the whole document.
fn within_alert(error: PayloadError) -> PayloadError {
    match error {
        PayloadError::Field { path, problem } => PayloadError::Field {
            path: match path.as_str() {
                "payload" => "alert".to_owned(),
                path if path.starts_with('[') => format!("alert{path}"),
                path => format!("alert.{path}"),
            },
            problem,
        },
        other => other,
    }
}
