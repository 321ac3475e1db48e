//! The ReplicaSet controller (`pkg/controller/replicaset/replica_set.go`). Must not know of Deployments.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use super::pods::{RETRY, Wanted, create, delete, generated, is_active};
use super::scene::Scene;
use crate::build::json::{items, number, set, text};
use crate::build::service::is_ready;
use crate::build::time;

const COMPONENT: &str = "replicaset-controller";

/// Creates and deletes pods until there are as many as wanted.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let set = cluster.get("ReplicaSet", namespace, name)?;
    let pods: Vec<Value> = cluster.owned("Pod", &set).into_iter().filter(is_active).collect();
    let wanted = usize::try_from(number(&set, "/spec/replicas")).unwrap_or(0);
    let mut refused = None;
    if pods.len() < wanted {
        for index in 0..wanted - pods.len() {
            if !add(cluster, scene, &set, index) {
                refused = Some(RETRY);
                break;
            }
        }
    } else {
        for pod in surplus(&pods, pods.len() - wanted) {
            let message = format!("Deleted pod: {}", text(pod, "/metadata/name"));
            cluster.note(&Note {
                object: &set,
                kind: "Normal",
                reason: "SuccessfulDelete",
                message: &message,
                component: COMPONENT,
                field: "",
            });
            delete(cluster, pod);
        }
    }
    count(cluster, namespace, name, refused.is_some());
    refused
}

fn add(cluster: &mut Cluster<'_>, scene: &Scene, set: &Value, index: usize) -> bool {
    let name = generated(cluster, text(set, "/metadata/name"), index);
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let wanted = Wanted {
        parent: set,
        name: &name,
        template: &template,
        node: "",
        component: COMPONENT,
        message: format!("Created pod: {name}"),
    };
    create(cluster, scene, &wanted)
}

/// Pods to delete first: not scheduled, not ready, youngest (`ActivePodsWithRanks`).
fn surplus(pods: &[Value], count: usize) -> Vec<&Value> {
    let mut ranked: Vec<&Value> = pods.iter().collect();
    ranked.sort_by_key(|pod| {
        (
            !text(pod, "/spec/nodeName").is_empty(),
            text(pod, "/status/phase") == "Running",
            is_ready(pod),
            std::cmp::Reverse(number(pod, "/status/containerStatuses/0/restartCount")),
            std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned()),
        )
    });
    ranked.truncate(count);
    ranked
}

fn count(cluster: &mut Cluster<'_>, namespace: &str, name: &str, is_refused: bool) {
    let Some(set_object) = cluster.get("ReplicaSet", namespace, name) else {
        return;
    };
    let pods: Vec<Value> = cluster
        .owned("Pod", &set_object)
        .into_iter()
        .filter(is_active)
        .collect();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let mut status = json!({
        "replicas": pods.len(), "observedGeneration": number(&set_object, "/metadata/generation").max(1)
    });
    if !pods.is_empty() {
        set(&mut status, "/fullyLabeledReplicas", json!(pods.len()));
    }
    if ready > 0 {
        set(&mut status, "/readyReplicas", json!(ready));
        set(&mut status, "/availableReplicas", json!(ready));
    }
    let mut conditions = items(&set_object, "/status/conditions").to_vec();
    if !is_refused {
        conditions.retain(|condition| text(condition, "/type") != "ReplicaFailure");
    } else if conditions.is_empty() {
        conditions.push(json!({
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
            "lastTransitionTime": time::seconds(cluster.now())
        }));
    }
    if !conditions.is_empty() {
        set(&mut status, "/conditions", Value::Array(conditions));
    }
    cluster.update_status(set_object, status);
}
