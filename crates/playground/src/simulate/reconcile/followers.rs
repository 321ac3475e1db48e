//! What follows from pods without creating any: endpoints of Services and disruption budgets. Must not know why a pod
//! is not ready.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::build::json::{items, number, set, text};
use crate::build::object::CONTROLLER;
use crate::build::service::{endpoint_slice, endpoints as addresses, is_ready, selects};
use crate::build::time;

/// Endpoints and EndpointSlice of a Service.
pub(super) fn endpoints(cluster: &mut Cluster<'_>, namespace: &str, name: &str) -> Option<SignedDuration> {
    let service = cluster.get("Service", namespace, name)?;
    let selector = service.pointer("/spec/selector")?.clone();
    let matched = selected(cluster, namespace, &selector);
    let pods: Vec<&Value> = matched.iter().collect();
    let created = time::parse(text(&service, "/metadata/creationTimestamp")).unwrap_or(cluster.now());
    let nodes = cluster.list("Node", "");
    let zone = |node: &str| {
        nodes
            .iter()
            .find(|found| text(found, "/metadata/name") == node)
            .map(|found| text(found, "/metadata/labels/topology.kubernetes.io~1zone").to_owned())
            .unwrap_or_default()
    };
    let list = addresses(&cluster.stamp, &service, &pods, created);
    let known = cluster.get("Endpoints", namespace, name);
    replace(cluster, known, list, &["/subsets"]);
    let slice = endpoint_slice(&cluster.stamp, &service, &pods, &zone, created);
    let known = cluster
        .list("EndpointSlice", namespace)
        .into_iter()
        .find(|slice| text(slice, "/metadata/labels/kubernetes.io~1service-name") == name);
    replace(cluster, known, slice, &["/endpoints", "/ports"]);
    None
}

/// Takes the parts of the new object over into the known one, or creates it.
fn replace(cluster: &mut Cluster<'_>, known: Option<Value>, new: Value, parts: &[&str]) {
    let Some(mut known) = known else {
        cluster.create(new, CONTROLLER);
        return;
    };
    if parts.iter().all(|part| known.pointer(part) == new.pointer(part)) {
        return;
    }
    for part in parts {
        match new.pointer(part) {
            Some(value) => set(&mut known, part, value.clone()),
            None => crate::build::json::unset(&mut known, "", part.trim_start_matches('/')),
        }
    }
    cluster.update(known, CONTROLLER, parts);
}

/// The status of a disruption budget.
pub(super) fn budget(cluster: &mut Cluster<'_>, namespace: &str, name: &str) -> Option<SignedDuration> {
    let budget = cluster.get("PodDisruptionBudget", namespace, name)?;
    let selector = budget.pointer("/spec/selector/matchLabels")?.clone();
    let pods = selected(cluster, namespace, &selector);
    let healthy = i64::try_from(pods.iter().filter(|pod| is_ready(pod)).count()).unwrap_or(0);
    let allowed = (healthy - number(&budget, "/status/desiredHealthy")).max(0);
    let mut status = budget.get("status").cloned().unwrap_or_default();
    set(&mut status, "/currentHealthy", json!(healthy));
    set(&mut status, "/disruptionsAllowed", json!(allowed));
    if !items(&status, "/conditions").is_empty() {
        let (state, reason) = if allowed > 0 {
            ("True", "SufficientPods")
        } else {
            ("False", "InsufficientPods")
        };
        if text(&status, "/conditions/0/status") != state {
            let now = time::seconds(cluster.now());
            set(&mut status, "/conditions/0/lastTransitionTime", json!(now));
        }
        set(&mut status, "/conditions/0/status", json!(state));
        set(&mut status, "/conditions/0/reason", json!(reason));
    }
    cluster.update_status(budget, status);
    None
}

fn selected(cluster: &Cluster<'_>, namespace: &str, selector: &Value) -> Vec<Value> {
    cluster
        .list("Pod", namespace)
        .into_iter()
        .filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .filter(|pod| {
            pod.pointer("/metadata/labels")
                .is_some_and(|labels| selects(selector, labels))
        })
        .collect()
}
