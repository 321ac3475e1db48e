//! What is known of how a captured world was read: which looks were complete, which were refused, and what the metrics
//! source answered. A captured world answers nothing else, so that nobody takes what was not captured for absent.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// `captured.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// Lists, and gets that found nothing or were refused.
    pub looks: Vec<CapturedLook>,
    /// Questions to the metrics source with their answers.
    pub metrics: Vec<CapturedMetric>,
}

/// A list or a get.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapturedLook {
    /// Plural of the kind.
    pub plural: String,
    /// Namespace, `""` for all or none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of a get, `""` for a list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Label selector, `""` without.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub labels: String,
    /// Field selector, `""` without.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fields: String,
    /// How it was refused; complete without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// HTTP status.
    pub code: u16,
    /// Words of the source.
    pub message: String,
}

/// A question to the metrics source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapturedMetric {
    /// PromQL.
    pub query: String,
    /// Length of the range in seconds, 0 for a moment.
    pub span_s: i64,
    /// Step in seconds, 0 for a moment.
    pub step_s: u32,
    /// The answer.
    #[serde(default)]
    pub series: Vec<CapturedSeries>,
    /// The source's error in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A series of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapturedSeries {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Time in milliseconds since 1970, and value as Prometheus prints it.
    pub samples: Vec<(i64, String)>,
}

/// What is asked of a captured world.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Plural of the kind.
    pub plural: &'a str,
    /// Namespace, `""` for all or none.
    pub namespace: &'a str,
    /// Name of a get, `""` for a list.
    pub name: &'a str,
    /// Label selector, `""` without.
    pub labels: &'a str,
    /// Field selector, `""` without.
    pub fields: &'a str,
    /// Whether the world holds the object of a get.
    pub is_held: bool,
}

impl Captured {
    /// Whether something may be answered from the world's objects.
    ///
    /// # Errors
    /// The refusal that was captured, or one that says that the look was not.
    pub fn admit(&self, asked: Asked<'_>) -> Result<(), Refused> {
        let same = |look: &&CapturedLook| {
            look.plural == asked.plural
                && look.namespace == asked.namespace
                && look.name == asked.name
                && look.labels == asked.labels
                && look.fields == asked.fields
        };
        if let Some(look) = self.looks.iter().find(same) {
            return look.refused.clone().map_or(Ok(()), Err);
        }
        let is_complete = |namespace: &str| {
            self.looks.iter().any(|look| {
                look.plural == asked.plural
                    && look.namespace == namespace
                    && look.refused.is_none()
                    && look.name.is_empty()
                    && look.labels.is_empty()
                    && look.fields.is_empty()
            })
        };
        if asked.is_held || is_complete("") || is_complete(asked.namespace) {
            return Ok(());
        }
        Err(Refused {
            code: 403,
            message: format!(
                "{} is forbidden: it was not looked at when this world was captured",
                asked.plural
            ),
        })
    }

    /// The answer to a question to the metrics source.
    pub fn metric(&self, query: &str, span_s: i64, step_s: u32) -> Option<&CapturedMetric> {
        self.metrics
            .iter()
            .find(|known| known.query == query && known.span_s == span_s && known.step_s == step_s)
    }

    /// Moves all samples in time.
    pub fn shift(&mut self, by: SignedDuration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or_default();
        let series = self.metrics.iter_mut().flat_map(|metric| &mut metric.series);
        for (at_ms, _) in series.flat_map(|series| &mut series.samples) {
            *at_ms = at_ms.saturating_add(by_ms);
        }
    }
}

impl CapturedSeries {
    /// A sample as it is kept.
    pub fn sample(at: Timestamp, value: f64) -> (i64, String) {
        (at.as_millisecond(), value.to_string())
    }
}
