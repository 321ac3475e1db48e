//! Configuration of logs and traces. Must not know how they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::is_http_url;

/// Logs and traces.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    /// Base URL of an OTLP/HTTP collector; without it nothing is traced.
    pub(crate) otlp_endpoint: Option<String>,
    /// How log lines are written.
    pub(crate) log: LogFormat,
    /// What is logged, in the syntax of `tracing`'s EnvFilter: `info`, `warn,store=debug`. Without it `serve` logs
    /// `info` and all other commands `warn`.
    pub(crate) filter: Option<String>,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl TelemetryConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if let Some(url) = &self.otlp_endpoint
            && !is_http_url(url)
        {
            problems.push("telemetry.otlp_endpoint must be an http:// or https:// address".to_owned());
        }
    }
}
