//! Budgets of an investigation: reserved before calls, so that parallel agents cannot overdraw together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an investigation may spend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Prompt and completion tokens over all agents.
    pub max_tokens: u64,
    /// Millionths of a US dollar over all agents; `None`: no limit. Counts only calls whose price is known.
    pub max_micro_usd: Option<u64>,
    /// Wall clock of the agents' work.
    pub deadline: Duration,
    /// Longest wait for one model call.
    pub call_deadline: Duration,
    /// Most tokens of one answer.
    pub max_completion_tokens: u32,
    /// Stretches the agents' own deadlines, for slow models.
    pub patience: f64,
    /// True for the single-agent arm.
    pub single: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_tokens: 120_000,
            max_micro_usd: None,
            deadline: Duration::from_secs(120),
            call_deadline: Duration::from_secs(60),
            max_completion_tokens: 2048,
            patience: 1.0,
            single: false,
        }
    }
}

/// The running account of an investigation.
#[derive(Debug)]
pub struct Budget {
    settings: Settings,
    start: Instant,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    tokens: u64,
    reserved: u64,
    micro_usd: u64,
}

impl Budget {
    /// A fresh account.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            start: Instant::now(),
            spent: Mutex::default(),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Time left.
    pub fn time_left(&self) -> Duration {
        self.settings.deadline.saturating_sub(self.start.elapsed())
    }

    /// Sets tokens aside for a call; `false` when they are not there.
    pub fn reserve(&self, tokens: u64) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let money_left = self
            .settings
            .max_micro_usd
            .is_none_or(|limit| spent.micro_usd < limit);
        if !money_left || spent.tokens + spent.reserved + tokens > self.settings.max_tokens {
            return false;
        }
        spent.reserved += tokens;
        true
    }

    /// Books what a call used and frees what was set aside.
    pub fn settle(&self, reserved: u64, used: &domain::Usage) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.reserved = spent.reserved.saturating_sub(reserved);
        spent.tokens += used.tokens();
        spent.micro_usd += used.cost_micro_usd.unwrap_or_default();
    }

    /// Share of the tokens that is spent, 0 to 1.
    pub fn share(&self) -> f64 {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let ratio = |part: u64, whole: u64| {
            if whole == 0 {
                1.0
            } else {
                f64::from(u32::try_from(part).unwrap_or(u32::MAX))
                    / f64::from(u32::try_from(whole).unwrap_or(u32::MAX))
            }
        };
        ratio(spent.tokens, self.settings.max_tokens)
    }
}
