//! Keeps what a reader was answered, redacted, so that it can be asked again without the cluster. Must not know where
//! a recording is kept, and never holds the value of a Secret: stand-ins with the same facts take its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{NotLooked, ObjectRef, Redactor};
use serde_json::{Value, json};

use crate::api::client::{Failure, Selectors};
use crate::api::kinds::Kind;
use crate::api::logs::LogSource;
use crate::api::look::Look;
use crate::api::metrics::Series;
use crate::api::{helm, project, secrets};

/// A recorder; clones share one recording.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Recording>>);

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Objects as JSON, by reference.
    pub objects: BTreeMap<ObjectRef, Value>,
    /// Logs with the kubelet's timestamps.
    pub logs: BTreeMap<LogSource, Result<String, Refusal>>,
    /// Lists and gets by what was asked: complete, or refused.
    pub looks: BTreeMap<Ask, Result<(), Refusal>>,
    /// Answers of the metrics source.
    pub metrics: Vec<MetricAnswer>,
}

/// A list, or a get that found nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Plural of the kind.
    pub plural: &'static str,
    /// Namespace, `""` for all or none.
    pub namespace: String,
    /// Name of a get, `""` for a list.
    pub name: String,
    /// Label selector, `""` without.
    pub labels: String,
    /// Field selector, `""` without.
    pub fields: String,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Kind of obstacle.
    pub reason: NotLooked,
    /// The source's words, redacted.
    pub message: String,
}

/// One question to the metrics source.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricAnswer {
    /// PromQL.
    pub query: String,
    /// Length of the range in seconds, 0 for a moment.
    pub span_s: i64,
    /// Step in seconds, 0 for a moment.
    pub step_s: u32,
    /// The series, label values redacted.
    pub series: Vec<Series>,
    /// Why there is none.
    pub refused: Option<Refusal>,
}

impl Recorder {
    /// What was recorded so far.
    pub fn recording(&self) -> Recording {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn object(&self, kind: &Kind, value: &Value, redactor: &Redactor) {
        let Some((reference, kept)) = project::kept(kind, value, redactor) else {
            return;
        };
        let mut recording = self.lock();
        let known = recording.objects.get(&reference);
        // A list has only the metadata of Secrets; what a get knew is more.
        if kept.get("data").is_none() && known.is_some_and(|known| known.get("data").is_some()) {
            return;
        }
        recording.objects.insert(reference, kept);
    }

    /// A Secret with a stand-in for each value.
    pub(super) fn secret(&self, kind: &Kind, value: &Value, redactor: &Redactor) {
        let mut bare = value.clone();
        bare["data"] = secrets::stand_ins(value);
        self.object(kind, &bare, redactor);
    }

    /// A Secret that holds a Helm release, of which only what [`helm`] tells is kept.
    pub(super) fn release(&self, kind: &Kind, secret: &Value, release: &Value, redactor: &Redactor) {
        let mut bare = secret.clone();
        bare["data"] = json!({ "release": helm::pack(&helm::kept(release, redactor)) });
        self.object(kind, &bare, redactor);
    }

    pub(super) fn looked(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        selectors: &Selectors,
        failure: Option<&Failure>,
    ) {
        let ask = Ask {
            plural: kind.plural,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: selectors.labels.clone().unwrap_or_default(),
            fields: selectors.fields.clone().unwrap_or_default(),
        };
        let ended = match failure {
            None => Ok(()),
            Some(Failure::NotFound) if !name.is_empty() => Ok(()),
            Some(failure) => Err(Refusal::of(failure)),
        };
        self.lock().looks.insert(ask, ended);
    }

    /// Log lines as the API server gives them; of several answers the longest is kept.
    pub(super) fn log(&self, source: &LogSource, answer: Result<&str, &Failure>, redactor: &Redactor) {
        let kept = match answer {
            Ok(text) => Ok(text.lines().map(|line| redacted_line(line, redactor)).collect()),
            // A pod that is gone has no log; so does one that wrote nothing.
            Err(Failure::NotFound) => Ok(String::new()),
            Err(failure) => Err(Refusal::of(failure)),
        };
        let length = |answer: &Result<String, Refusal>| answer.as_ref().map_or(0, String::len);
        let mut recording = self.lock();
        let known = recording.logs.get(source).map_or(0, length);
        if known <= length(&kept) {
            recording.logs.insert(source.clone(), kept);
        }
    }

    pub(super) fn metrics(
        &self,
        query: &str,
        span_s: i64,
        step_s: u32,
        look: &Look<Vec<Series>>,
        redactor: &Redactor,
    ) {
        let mut answer = MetricAnswer {
            query: query.to_owned(),
            span_s,
            step_s,
            series: Vec::new(),
            refused: None,
        };
        match look {
            Look::Found(series) => answer.series.clone_from(series),
            Look::Empty => {}
            Look::CouldNotLook(blind) => {
                answer.refused = Some(Refusal {
                    reason: blind.reason,
                    message: blind.message.as_str().to_owned(),
                });
            }
        }
        for value in answer
            .series
            .iter_mut()
            .flat_map(|series| series.labels.values_mut())
        {
            *value = redactor.redact(value).as_str().to_owned();
        }
        self.lock().metrics.push(answer);
    }
}

impl Refusal {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::NotFound => Self {
                reason: NotLooked::NotConfigured,
                message: "the server could not find the requested resource".to_owned(),
            },
            Failure::Blind(blind) => Self {
                reason: blind.reason,
                message: blind.message.as_str().to_owned(),
            },
        }
    }
}

/// A line without what is secret in it; the kubelet's timestamp stays.
fn redacted_line(line: &str, redactor: &Redactor) -> String {
    match line.split_once(' ') {
        Some((time, rest)) if time.parse::<jiff::Timestamp>().is_ok() => {
            format!("{time} {}\n", redactor.redact(rest))
        }
        _ => format!("{}\n", redactor.redact(line)),
    }
}
