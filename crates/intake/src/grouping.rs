//! What a batch of alerts asks for: which ones start an investigation, and whether it was asked before. It must
//! not know incidents, which need the store.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use domain::{Alert, AlertStatus};
use sha2::{Digest, Sha256};

/// Alerts by what is to be done with them, each in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouped {
    /// They start an investigation.
    pub firing: Vec<Alert>,
    /// They end an incident that is known, and start nothing.
    pub resolved: Vec<Alert>,
}

/// Divides alerts by their status.
pub fn group(alerts: Vec<Alert>) -> Grouped {
    let (firing, resolved) = alerts
        .into_iter()
        .partition(|alert| alert.status == AlertStatus::Firing);
    Grouped { firing, resolved }
}

/// A key that is equal when the same alerts, in any order and any number of times, fire since the same moments in
/// the same cluster. So Alertmanager's repeated notifications have one key, and a new firing has another. 64
/// hexadecimal digits.
pub fn dedupe_key(alerts: &[Alert], cluster: &str) -> String {
    let firings: BTreeSet<(&str, i128)> = alerts
        .iter()
        .map(|alert| (alert.fingerprint.as_str(), alert.starts_at.as_nanosecond()))
        .collect();
    let mut hasher = Sha256::new();
    hasher.update(format!("{}:{cluster}", cluster.len()));
    for (fingerprint, starts_at_ns) in firings {
        hasher.update(format!("{}:{fingerprint}{starts_at_ns};", fingerprint.len()));
    }
    let digest: [u8; 32] = hasher.finalize().into();
    hex::encode(digest)
}
