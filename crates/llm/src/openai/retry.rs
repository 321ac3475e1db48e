//! When a failed request is sent again: the endpoint's own wish, else a growing pause, never past the deadline.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::failure::Failure;
use super::settings::OpenAiSettings;
use crate::port::CallKey;

/// Longest pause of our own choice.
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// How often and how soon.
#[derive(Debug, Clone)]
pub(super) struct RetryPolicy {
    retries: u32,
    first: Duration,
    seed: u64,
}

impl RetryPolicy {
    /// The policy for one call. The call's name spreads the pauses, so that agents that were turned away together do
    /// not come back together.
    pub(super) fn new(settings: &OpenAiSettings, key: &CallKey) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Self {
            retries: settings.retries,
            first: settings.backoff,
            seed: hasher.finish(),
        }
    }

    /// The pause before the next attempt; `None` when there is to be none: because the failure will not pass, because
    /// there were enough, or because the deadline (`left` from now) comes first.
    pub(super) fn pause(&self, retry: u32, failure: &Failure, left: Duration) -> Option<Duration> {
        if retry >= self.retries || !failure.may_pass() {
            return None;
        }
        let pause = failure.retry_after().unwrap_or_else(|| self.backoff(retry));
        (pause < left).then_some(pause)
    }

    /// Half of the full pause, and a share of the other half.
    fn backoff(&self, retry: u32) -> Duration {
        let full = self
            .first
            .saturating_mul(2_u32.saturating_pow(retry))
            .min(LONGEST_BACKOFF);
        let permille = u32::try_from(self.seed.rotate_left(retry) % 1000).unwrap_or(0);
        full / 2 + full / 2000 * permille
    }
}

/// When an endpoint wants to be asked again: `retry-after-ms` as OpenAI sends it, or `Retry-After` in seconds or as a
/// date (RFC 9110, section 10.2.3), counted from the response's own date where it has one.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let since = text(DATE.as_str()).and_then(http_date).unwrap_or(now);
    Some(Duration::try_from(http_date(value)?.duration_since(since)).unwrap_or(Duration::ZERO))
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}
