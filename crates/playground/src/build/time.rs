//! Moments and how Kubernetes and applications write them.

use jiff::{SignedDuration, Timestamp};

/// The moment `seconds` before `at`.
pub fn before(at: Timestamp, seconds: i64) -> Timestamp {
    at - SignedDuration::from_secs(seconds)
}

/// The moment `seconds` after `at`.
pub fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

/// The moment `days` before `at`.
pub fn days_before(at: Timestamp, days: i64) -> Timestamp {
    before(at, days * 86_400)
}

/// As `metav1.Time` is written: whole seconds.
pub fn seconds(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// As `metav1.MicroTime` is written.
pub fn micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// As the kubelet stamps log lines: exactly nine fractional digits.
pub fn nanos(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// Reads a moment that [`seconds`] or [`micros`] wrote.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
