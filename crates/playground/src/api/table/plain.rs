//! The columns of small kinds: configuration, namespaces, quotas, leases, admission.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, name};
use crate::build::json::{entries, flag, items, number, scalar, text};

/// The printer of a small kind.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("", "ConfigMap") => ("Name,Data:integer,Age", config_map),
        ("", "Secret") => ("Name,Type,Data:integer,Age", secret),
        ("", "Namespace") => ("Name,Status,Age", namespace),
        ("", "ResourceQuota") => ("Name,Request,Limit,Age", quota),
        ("", "LimitRange") => ("Name,Created At", created_at),
        ("coordination.k8s.io", "Lease") => ("Name,Holder,Age", lease),
        ("scheduling.k8s.io", "PriorityClass") => (
            "Name,Value:integer,Global-Default:boolean,Age,PreemptionPolicy",
            priority_class,
        ),
        ("admissionregistration.k8s.io", _) => ("Name,Webhooks:integer,Age", webhooks),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => ("Name,Created At", created_at),
        _ => return None,
    };
    Some(found)
}

fn config_map(object: &Value, now: Timestamp) -> Vec<Value> {
    let keys = entries(object, "/data").count() + entries(object, "/binaryData").count();
    vec![name(object), json!(keys), age(object, now)]
}

fn secret(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(text(object, "/type")),
        json!(entries(object, "/data").count()),
        age(object, now),
    ]
}

fn namespace(object: &Value, now: Timestamp) -> Vec<Value> {
    let phase = text(object, "/status/phase");
    vec![
        name(object),
        json!(if phase.is_empty() { "Active" } else { phase }),
        age(object, now),
    ]
}

/// `used/hard` per resource, requests and limits apart.
fn quota(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut pairs: Vec<(String, String)> = entries(object, "/status/hard")
        .map(|(resource, hard)| {
            let used = scalar(
                object,
                &format!("/status/used/{}", resource.replace('~', "~0").replace('/', "~1")),
            );
            (
                resource.clone(),
                format!("{resource}: {used}/{}", hard.as_str().unwrap_or_default()),
            )
        })
        .collect();
    pairs.sort();
    let (limits, requests): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(resource, _)| resource.starts_with("limits."));
    let join = |pairs: Vec<(String, String)>| {
        json!(
            pairs
                .into_iter()
                .map(|(_, shown)| shown)
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    vec![name(object), join(requests), join(limits), age(object, now)]
}

fn created_at(object: &Value, _now: Timestamp) -> Vec<Value> {
    vec![name(object), json!(text(object, "/metadata/creationTimestamp"))]
}

fn lease(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(text(object, "/spec/holderIdentity")),
        age(object, now),
    ]
}

fn priority_class(object: &Value, now: Timestamp) -> Vec<Value> {
    let preemption = text(object, "/preemptionPolicy");
    vec![
        name(object),
        json!(number(object, "/value")),
        json!(flag(object, "/globalDefault")),
        age(object, now),
        json!(if preemption.is_empty() {
            "PreemptLowerPriority"
        } else {
            preemption
        }),
    ]
}

fn webhooks(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(items(object, "/webhooks").len()),
        age(object, now),
    ]
}
