//! The configuration: one struct per concern, resolved once from defaults, file and environment. Flags are laid over
//! it by the commands. Must not read the process environment itself.

mod agents;
mod cluster;
mod database;
mod document;
mod environment;
mod model;
mod redaction;
mod secret;
mod server;
mod telemetry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::agents::AgentsConfig;
pub(crate) use self::cluster::ClusterConfig;
pub(crate) use self::database::DatabaseConfig;
pub(crate) use self::environment::{Environment, sha256_hex};
pub(crate) use self::model::ModelConfig;
pub(crate) use self::redaction::RedactionConfig;
pub(crate) use self::server::{ServerConfig, Token};
pub(crate) use self::telemetry::{LogFormat, TelemetryConfig};

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Which cluster, and where its metrics are.
    pub(crate) cluster: ClusterConfig,
    /// The model; without one, reports are triage reports.
    pub(crate) model: ModelConfig,
    /// Agents and what they may spend.
    pub(crate) agents: AgentsConfig,
    /// The HTTP service.
    pub(crate) server: ServerConfig,
    /// Where investigations are kept.
    pub(crate) database: DatabaseConfig,
    /// Logs and traces.
    pub(crate) telemetry: TelemetryConfig,
    /// Placeholders of secrets.
    pub(crate) redaction: RedactionConfig,
}

/// All that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration: {}", self.problems.join("; "))
    }
}

impl Config {
    /// Resolves defaults < file < environment. The file is `file`, or what `DOGWATCH_CONFIG` names.
    pub(crate) fn load(file: Option<&Path>, env: &Environment) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut document = match source(file, env) {
            Some(path) => document::read(&path, &mut problems),
            None => serde_json::Map::new(),
        };
        environment::overlay(&mut document, env, &mut problems);
        let mut config = document::parse(document, &mut problems);
        config.model.resolve(&mut problems);
        config.agents.check(&mut problems);
        config.cluster.check(&mut problems);
        config.server.resolve(&mut problems);
        config.telemetry.check(&mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { problems })
        }
    }
}

/// The configuration file, if there is one.
pub(crate) fn source(file: Option<&Path>, env: &Environment) -> Option<PathBuf> {
    let named = || environment::get(env, "DOGWATCH_CONFIG").map(PathBuf::from);
    file.map(Path::to_owned).or_else(named)
}

/// Whether a text is an HTTP address with a host.
fn is_http_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
