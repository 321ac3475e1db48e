//! Pods that no node takes because of a placement rule: the scheduler's reasons, checked against rules and nodes.

pub(super) mod nodes;

use std::collections::BTreeSet;

use cluster::{ClusterView, Object, changes};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use self::nodes::{Admission, domains, has_label};
use super::{Context, Detector};
use crate::detectors::finding::{SignalBuilder, event_fact, signal};
use crate::wording::{Place, Words, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "scheduling",
    mechanisms: &[SELECTOR, AFFINITY, ANTI, TAINT, CORDON, SPREAD, HOST_PORT],
    run,
};

const SELECTOR: &str = "image-and-deployment/scheduling-constraint-node-selector";
const AFFINITY: &str = "image-and-deployment/scheduling-constraint-affinity";
const ANTI: &str = "image-and-deployment/scheduling-constraint-anti-affinity";
const TAINT: &str = "image-and-deployment/scheduling-constraint-taint";
const CORDON: &str = "image-and-deployment/scheduling-constraint-cordon";
const SPREAD: &str = "image-and-deployment/scheduling-constraint-topology-spread";
const HOST_PORT: &str = "image-and-deployment/scheduling-constraint-host-port";

/// Reasons of other families: where one is given, the rule alone does not explain the wait
/// (`pkg/scheduler/framework/plugins/noderesources`, `volumebinding`, `nodevolumelimits`).
const OTHER_REASONS: &[&str] = &[
    "Insufficient ",
    "Too many pods",
    "olume",
    "PersistentVolumeClaim",
    "persistentvolumeclaim",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "-pressure",
];

/// A waiting pod and what is known of its rules.
struct Waiting<'a> {
    pod: &'a Object,
    workload: ObjectRef,
    message: &'a str,
    /// Fields of the template that the last revision changed.
    changed: Vec<String>,
}

/// What is the matter: the object to change, how sure, which field.
struct Finding {
    object: ObjectRef,
    mechanism: &'static str,
    certainty: f64,
    message: String,
    field: String,
    found: String,
    nodes: Vec<ObjectRef>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    if !view.has_list("Node", "") {
        return Vec::new();
    }
    let mut seen: BTreeSet<ObjectRef> = BTreeSet::new();
    let mut out = Vec::new();
    for pod in view.of_kind("Pod") {
        let message = said(view, pod);
        let workload = view.workload_of(pod);
        if message.is_empty() || !seen.insert(workload.clone()) {
            continue;
        }
        let changed = changed(view, &workload);
        let waiting = Waiting {
            pod,
            workload,
            message,
            changed,
        };
        out.extend(finding(view, &waiting).map(|found| build(view, &waiting, found)));
    }
    out
}

/// The scheduler's words about a pod that it cannot place.
fn said<'a>(view: &'a ClusterView, pod: &'a Object) -> &'a str {
    if pod.str("status.phase") != "Pending" || !pod.str("spec.nodeName").is_empty() {
        return "";
    }
    let condition = pod.str("status.conditions[PodScheduled].message");
    if !condition.is_empty() {
        return condition;
    }
    view.events_of(pod.reference())
        .into_iter()
        .rev()
        .find(|event| event.str("reason") == "FailedScheduling")
        .map_or("", |event| event.str("message"))
}

fn changed(view: &ClusterView, workload: &ObjectRef) -> Vec<String> {
    view.get_ref(workload)
        .and_then(|owner| changes::revisions(view, owner))
        .map(|revisions| revisions.diff().into_iter().map(|diff| diff.field).collect())
        .unwrap_or_default()
}

impl Waiting<'_> {
    fn says(&self, mechanism: &str) -> bool {
        means(
            Words {
                place: Place::Condition,
                reason: "Unschedulable",
                message: self.message,
            },
            mechanism,
        )
    }

    /// The field below `spec.template.spec` that the last revision changed, if its path holds one of the words.
    fn changed(&self, words: &[&str]) -> Option<&str> {
        self.changed
            .iter()
            .map(String::as_str)
            .find(|field| words.iter().any(|word| field.contains(word)))
    }

    fn own(&self, mechanism: &'static str, certainty: f64, field: &str, found: String, why: &str) -> Finding {
        Finding {
            object: self.workload.clone(),
            mechanism,
            certainty,
            message: format!("{} fits on no node: {why}", self.workload),
            field: format!("spec.template.{field}"),
            found,
            nodes: Vec::new(),
        }
    }
}

