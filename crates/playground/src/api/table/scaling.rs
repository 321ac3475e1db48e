//! The columns of autoscalers and disruption budgets.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, name};
use crate::build::json::{items, number, text};

/// The printer of a scaling kind.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("autoscaling", "HorizontalPodAutoscaler") => (
            "Name,Reference,Targets,MinPods,MaxPods:integer,Replicas:integer,Age",
            autoscaler,
        ),
        ("policy", "PodDisruptionBudget") => (
            "Name,Min Available,Max Unavailable,Allowed Disruptions:integer,Age",
            disruption_budget,
        ),
        _ => return None,
    };
    Some(found)
}

fn autoscaler(object: &Value, now: Timestamp) -> Vec<Value> {
    let reference = format!(
        "{}/{}",
        text(object, "/spec/scaleTargetRef/kind"),
        text(object, "/spec/scaleTargetRef/name")
    );
    let minimum = object.pointer("/spec/minReplicas").and_then(Value::as_i64);
    vec![
        name(object),
        json!(reference),
        json!(targets(object)),
        json!(minimum.map_or_else(|| "<unset>".to_owned(), |minimum| minimum.to_string())),
        json!(number(object, "/spec/maxReplicas")),
        json!(number(object, "/status/currentReplicas")),
        age(object, now),
    ]
}

/// The `TARGETS` cell: current against wanted for the first two metrics.
fn targets(object: &Value) -> String {
    let wanted = items(object, "/spec/metrics");
    if wanted.is_empty() {
        return "<none>".to_owned();
    }
    let current = items(object, "/status/currentMetrics");
    let shown: Vec<String> = wanted
        .iter()
        .take(2)
        .enumerate()
        .map(|(index, metric)| target(metric, current.get(index)))
        .collect();
    let more = if wanted.len() > 2 {
        format!(" + {} more...", wanted.len() - 2)
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

fn target(metric: &Value, current: Option<&Value>) -> String {
    let source = match text(metric, "/type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return "<unknown type>".to_owned(),
    };
    let current =
        |field: &str| current.and_then(|metric| metric.pointer(&format!("/{source}/current/{field}")));
    let quantity = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(wanted) = metric.pointer(&format!("/{source}/target/averageUtilization")) {
        let found = current("averageUtilization")
            .map_or_else(|| "<unknown>".to_owned(), |percent| format!("{percent}%"));
        return format!("{}: {found}/{wanted}%", text(metric, &format!("/{source}/name")))
            .trim_start_matches(": ")
            .to_owned();
    }
    let (field, suffix) = if metric
        .pointer(&format!("/{source}/target/averageValue"))
        .is_some()
    {
        (
            "averageValue",
            if matches!(source, "object" | "external") {
                " (avg)"
            } else {
                ""
            },
        )
    } else {
        ("value", "")
    };
    let found = current(field).map_or_else(|| "<unknown>".to_owned(), quantity);
    let wanted = metric
        .pointer(&format!("/{source}/target/{field}"))
        .map(quantity)
        .unwrap_or_default();
    let prefix = if source == "resource" {
        format!("{}: ", text(metric, "/resource/name"))
    } else {
        String::new()
    };
    format!("{prefix}{found}/{wanted}{suffix}")
}

fn disruption_budget(object: &Value, now: Timestamp) -> Vec<Value> {
    let bound = |pointer: &str| match object.pointer(pointer) {
        Some(Value::String(percent)) => json!(percent),
        Some(Value::Number(count)) => json!(count.to_string()),
        _ => json!("N/A"),
    };
    vec![
        name(object),
        bound("/spec/minAvailable"),
        bound("/spec/maxUnavailable"),
        json!(number(object, "/status/disruptionsAllowed")),
        age(object, now),
    ]
}
