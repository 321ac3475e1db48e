//! Configuration of the agents: their definitions and what an investigation may spend. Must not know what they do.

use std::path::PathBuf;
use std::time::Duration;

use ::agents::Settings;
use investigation::LEASE;
use schemars::JsonSchema;
use serde::Deserialize;

/// Agents and budgets.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentsConfig {
    /// Folder of definitions instead of those that dogwatch ships.
    pub(crate) folder: Option<PathBuf>,
    /// One generalist instead of an orchestrator with domain agents (false).
    pub(crate) single: bool,
    /// Prompt and completion tokens of one investigation over all agents (120000).
    pub(crate) max_tokens: u64,
    /// Millionths of a US dollar of one investigation; without it no limit. Counts only calls whose price is known.
    pub(crate) max_micro_usd: Option<u64>,
    /// Seconds that the agents of one investigation may take (120).
    pub(crate) deadline_s: u64,
    /// Longest wait for one model call in seconds (60).
    pub(crate) call_deadline_s: u64,
    /// Most tokens of one answer (2048).
    pub(crate) max_completion_tokens: u32,
    /// Stretches the agents' own deadlines, for slow models (1).
    pub(crate) patience: f64,
    /// Seconds after which another worker takes over from one that died (30).
    pub(crate) lease_s: u64,
}

impl Default for AgentsConfig {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            folder: None,
            single: settings.single,
            max_tokens: settings.max_tokens,
            max_micro_usd: settings.max_micro_usd,
            deadline_s: settings.deadline.as_secs(),
            call_deadline_s: settings.call_deadline.as_secs(),
            max_completion_tokens: settings.max_completion_tokens,
            patience: settings.patience,
            lease_s: LEASE.as_secs(),
        }
    }
}

impl AgentsConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        let positive = [
            ("max_tokens", self.max_tokens > 0),
            ("deadline_s", self.deadline_s > 0),
            ("call_deadline_s", self.call_deadline_s > 0),
            ("max_completion_tokens", self.max_completion_tokens > 0),
            ("lease_s", (1..=86_400).contains(&self.lease_s)),
            ("patience", self.patience > 0.0 && self.patience <= 1_000_000.0),
        ];
        for (key, _) in positive.iter().filter(|(_, fits)| !fits) {
            problems.push(format!("agents.{key} must be above 0 and not absurdly large"));
        }
    }

    /// How long work waits for a worker that died.
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    /// Budgets and arm.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            max_tokens: self.max_tokens,
            max_micro_usd: self.max_micro_usd,
            deadline: Duration::from_secs(self.deadline_s),
            call_deadline: Duration::from_secs(self.call_deadline_s),
            max_completion_tokens: self.max_completion_tokens,
            patience: self.patience,
            single: self.single,
        }
    }
}
