//! The scheduler: filters, a simple score, and its words for pods that fit nowhere (`pkg/scheduler`). Must not know
//! why a pod asks for what it asks.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::ailment::Trouble;
use super::claims;
use super::cluster::{Cluster, Note};
use super::scene::Scene;
use super::template::amount;
use crate::build::json::{entries, escape, flag, items, set, text};
use crate::build::object::KUBELET;
use crate::build::time;
use crate::world::World;

const COMPONENT: &str = "default-scheduler";

/// Binds a pod to a node, or says why none takes it.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let pod = cluster.get("Pod", namespace, name)?;
    if !text(&pod, "/spec/nodeName").is_empty() || pod.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    if !items(&pod, "/spec/schedulingGates").is_empty() {
        return None;
    }
    match choose(cluster.world(), &pod) {
        Err(message) => refuse(cluster, &pod, &message),
        Ok(node) => {
            let staged = scene
                .ailment(cluster.world(), &pod)
                .filter(|ailment| ailment.trouble == Trouble::Unschedulable);
            if let Some(message) = staged.and_then(|_| staged_words(cluster, scene, &pod)) {
                return refuse(cluster, &pod, &message);
            }
            if !claims::ready_on(cluster, &pod, &node) {
                return Some(SignedDuration::from_secs(1));
            }
            bind(cluster, &pod, &node);
            None
        }
    }
}

/// What the scheduler said of the pod that failed first.
fn staged_words(cluster: &Cluster<'_>, scene: &Scene, pod: &Value) -> Option<String> {
    let ailment = scene.ailment(cluster.world(), pod)?;
    Some(ailment.unschedulable())
}

fn bind(cluster: &mut Cluster<'_>, pod: &Value, node: &str) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let mut bound = pod.clone();
    set(&mut bound, "/spec/nodeName", json!(node));
    set(
        &mut bound,
        "/status/conditions",
        json!([crate::build::pod::condition("PodScheduled", cluster.now())]),
    );
    cluster.update(bound.clone(), KUBELET, &[]);
    cluster.note(&Note {
        object: pod,
        kind: "Normal",
        reason: "Scheduled",
        message: &format!("Successfully assigned {namespace}/{name} to {node}"),
        component: COMPONENT,
        field: "",
    });
}

fn refuse(cluster: &mut Cluster<'_>, pod: &Value, message: &str) -> Option<SignedDuration> {
    cluster.note(&Note {
        object: pod,
        kind: "Warning",
        reason: "FailedScheduling",
        message,
        component: COMPONENT,
        field: "",
    });
    let since = items(pod, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == "PodScheduled" && text(condition, "/status") == "False")
        .map_or_else(
            || time::seconds(cluster.now()),
            |condition| text(condition, "/lastTransitionTime").to_owned(),
        );
    let mut status = pod.get("status").cloned().unwrap_or_default();
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        "lastProbeTime": null, "lastTransitionTime": since
    });
    set(&mut status, "/conditions", json!([condition]));
    cluster.update_status(pod.clone(), status);
    Some(SignedDuration::from_secs(300))
}

/// The node that fits best, or the message of `FitError`.
fn choose(world: &World, pod: &Value) -> Result<String, String> {
    let nodes: Vec<&Value> = world.of_kind("Node").collect();
    let total = nodes.len();
    if let Err(reason) = claims::before_nodes(world, pod) {
        return Err(fit_error(total, &BTreeMap::from([(reason, total)]), true));
    }
    let pods: Vec<&Value> = world
        .objects_of("", "Pod", None)
        .map(|(_, pod)| pod)
        .filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .collect();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<((usize, usize, usize), String)> = None;
    for node in nodes {
        match refusal(world, pod, node, &pods) {
            Some(found) => {
                for reason in found {
                    *reasons.entry(reason).or_insert(0) += 1;
                }
            }
            None => {
                let name = text(node, "/metadata/name").to_owned();
                let score = crowd(pod, node, &pods);
                if best.as_ref().is_none_or(|(least, _)| score < *least) {
                    best = Some((score, name));
                }
            }
        }
    }
    best.map(|(_, name)| name)
        .ok_or_else(|| fit_error(total, &reasons, false))
}

/// `pkg/scheduler/framework/types.go`, `FitError.Error`, with the preemption's own message.
fn fit_error(total: usize, reasons: &BTreeMap<String, usize>, is_early: bool) -> String {
    let mut parts: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| {
            if is_early {
                reason.clone()
            } else {
                format!("{count} {reason}")
            }
        })
        .collect();
    parts.sort();
    let preemption = if reasons.keys().any(|reason| reason.starts_with("Insufficient")) && !is_early {
        "No preemption victims found for incoming pod."
    } else {
        "Preemption is not helpful for scheduling."
    };
    format!(
        "0/{total} nodes are available: {}. preemption: 0/{total} nodes are available: {total} {preemption}",
        parts.join(", ")
    )
}

/// Pods of the same controller in the node's zone and on the node, and all pods of the node.
fn crowd(pod: &Value, node: &Value, pods: &[&Value]) -> (usize, usize, usize) {
    let name = text(node, "/metadata/name");
    let owner = text(pod, "/metadata/ownerReferences/0/uid");
    let here = |other: &&&Value| text(other, "/spec/nodeName") == name;
    let own = pods
        .iter()
        .filter(here)
        .filter(|other| text(other, "/metadata/ownerReferences/0/uid") == owner)
        .count();
    let all = pods.iter().filter(here).count();
    (own, all, 0)
}

