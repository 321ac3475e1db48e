//! Pods that end: containers are stopped, then the API server forgets the pod. Must not know who deleted them.

use jiff::SignedDuration;
use serde_json::Value;

use super::show::say;
use crate::build::json::{items, text};
use crate::build::time;
use crate::simulate::reconcile::cluster::{Cluster, millis};

/// Stops the containers of a deleted pod, and removes it a little later.
pub(super) fn sync(cluster: &mut Cluster<'_>, pod: &Value) -> Option<SignedDuration> {
    if !items(pod, "/metadata/finalizers").is_empty() || !runs(cluster, text(pod, "/spec/nodeName")) {
        return None;
    }
    let Some(since) = stopped_at(cluster, pod) else {
        stop(cluster, pod);
        return Some(SignedDuration::from_secs(2));
    };
    if cluster.age_s(since) < 2 {
        return Some(millis(700));
    }
    // A pod that has not ended within a minute uses all the time that it was given.
    let until = time::parse(text(pod, "/metadata/deletionTimestamp")).unwrap_or(since);
    if cluster.age_s(since) > 60 && until > cluster.now() {
        return Some(until.duration_since(cluster.now()));
    }
    cluster.remove(pod);
    None
}

/// What a kubelet still says of a pod that is gone from the API.
pub(in super::super) fn buried(cluster: &mut Cluster<'_>, pod: &Value) {
    let (namespace, name) = (
        text(pod, "/metadata/namespace").to_owned(),
        text(pod, "/metadata/name").to_owned(),
    );
    if !text(pod, "/spec/nodeName").is_empty() && stopped_at(cluster, pod).is_none() {
        stop(cluster, pod);
    }
    for container in items(pod, "/spec/containers") {
        *cluster.log(&namespace, &name, text(container, "/name")) = crate::world::ContainerLog::default();
    }
    if let Some(metrics) = cluster.get("PodMetrics", &namespace, &name) {
        cluster.remove(&metrics);
    }
}

fn stop(cluster: &mut Cluster<'_>, pod: &Value) {
    let started: Vec<&Value> = items(pod, "/spec/containers")
        .iter()
        .filter(|container| {
            items(pod, "/status/containerStatuses").iter().any(|status| {
                text(status, "/name") == text(container, "/name") && status.pointer("/containerID").is_some()
            })
        })
        .collect();
    for container in started {
        let words = format!("Stopping container {}", text(container, "/name"));
        say(cluster, pod, container, "Killing", &words);
    }
}

/// When the kubelet began to stop the pod; a pod without containers is stopped at once.
fn stopped_at(cluster: &Cluster<'_>, pod: &Value) -> Option<jiff::Timestamp> {
    let has_containers = items(pod, "/status/containerStatuses")
        .iter()
        .any(|status| status.pointer("/containerID").is_some());
    if !has_containers {
        return Some(time::before(cluster.now(), 10));
    }
    cluster
        .world()
        .objects_of("", "Event", Some(text(pod, "/metadata/namespace")))
        .map(|(_, event)| event)
        .find(|event| {
            text(event, "/reason") == "Killing"
                && text(event, "/message").starts_with("Stopping container")
                && text(event, "/involvedObject/uid") == text(pod, "/metadata/uid")
        })
        .and_then(|event| time::parse(text(event, "/lastTimestamp")))
}

/// Whether the node's kubelet works.
pub(in super::super) fn runs(cluster: &Cluster<'_>, node: &str) -> bool {
    cluster.world().get("Node", "", node).is_some_and(|node| {
        items(node, "/status/conditions")
            .iter()
            .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
    })
}