/// The most telling finding; one that other reasons of the scheduler accompany is not asserted.
fn finding(view: &ClusterView, waiting: &Waiting<'_>) -> Option<Finding> {
    let mixed = OTHER_REASONS
        .iter()
        .any(|reason| waiting.message.contains(reason));
    let mut found = by_nodes(view, waiting)
        .or_else(|| by_pods(view, waiting))
        .or_else(|| by_port(view, waiting))?;
    if mixed {
        found.certainty = found.certainty.min(0.5);
    }
    Some(found)
}

/// Rules about nodes: selector, affinity, taints, cordon.
fn by_nodes(view: &ClusterView, waiting: &Waiting<'_>) -> Option<Finding> {
    let admission = Admission::of(view, waiting.pod);
    if admission.matching.is_empty() {
        return unmatched(view, waiting);
    }
    let names =
        |nodes: &[&Object]| -> Vec<ObjectRef> { nodes.iter().map(|node| node.reference().clone()).collect() };
    let (cordoned, tainted) = (&admission.cordoned, &admission.tainted);
    if cordoned.len() + tainted.len() < admission.matching.len() {
        return None;
    }
    if waiting.says(CORDON) && tainted.is_empty() {
        let node = cordoned.first()?;
        return Some(Finding {
            object: node.reference().clone(),
            mechanism: CORDON,
            certainty: if cordoned.len() == 1 { 0.93 } else { 0.7 },
            message: format!(
                "{} may only run on {}, which is cordoned",
                waiting.workload,
                list(cordoned)
            ),
            field: "spec.unschedulable".to_owned(),
            found: "true".to_owned(),
            nodes: names(cordoned),
        });
    }
    let (node, taint) = tainted.first()?;
    let only = tainted.len() == 1 && cordoned.is_empty();
    let by_rollout = waiting.changed(&["tolerations", "nodeSelector", "nodeAffinity"]);
    let all: Vec<&Object> = tainted.iter().map(|(node, _)| *node).collect();
    let (object, certainty) = match (only, by_rollout) {
        (_, Some(_)) => (waiting.workload.clone(), 0.85),
        (true, None) => (node.reference().clone(), 0.92),
        (false, None) => (waiting.workload.clone(), 0.6),
    };
    Some(Finding {
        object,
        mechanism: TAINT,
        certainty,
        message: format!(
            "{} may only run on {}, which carries the taint {taint} that it does not tolerate",
            waiting.workload,
            list(&all)
        ),
        field: "spec.taints".to_owned(),
        found: taint.clone(),
        nodes: names(&all),
    })
}

/// No node carries the labels that the pod asks for.
fn unmatched(view: &ClusterView, waiting: &Waiting<'_>) -> Option<Finding> {
    if !waiting.says(SELECTOR) {
        return None;
    }
    let wanted = waiting.pod.at("spec.nodeSelector").unwrap_or(&Value::Null);
    let by_selector = !view.of_kind("Node").any(|node| nodes::selects(wanted, node));
    let (mechanism, field, words): (_, _, &[&str]) = if by_selector {
        (SELECTOR, "spec.nodeSelector", &["nodeSelector"])
    } else {
        (AFFINITY, "spec.affinity.nodeAffinity", &["nodeAffinity"])
    };
    let certainty = if waiting.changed(words).is_some() {
        0.95
    } else {
        0.65
    };
    let found = waiting.pod.at(field).map(ToString::to_string).unwrap_or_default();
    let why = format!("{field} asks for {found}, which no node has");
    Some(waiting.own(mechanism, certainty, field, found, &why))
}