/// Why a node does not take a pod; `None` when it does.
fn refusal(world: &World, pod: &Value, node: &Value, pods: &[&Value]) -> Option<Vec<String>> {
    let spec = pod.get("spec").cloned().unwrap_or_default();
    if flag(node, "/spec/unschedulable") && !tolerates(&spec, &unschedulable()) {
        return Some(vec!["node(s) were unschedulable".to_owned()]);
    }
    let taint = items(node, "/spec/taints").iter().find(|taint| {
        matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute") && !tolerates(&spec, taint)
    });
    if let Some(taint) = taint {
        let words = format!(
            "node(s) had untolerated taint {{{}: {}}}",
            text(taint, "/key"),
            text(taint, "/value")
        );
        return Some(vec![words]);
    }
    if !fits_selector(&spec, node) {
        return Some(vec![
            "node(s) didn't match Pod's node affinity/selector".to_owned(),
        ]);
    }
    let mut lacking = insufficient(&spec, node, pods);
    if lacking.is_empty() {
        lacking.extend(claims::on_node(world, pod, node).err());
    }
    if lacking.is_empty() && !keeps_apart(pod, node, pods) {
        lacking.push("node(s) didn't match pod anti-affinity rules".to_owned());
    }
    (!lacking.is_empty()).then_some(lacking)
}

fn unschedulable() -> Value {
    json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" })
}

/// Whether a pod tolerates a taint.
pub(super) fn tolerates(spec: &Value, taint: &Value) -> bool {
    items(spec, "/tolerations").iter().any(|toleration| {
        let effect = text(toleration, "/effect");
        let key = text(toleration, "/key");
        let is_any = text(toleration, "/operator") == "Exists";
        (effect.is_empty() || effect == text(taint, "/effect"))
            && (key == text(taint, "/key") || key.is_empty() && is_any)
            && (is_any || text(toleration, "/value") == text(taint, "/value"))
    })
}

/// Whether a node has the labels that a pod asks for: nodeSelector and required node affinity.
pub(super) fn fits_selector(spec: &Value, node: &Value) -> bool {
    let label = |key: &str| node.pointer(&format!("/metadata/labels/{}", escape(key)));
    let plain = entries(spec, "/nodeSelector").all(|(key, value)| label(key) == Some(value));
    let terms = items(
        spec,
        "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    plain && (terms.is_empty() || terms.iter().any(|term| meets(term, node)))
}

/// Whether a node meets a term of a node selector.
pub(super) fn meets(term: &Value, node: &Value) -> bool {
    items(term, "/matchExpressions").iter().all(|expression| {
        let found = text(
            node,
            &format!("/metadata/labels/{}", escape(text(expression, "/key"))),
        );
        let has = node
            .pointer(&format!("/metadata/labels/{}", escape(text(expression, "/key"))))
            .is_some();
        let listed = items(expression, "/values").iter().any(|value| value == found);
        match text(expression, "/operator") {
            "In" => has && listed,
            "NotIn" => !listed,
            "Exists" => has,
            "DoesNotExist" => !has,
            _ => true,
        }
    })
}

/// Resources that a node has no room for, as `pkg/scheduler/framework/plugins/noderesources/fit.go` words them.
fn insufficient(spec: &Value, node: &Value, pods: &[&Value]) -> Vec<String> {
    let name = text(node, "/metadata/name");
    let here: Vec<&&Value> = pods
        .iter()
        .filter(|pod| text(pod, "/spec/nodeName") == name)
        .collect();
    let mut lacking = Vec::new();
    let most = node.pointer("/status/allocatable/pods").map_or(110.0, amount);
    if f64::from(u32::try_from(here.len()).unwrap_or(0)) + 1.0 > most {
        lacking.push("Too many pods".to_owned());
    }
    for (resource, wanted) in requests(spec) {
        let allocatable = node
            .pointer(&format!("/status/allocatable/{}", escape(&resource)))
            .map_or(0.0, amount);
        let used: f64 = here
            .iter()
            .filter_map(|pod| requests(pod.get("spec")?).remove(&resource))
            .sum();
        if wanted > 0.0 && used + wanted > allocatable {
            lacking.push(format!("Insufficient {resource}"));
        }
    }
    lacking
}

fn requests(spec: &Value) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for container in items(spec, "/containers") {
        let asked = if container.pointer("/resources/requests").is_some() {
            "/resources/requests"
        } else {
            "/resources/limits"
        };
        for (resource, value) in entries(container, asked) {
            *sums.entry(resource.clone()).or_insert(0.0) += amount(value);
        }
    }
    sums
}

/// Required pod anti-affinity, on any topology.
fn keeps_apart(pod: &Value, node: &Value, pods: &[&Value]) -> bool {
    let terms = items(
        pod,
        "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
    );
    terms.iter().all(|term| {
        let key = text(term, "/topologyKey");
        let here = text(node, &format!("/metadata/labels/{}", escape(key)));
        let selector = term
            .pointer("/labelSelector/matchLabels")
            .cloned()
            .unwrap_or_default();
        !pods.iter().any(|other| {
            let same_place = if key == "kubernetes.io/hostname" {
                text(other, "/spec/nodeName") == text(node, "/metadata/name")
            } else {
                !here.is_empty() && text(other, "/spec/nodeName") == text(node, "/metadata/name")
            };
            same_place
                && text(other, "/metadata/namespace") == text(pod, "/metadata/namespace")
                && other
                    .pointer("/metadata/labels")
                    .is_some_and(|labels| crate::build::service::selects(&selector, labels))
        })
    })
}
