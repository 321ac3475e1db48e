//! Metrics: range queries against a Prometheus-compatible HTTP API.

use std::time::Duration;

use domain::{NotLooked, Redacted, Redactor};
use jiff::Timestamp;
use serde::Deserialize;

use crate::api::client::escape;
use crate::api::look::{Blind, Look};
use crate::api::recorder::Recorder;

/// A metrics source, or the knowledge that there is none.
#[derive(Clone, Default)]
pub struct MetricsReader {
    source: Option<(reqwest::Client, String)>,
    recorder: Option<(Recorder, Redactor)>,
}

/// One time series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Samples, oldest first.
    pub samples: Vec<(Timestamp, f64)>,
}

impl Series {
    /// The value of a label, `""` where there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The newest value.
    pub fn last(&self) -> Option<f64> {
        self.samples.last().map(|(_, value)| *value)
    }
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<WireSeries>,
}

#[derive(Deserialize)]
struct WireSeries {
    #[serde(default)]
    metric: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    value: Option<(f64, String)>,
}

impl MetricsReader {
    /// No metrics source: every query is a gap.
    pub fn absent() -> Self {
        Self::default()
    }

    /// A source at `url` (the part before `/api/v1`). Fails when the HTTP client cannot be built.
    pub fn new(url: &str, deadline: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(deadline)
            .connect_timeout(deadline)
            .build()?;
        Ok(Self {
            source: Some((client, url.trim_end_matches('/').to_owned())),
            recorder: None,
        })
    }

    /// The same source, with every answer kept by a recorder.
    #[must_use]
    pub fn recorded(self, recorder: Recorder, redactor: Redactor) -> Self {
        Self {
            recorder: Some((recorder, redactor)),
            ..self
        }
    }

    fn record(&self, query: &str, span_s: i64, step_s: u32, look: &Look<Vec<Series>>) {
        if let Some((recorder, redactor)) = &self.recorder {
            recorder.metrics(query, span_s, step_s, look, redactor);
        }
    }

    /// Whether there is a source to ask.
    pub fn is_configured(&self) -> bool {
        self.source.is_some()
    }

    /// Samples of a PromQL expression between two times. No series at all is `Empty`.
    pub async fn range(
        &self,
        promql: &str,
        from: Timestamp,
        to: Timestamp,
        step_s: u32,
    ) -> Look<Vec<Series>> {
        let query = format!(
            "/api/v1/query_range?query={}&start={}&end={}&step={step_s}",
            escape(promql),
            from.as_second(),
            to.as_second()
        );
        let look = self.ask(&query).await;
        self.record(promql, to.as_second() - from.as_second(), step_s, &look);
        look
    }

    /// Value of a PromQL expression at a time.
    pub async fn instant(&self, promql: &str, at: Timestamp) -> Look<Vec<Series>> {
        let query = format!("/api/v1/query?query={}&time={}", escape(promql), at.as_second());
        let look = self.ask(&query).await;
        self.record(promql, 0, 0, &look);
        look
    }

    async fn ask(&self, path: &str) -> Look<Vec<Series>> {
        let blind = |reason, message: &str| {
            Look::CouldNotLook(Blind {
                reason,
                message: Redacted::trusted(message),
            })
        };
        let Some((client, url)) = &self.source else {
            return blind(NotLooked::NotConfigured, "no metrics source is configured");
        };
        let response = match client.get(format!("{url}{path}")).send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => {
                return blind(NotLooked::TimedOut, "no answer from the metrics source");
            }
            Err(_) => return blind(NotLooked::Unreachable, "the metrics source does not answer"),
        };
        let status = response.status();
        let reason = if matches!(status.as_u16(), 401 | 403) {
            NotLooked::Forbidden
        } else {
            NotLooked::Failed
        };
        match response.json::<Answer>().await {
            Ok(Answer {
                status,
                data: Some(data),
                ..
            }) if status == "success" => series(data),
            Ok(answer) => blind(
                reason,
                &format!("the metrics source refused the query: {}", answer.error),
            ),
            Err(_) => blind(reason, &format!("the metrics source answered {status}")),
        }
    }
}

fn series(data: Data) -> Look<Vec<Series>> {
    if data.result.is_empty() {
        return Look::Empty;
    }
    let sample = |(at, value): (f64, String)| {
        let at = Timestamp::from_millisecond((at * 1000.0) as i64).ok()?;
        Some((at, value.parse().ok()?))
    };
    Look::Found(
        data.result
            .into_iter()
            .map(|wire| Series {
                labels: wire.metric,
                samples: wire
                    .values
                    .into_iter()
                    .chain(wire.value)
                    .filter_map(sample)
                    .collect(),
            })
            .collect(),
    )
}