/// Rules about other pods: anti-affinity, topology spread.
fn by_pods(view: &ClusterView, waiting: &Waiting<'_>) -> Option<Finding> {
    let pod = waiting.pod;
    if waiting.says(ANTI) {
        let rule = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution";
        let term = pod.list(rule).first()?;
        let key = term
            .get("topologyKey")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let places = domains(view, key);
        let wanted = view
            .get_ref(&waiting.workload)
            .map_or(0, |workload| workload.int("spec.replicas"));
        let crowded = i64::try_from(places).is_ok_and(|places| wanted > places);
        let certainty = match (waiting.changed(&["podAntiAffinity"]), crowded) {
            (Some(_), _) => 0.93,
            (None, true) => 0.88,
            (None, false) => 0.6,
        };
        let why = format!(
            "its required anti-affinity by {key} leaves no place: there are {places}, and {wanted} replicas are wanted"
        );
        return Some(waiting.own(
            ANTI,
            certainty,
            "spec.affinity.podAntiAffinity",
            key.to_owned(),
            &why,
        ));
    }
    if !waiting.says(SPREAD) {
        return None;
    }
    let hard = pod
        .list("spec.topologySpreadConstraints")
        .iter()
        .filter(|rule| rule.get("whenUnsatisfiable").and_then(Value::as_str) == Some("DoNotSchedule"))
        .filter_map(|rule| rule.get("topologyKey").and_then(Value::as_str));
    let keys: Vec<&str> = hard.collect();
    let missing = keys.iter().find(|key| !has_label(view, key));
    let key = missing.or_else(|| keys.first())?;
    let certainty = match (missing, waiting.changed(&["topologySpreadConstraints"])) {
        (Some(_), _) => 0.95,
        (None, Some(_)) => 0.88,
        (None, None) => 0.6,
    };
    let why = match missing {
        Some(key) => format!("its spread constraint is over {key}, a label that no node has"),
        None => format!("its hard spread constraint over {key} would be broken on every free node"),
    };
    Some(waiting.own(
        SPREAD,
        certainty,
        "spec.topologySpreadConstraints",
        (*key).to_owned(),
        &why,
    ))
}

/// A host port that is taken on every node.
fn by_port(view: &ClusterView, waiting: &Waiting<'_>) -> Option<Finding> {
    if !waiting.says(HOST_PORT) {
        return None;
    }
    let port = waiting.pod.list("spec.containers").iter().find_map(|container| {
        container
            .get("ports")?
            .as_array()?
            .iter()
            .find_map(|port| port.get("hostPort")?.as_i64())
    })?;
    let wanted = view
        .get_ref(&waiting.workload)
        .map_or(0, |workload| workload.int("spec.replicas"));
    let nodes = view.of_kind("Node").count();
    let certainty = if waiting.changed(&["hostPort", "hostNetwork"]).is_some() {
        0.93
    } else if i64::try_from(nodes).is_ok_and(|nodes| wanted > nodes) {
        0.88
    } else {
        0.6
    };
    let why = format!("it asks for host port {port}, which is taken on all nodes that it may run on");
    let field = "spec.containers.ports.hostPort";
    Some(waiting.own(HOST_PORT, certainty, field, port.to_string(), &why))
}

fn list(nodes: &[&Object]) -> String {
    let names: Vec<String> = nodes
        .iter()
        .take(3)
        .map(|node| node.reference().to_string())
        .collect();
    names.join(", ")
}

fn build(view: &ClusterView, waiting: &Waiting<'_>, found: Finding) -> Signal {
    let pod = waiting.pod;
    let mut built: SignalBuilder = signal("scheduling", &found.object, &found.message)
        .mechanism(found.mechanism, found.certainty)
        .severity(Severity::Critical)
        .onset(
            pod.time("status.conditions[PodScheduled].lastTransitionTime")
                .or(pod.created()),
        )
        .affects([pod.reference().clone(), waiting.workload.clone()])
        .params(&found.field, &found.found, None)
        .facts(
            pod,
            [
                "status.conditions[PodScheduled].message",
                "spec.nodeSelector",
                "spec.affinity",
                "spec.tolerations",
            ],
        );
    if let Some(owner) = view.get_ref(&waiting.workload) {
        built = built.facts(owner, [found.field.as_str(), "spec.replicas"]);
    }
    for node in found.nodes.iter().filter_map(|node| view.get_ref(node)).take(3) {
        built = built.facts(node, ["spec.unschedulable", "spec.taints"]);
    }
    let events = view.events_of(pod.reference());
    if let Some(event) = events
        .iter()
        .rev()
        .find(|event| event.str("reason") == "FailedScheduling")
    {
        built = built.fact(Some(event_fact(event)));
    }
    built.build()
}
