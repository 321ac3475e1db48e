//! Alertmanager payloads of the rules in [`rules`]: symptoms only. Must not know causes.

mod rules;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::rules::{RULES, Rule};
use super::names::Place;
use crate::build::time;

/// An alert rule as it fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// Labels, `alertname` included.
    pub labels: Vec<(&'static str, String)>,
    /// `description` and `summary`.
    pub description: String,
    /// One line.
    pub summary: String,
    /// Page of the runbook, without the common prefix.
    pub runbook: String,
    /// When it began to fire.
    pub starts_at: Timestamp,
    /// The rule's expression.
    pub expression: String,
}

/// The rule of that name as it fires about a place; `None` when there is no such rule.
pub fn fire(rule: &str, place: &Place) -> Option<Fired> {
    let rule = rules::by_name(rule)?;
    let mut labels = vec![
        ("alertname", rule.name.to_owned()),
        ("severity", rule.severity.to_owned()),
    ];
    labels.extend(
        rule.labels
            .iter()
            .map(|(key, value)| (*key, place.fill(value)))
            .filter(|(_, value)| !value.is_empty()),
    );
    if rule.state_metrics {
        labels.push(("job", "kube-state-metrics".to_owned()));
        labels.push(("endpoint", "http-metrics".to_owned()));
    }
    let starts_at = time::after(place.onset, rule.after_s).min(time::before(place.now, 20));
    Some(Fired {
        labels,
        description: place.fill(rule.description),
        summary: place.fill(rule.summary),
        runbook: rule.runbook(),
        starts_at,
        expression: place.fill(rule.expression),
    })
}

/// The webhook payload, version 4 (Alertmanager, "Configuration", `<webhook_config>`).
pub fn payload(fired: &Fired, cluster: &str) -> Value {
    let mut labels = json!({});
    for (key, value) in &fired.labels {
        labels[*key] = json!(value);
    }
    labels["cluster"] = json!(cluster);
    labels["prometheus"] = json!("monitoring/k8s");
    let annotations = json!({
        "description": fired.description, "runbook_url": fired.runbook, "summary": fired.summary
    });
    let mut group = json!({ "alertname": labels["alertname"] });
    if let Some(namespace) = labels.get("namespace").cloned() {
        group["namespace"] = namespace;
    }
    json!({
        "version": "4",
        "groupKey": format!("{{}}/{{severity!=\"none\"}}:{}", group_text(&group)),
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "oncall-webhook",
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": format!("https://alertmanager.{cluster}.example.com"),
        "alerts": [{
            "status": "firing",
            "labels": labels,
            "annotations": annotations,
            "startsAt": format!("{:.3}", fired.starts_at),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": format!("https://prometheus.{cluster}.example.com/graph?g0.expr={}&g0.tab=1", encode(&fired.expression)),
            "fingerprint": fingerprint(&labels)
        }]
    })
}

fn group_text(group: &Value) -> String {
    let part = |key: &str| {
        group
            .get(key)
            .and_then(Value::as_str)
            .map(|value| format!("{key}=\"{value}\""))
    };
    let parts: Vec<String> = ["alertname", "namespace"].into_iter().filter_map(part).collect();
    format!("{{{}}}", parts.join(", "))
}

fn fingerprint(labels: &Value) -> String {
    hex::encode(Sha256::digest(labels.to_string().as_bytes()))
        .get(..16)
        .unwrap_or_default()
        .to_owned()
}

fn encode(expression: &str) -> String {
    expression
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
