use std::collections::BTreeMap;

use domain::AlertSource;

use super::*;

fn alert(fingerprint: &str, starts_at: &str, status: AlertStatus) -> Alert {
    Alert {
        source: AlertSource::Alertmanager,
        status,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        starts_at: starts_at.parse().unwrap(),
        ends_at: None,
        fingerprint: fingerprint.into(),
        generator_url: None,
    }
}

fn firing(fingerprint: &str, starts_at: &str) -> Alert {
    alert(fingerprint, starts_at, AlertStatus::Firing)
}

const TEN: &str = "2026-11-21T10:00:00Z";
const ELEVEN: &str = "2026-11-21T11:00:00Z";

#[test]
fn firing_and_resolved_alerts_part_ways_in_their_order() {
    let grouped = group(vec![
        firing("a", TEN),
        alert("b", TEN, AlertStatus::Resolved),
        firing("c", TEN),
    ]);
    let names = |alerts: &[Alert]| {
        alerts
            .iter()
            .map(|alert| alert.fingerprint.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&grouped.firing), ["a", "c"]);
    assert_eq!(names(&grouped.resolved), ["b"]);
}

#[test]
fn the_key_ignores_order_and_repetition() {
    let key = dedupe_key(&[firing("a", TEN), firing("b", ELEVEN)], "prod");
    assert_eq!(key.len(), 64);
    assert_eq!(
        key,
        dedupe_key(
            &[firing("b", ELEVEN), firing("a", TEN), firing("b", ELEVEN)],
            "prod"
        )
    );
}

#[test]
fn the_key_tells_alerts_firings_and_clusters_apart() {
    let keys = BTreeSet::from([
        dedupe_key(&[firing("a", TEN)], "prod"),
        dedupe_key(&[firing("b", TEN)], "prod"),
        dedupe_key(&[firing("a", ELEVEN)], "prod"),
        dedupe_key(&[firing("a", TEN)], "test"),
        dedupe_key(&[firing("a", TEN), firing("b", TEN)], "prod"),
        dedupe_key(&[], "prod"),
    ]);
    assert_eq!(keys.len(), 6);
}

#[test]
fn a_cluster_cannot_pass_for_a_fingerprint() {
    assert_ne!(
        dedupe_key(&[firing("bc", TEN)], "a"),
        dedupe_key(&[firing("c", TEN)], "ab")
    );
}
