//! Which nodes a pod may run on by its selector, affinity and tolerations, evaluated as the scheduler does
//! (`component-helpers/scheduling/corev1/nodeaffinity`, `ToleratesTaint`).

use cluster::{ClusterView, Object};
use serde_json::Value;

/// The nodes that carry what a pod asks for, and which of them are closed to it.
pub(in crate::detectors) struct Admission<'a> {
    /// Nodes whose labels match.
    pub(in crate::detectors) matching: Vec<&'a Object>,
    /// Of them, those that are cordoned.
    pub(in crate::detectors) cordoned: Vec<&'a Object>,
    /// Of them, those with a taint that the pod does not tolerate, with the taint.
    pub(in crate::detectors) tainted: Vec<(&'a Object, String)>,
}

impl<'a> Admission<'a> {
    pub(in crate::detectors) fn of(view: &'a ClusterView, pod: &Object) -> Self {
        let selector = pod.at("spec.nodeSelector").unwrap_or(&Value::Null);
        let matching: Vec<&Object> = view
            .of_kind("Node")
            .filter(|node| selects(selector, node) && has_affinity(pod, node))
            .collect();
        let (cordoned, open): (Vec<&Object>, Vec<&Object>) =
            matching.iter().partition(|node| node.is("spec.unschedulable"));
        let tainted = open
            .into_iter()
            .filter_map(|node| Some((node, untolerated(pod, node)?)))
            .collect();
        Self {
            matching,
            cordoned,
            tainted,
        }
    }
}

/// Whether a node carries all labels of a node selector.
pub(super) fn selects(selector: &Value, node: &Object) -> bool {
    selector.as_object().is_none_or(|wanted| {
        wanted
            .iter()
            .all(|(key, value)| label(node, key) == value.as_str())
    })
}

/// Whether any node has the label.
pub(super) fn has_label(view: &ClusterView, key: &str) -> bool {
    view.of_kind("Node").any(|node| label(node, key).is_some())
}

/// Number of values that a label has among the nodes.
pub(super) fn domains(view: &ClusterView, key: &str) -> usize {
    let values: std::collections::BTreeSet<&str> =
        view.of_kind("Node").filter_map(|node| label(node, key)).collect();
    values.len()
}

fn label<'a>(node: &'a Object, key: &str) -> Option<&'a str> {
    node.at("metadata.labels")?.get(key)?.as_str()
}

/// Required node affinity: any term, all of its expressions.
fn has_affinity(pod: &Object, node: &Object) -> bool {
    let terms = pod
        .list("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    terms.is_empty()
        || terms.iter().any(|term| {
            let all = |field: &str, value: &dyn Fn(&str) -> Option<String>| {
                term.get(field)
                    .and_then(Value::as_array)
                    .is_none_or(|list| list.iter().all(|one| holds(one, value)))
            };
            all("matchExpressions", &|key| label(node, key).map(str::to_owned))
                && all("matchFields", &|_| Some(node.name().to_owned()))
        })
}

fn holds(expression: &Value, value: &dyn Fn(&str) -> Option<String>) -> bool {
    let text = |field: &str| expression.get(field).and_then(Value::as_str).unwrap_or_default();
    let found = value(text("key"));
    let values = expression.get("values").and_then(Value::as_array);
    let is_among = found.as_deref().is_some_and(|found| {
        values.is_some_and(|values| values.iter().any(|value| value.as_str() == Some(found)))
    });
    let compares = |wanted: std::cmp::Ordering| {
        let bound = values.and_then(|values| values.first()?.as_str()?.parse::<i64>().ok());
        let number = found.as_deref().and_then(|found| found.parse::<i64>().ok());
        number
            .zip(bound)
            .is_some_and(|(number, bound)| number.cmp(&bound) == wanted)
    };
    match text("operator") {
        "In" => is_among,
        "NotIn" => !is_among,
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => compares(std::cmp::Ordering::Greater),
        "Lt" => compares(std::cmp::Ordering::Less),
        _ => false,
    }
}

/// The first hard taint of people (not of a node's condition) that the pod does not tolerate.
fn untolerated(pod: &Object, node: &Object) -> Option<String> {
    node.list("spec.taints")
        .iter()
        .find(|taint| {
            let text = |field: &str| taint.get(field).and_then(Value::as_str).unwrap_or_default();
            text("effect") != "PreferNoSchedule"
                && !text("key").starts_with("node.kubernetes.io/")
                && !pod
                    .list("spec.tolerations")
                    .iter()
                    .any(|toleration| tolerates(toleration, taint))
        })
        .map(|taint| {
            let text = |field: &str| taint.get(field).and_then(Value::as_str).unwrap_or_default();
            format!("{}={}:{}", text("key"), text("value"), text("effect"))
        })
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |of: &Value, field: &str| {
        of.get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let effect = text(toleration, "effect");
    let key = text(toleration, "key");
    (effect.is_empty() || effect == text(taint, "effect"))
        && (key.is_empty() || key == text(taint, "key"))
        && match text(toleration, "operator").as_str() {
            "Exists" => true,
            _ => text(toleration, "value") == text(taint, "value"),
        }
}
