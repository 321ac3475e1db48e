//! Which nodes a pod may run on by its selector, affinity, tolerations and requests, evaluated as the scheduler does
//! (`component-helpers/scheduling/corev1/nodeaffinity`, `ToleratesTaint`, `component-helpers/resource`). Must not
//! know which rule is to blame.

mod requests;

use cluster::{ClusterView, Object};
use serde_json::Value;

use self::requests::{Requests, of_pod, on_node};
use crate::detectors::quantity;

/// Why one node does not take a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal<'a> {
    /// The node.
    pub node: &'a Object,
    /// The reasons, in words; none when nothing that is computed here speaks against it.
    pub reasons: Vec<String>,
}

/// For each node that was read, why it does not take the pod: cordon, taints, selector and affinity, requests
/// against what the pods that were read leave of its allocatable resources, number of pods. Rules about other pods,
/// volumes and host ports are not computed.
pub fn refusals<'a>(view: &'a ClusterView, pod: &Object) -> Vec<Refusal<'a>> {
    let wanted = of_pod(pod);
    view.of_kind("Node")
        .map(|node| Refusal {
            node,
            reasons: reasons(view, pod, node, &wanted),
        })
        .collect()
}

fn reasons(view: &ClusterView, pod: &Object, node: &Object, wanted: &Requests) -> Vec<String> {
    let mut out = Vec::new();
    if node.is("spec.unschedulable") {
        out.push("cordoned".to_owned());
    }
    out.extend(hard_taint(pod, node, |_| true).map(|taint| format!("taint {taint} is not tolerated")));
    if !selects(pod.at("spec.nodeSelector").unwrap_or(&Value::Null), node) {
        out.push("lacks a label of spec.nodeSelector".to_owned());
    }
    if !has_affinity(pod, node) {
        out.push("does not fit the required node affinity".to_owned());
    }
    let taken = on_node(view, node);
    for (resource, amount) in wanted.iter().filter(|(_, amount)| **amount > 0.0) {
        let all = quantity(node.str(&format!("status.allocatable[{resource}]"))).unwrap_or(0.0);
        let free = all - taken.requests.get(resource).copied().unwrap_or(0.0);
        if *amount > free {
            out.push(format!(
                "insufficient {resource}: wants {}, {} of {} are free",
                requests::show(resource, *amount),
                requests::show(resource, free.max(0.0)),
                requests::show(resource, all)
            ));
        }
    }
    let most = quantity(node.str("status.allocatable.pods"));
    if let Some(most) = most.filter(|most| taken.pods as f64 >= *most) {
        out.push(format!("too many pods: {} of {most}", taken.pods));
    }
    out
}

/// The nodes that carry what a pod asks for, and which of them are closed to it.
pub(crate) struct Admission<'a> {
    /// Nodes whose labels match.
    pub(crate) matching: Vec<&'a Object>,
    /// Of them, those that are cordoned.
    pub(crate) cordoned: Vec<&'a Object>,
    /// Of them, those with a taint that the pod does not tolerate, with the taint.
    pub(crate) tainted: Vec<(&'a Object, String)>,
}

impl<'a> Admission<'a> {
    pub(crate) fn of(view: &'a ClusterView, pod: &Object) -> Self {
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
pub(crate) fn selects(selector: &Value, node: &Object) -> bool {
    selector.as_object().is_none_or(|wanted| {
        wanted
            .iter()
            .all(|(key, value)| label(node, key) == value.as_str())
    })
}

/// Whether any node has the label.
pub(crate) fn has_label(view: &ClusterView, key: &str) -> bool {
    view.of_kind("Node").any(|node| label(node, key).is_some())
}

/// Number of values that a label has among the nodes.
pub(crate) fn domains(view: &ClusterView, key: &str) -> usize {
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
    hard_taint(pod, node, |key| !key.starts_with("node.kubernetes.io/"))
}

/// The first taint that keeps the pod off the node, among those whose key is `counted`.
fn hard_taint(pod: &Object, node: &Object, counted: impl Fn(&str) -> bool) -> Option<String> {
    let text = |taint: &Value, field: &str| {
        let found = taint.get(field).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let tolerations = pod.list("spec.tolerations");
    node.list("spec.taints")
        .iter()
        .find(|taint| {
            text(taint, "effect") != "PreferNoSchedule"
                && counted(&text(taint, "key"))
                && !tolerations.iter().any(|toleration| tolerates(toleration, taint))
        })
        .map(|taint| {
            format!(
                "{}={}:{}",
                text(taint, "key"),
                text(taint, "value"),
                text(taint, "effect")
            )
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
