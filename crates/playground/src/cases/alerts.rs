//! Alertmanager payloads as kube-prometheus and a typical own rule produce them: symptoms only. Must not know
//! causes.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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

/// When a rule with `for: 15m` fires whose condition holds since `onset`; never after `now`.
pub fn after_fifteen_minutes(onset: Timestamp, now: Timestamp) -> Timestamp {
    time::after(onset, 930).min(time::before(now, 20))
}

fn rule(name: &str, severity: &str, labels: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let mut all = vec![("alertname", name.to_owned()), ("severity", severity.to_owned())];
    all.extend(labels);
    all
}

fn runbook(name: &str) -> String {
    format!(
        "https://runbooks.prometheus-operator.dev/runbooks/kubernetes/{}",
        name.to_lowercase()
    )
}

fn state_metrics() -> Vec<(&'static str, String)> {
    vec![
        ("job", "kube-state-metrics".to_owned()),
        ("endpoint", "http-metrics".to_owned()),
    ]
}

/// `KubePodCrashLooping` (kubernetes-mixin, `alerts/apps_alerts.libsonnet`).
pub fn crash_looping(
    namespace: &str,
    pod: &str,
    container: &str,
    cluster: &str,
    starts_at: Timestamp,
) -> Fired {
    let mut labels = vec![
        ("namespace", namespace.to_owned()),
        ("pod", pod.to_owned()),
        ("container", container.to_owned()),
        ("reason", "CrashLoopBackOff".to_owned()),
    ];
    labels.extend(state_metrics());
    Fired {
        labels: rule("KubePodCrashLooping", "warning", labels),
        description: format!(
            "Pod {namespace}/{pod} ({container}) is in waiting state (reason: \"CrashLoopBackOff\") on cluster {cluster}."
        ),
        summary: "Pod is crash looping.".to_owned(),
        runbook: runbook("KubePodCrashLooping"),
        starts_at,
        expression: "max_over_time(kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\", job=\"kube-state-metrics\"}[5m]) >= 1".to_owned(),
    }
}

/// `KubePodNotReady` (the same file).
pub fn pod_not_ready(namespace: &str, pod: &str, cluster: &str, starts_at: Timestamp) -> Fired {
    Fired {
        labels: rule(
            "KubePodNotReady",
            "warning",
            vec![("namespace", namespace.to_owned()), ("pod", pod.to_owned())],
        ),
        description: format!(
            "Pod {namespace}/{pod} has been in a non-ready state for longer than 15 minutes on cluster {cluster}."
        ),
        summary: "Pod has been in a non-ready state for more than 15 minutes.".to_owned(),
        runbook: runbook("KubePodNotReady"),
        starts_at,
        expression: "sum by (namespace, pod, cluster) (kube_pod_status_phase{job=\"kube-state-metrics\", phase=~\"Pending|Unknown|Failed\"}) > 0".to_owned(),
    }
}

/// `KubeDeploymentReplicasMismatch` or `KubeStatefulSetReplicasMismatch` (the same file).
pub fn replicas_mismatch(
    kind: &str,
    namespace: &str,
    name: &str,
    cluster: &str,
    starts_at: Timestamp,
) -> Fired {
    let (alert, label) = if kind == "StatefulSet" {
        ("KubeStatefulSetReplicasMismatch", "statefulset")
    } else {
        ("KubeDeploymentReplicasMismatch", "deployment")
    };
    let mut labels = vec![("namespace", namespace.to_owned()), (label, name.to_owned())];
    labels.extend(state_metrics());
    Fired {
        labels: rule(alert, "warning", labels),
        description: format!(
            "{kind} {namespace}/{name} has not matched the expected number of replicas for longer than 15 minutes on cluster {cluster}."
        ),
        summary: format!("{kind} has not matched the expected number of replicas."),
        runbook: runbook(alert),
        starts_at,
        expression: format!(
            "kube_{label}_status_replicas_ready{{job=\"kube-state-metrics\"}} != kube_{label}_spec_replicas{{job=\"kube-state-metrics\"}}"
        ),
    }
}

/// `KubeDeploymentRolloutStuck` (the same file).
pub fn rollout_stuck(namespace: &str, name: &str, cluster: &str, starts_at: Timestamp) -> Fired {
    let mut labels = vec![
        ("namespace", namespace.to_owned()),
        ("deployment", name.to_owned()),
    ];
    labels.extend(state_metrics());
    Fired {
        labels: rule("KubeDeploymentRolloutStuck", "warning", labels),
        description: format!(
            "Rollout of deployment {namespace}/{name} is not progressing for longer than 15 minutes on cluster {cluster}."
        ),
        summary: "Deployment rollout is not progressing.".to_owned(),
        runbook: runbook("KubeDeploymentRolloutStuck"),
        starts_at,
        expression: "kube_deployment_status_condition{condition=\"Progressing\", status=\"false\", job=\"kube-state-metrics\"} != 0".to_owned(),
    }
}

/// An own rule on the ingress's counters that names the front end whose answers fail.
pub fn high_error_rate(namespace: &str, service: &str, ingress: &str, starts_at: Timestamp) -> Fired {
    Fired {
        labels: rule(
            "HighErrorRate",
            "critical",
            vec![
                ("namespace", namespace.to_owned()),
                ("service", service.to_owned()),
                ("ingress", ingress.to_owned()),
            ],
        ),
        description: format!("More than 5% of the requests to {namespace}/{service} are answered with 5xx for 5 minutes."),
        summary: format!("High error rate on {service}"),
        runbook: "https://wiki.example.com/runbooks/high-error-rate".to_owned(),
        starts_at,
        expression: "sum by (namespace, service, ingress) (rate(nginx_ingress_controller_requests{status=~\"5..\"}[5m])) / sum by (namespace, service, ingress) (rate(nginx_ingress_controller_requests[5m])) > 0.05".to_owned(),
    }
}

/// `Watchdog` (kube-prometheus, `general_rules.libsonnet`): always fires.
pub fn watchdog(starts_at: Timestamp) -> Fired {
    Fired {
        labels: rule("Watchdog", "none", Vec::new()),
        description: "This is an alert meant to ensure that the entire alerting pipeline is functional.\nThis alert is always firing, therefore it should always be firing in Alertmanager\nand always fire against a receiver. There are integrations with various notification\nmechanisms that send a notification when this alert is not firing. For example the\n\"DeadMansSnitch\" integration in PagerDuty.\n".to_owned(),
        summary: "An alert that should always be firing to certify that Alertmanager is working properly.".to_owned(),
        runbook: "https://runbooks.prometheus-operator.dev/runbooks/general/watchdog".to_owned(),
        starts_at,
        expression: "vector(1)".to_owned(),
    }
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
