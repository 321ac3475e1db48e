//! The DaemonSet controller (`pkg/controller/daemon`): one pod on each eligible node. Must not know what they do.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use super::pods::{RETRY, Wanted, create, delete, generated, is_active};
use super::revisions;
use super::scene::Scene;
use super::scheduler::fits_selector;
use super::template::share;
use crate::build::controller::REVISION_HASH;
use crate::build::json::{items, number, set, text};
use crate::build::service::is_ready;
use crate::build::template::with_label;
use crate::build::workload::Kind;

const COMPONENT: &str = "daemonset-controller";

/// Taints that the pods of every DaemonSet tolerate (`AddOrUpdateDaemonPodTolerations`).
const TOLERATED: &[&str] = &[
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/network-unavailable",
];

/// One look at the set, its pods and the nodes.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let parent = cluster.get("DaemonSet", namespace, name)?;
    if parent.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    let revision = revisions::current(cluster, &parent, Kind::DaemonSet);
    let hash = revision.rsplit_once('-').map_or("", |(_, hash)| hash).to_owned();
    let nodes = cluster.list("Node", "");
    let pods = cluster.owned("Pod", &parent);
    let mut again = None;
    for (index, node) in nodes.iter().enumerate() {
        let node_name = text(node, "/metadata/name");
        let here: Vec<&Value> = pods
            .iter()
            .filter(|pod| text(pod, "/spec/nodeName") == node_name)
            .collect();
        if !is_eligible(&parent, node) {
            here.iter().for_each(|pod| remove(cluster, &parent, pod));
        } else if here.is_empty() && !add(cluster, scene, &parent, (node_name, &hash), index) {
            again = Some(RETRY);
        } else {
            let over: Vec<&&Value> = here
                .iter()
                .filter(|pod| text(pod, "/status/phase") == "Failed")
                .collect();
            over.iter().for_each(|pod| remove(cluster, &parent, pod));
        }
    }
    update(cluster, &parent, &pods, &hash, nodes.len());
    count(cluster, &parent, &nodes, &hash);
    again
}

/// Whether a pod of the set shall run on the node.
fn is_eligible(parent: &Value, node: &Value) -> bool {
    let spec = parent.pointer("/spec/template/spec").cloned().unwrap_or_default();
    fits_selector(&spec, node)
        && items(node, "/spec/taints").iter().all(|taint| {
            TOLERATED.contains(&text(taint, "/key"))
                || text(taint, "/effect") == "PreferNoSchedule"
                || super::scheduler::tolerates(&spec, taint)
        })
}

/// Replaces pods of older templates: those that are not ready at once, others a few at a time.
fn update(cluster: &mut Cluster<'_>, parent: &Value, pods: &[Value], hash: &str, nodes: usize) {
    if text(parent, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let label = format!("/metadata/labels/{REVISION_HASH}");
    let total = i64::try_from(nodes).unwrap_or(0);
    let allowed = share(
        parent.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable"),
        total,
        true,
        1,
    )
    .max(1);
    let old: Vec<&Value> = pods
        .iter()
        .filter(|pod| is_active(pod) && text(pod, &label) != hash)
        .collect();
    let down = pods.iter().filter(|pod| !is_ready(pod)).count();
    let mut room = allowed - i64::try_from(down).unwrap_or(0);
    for pod in &old {
        if !is_ready(pod) {
            remove(cluster, parent, pod);
        } else if room > 0 {
            room -= 1;
            remove(cluster, parent, pod);
        }
    }
}

fn add(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    parent: &Value,
    (node, hash): (&str, &str),
    index: usize,
) -> bool {
    let stem = text(parent, "/metadata/name");
    let name = generated(cluster, stem, index);
    let plain = parent.pointer("/spec/template").cloned().unwrap_or_default();
    let template = with_label(&plain, REVISION_HASH, hash);
    let wanted = Wanted {
        parent,
        name: &name,
        template: &template,
        node,
        component: COMPONENT,
        message: format!("Created pod: {name}"),
    };
    let namespace = text(parent, "/metadata/namespace");
    let created = create(cluster, scene, &wanted);
    if let (true, Some(pod)) = (created, cluster.get("Pod", namespace, &name)) {
        let message = format!("Successfully assigned {namespace}/{name} to {node}");
        cluster.note(&Note {
            object: &pod,
            kind: "Normal",
            reason: "Scheduled",
            message: &message,
            component: "default-scheduler",
            field: "",
        });
    }
    created
}

fn remove(cluster: &mut Cluster<'_>, parent: &Value, pod: &Value) {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return;
    }
    let message = format!("Deleted pod: {}", text(pod, "/metadata/name"));
    cluster.note(&Note {
        object: parent,
        kind: "Normal",
        reason: "SuccessfulDelete",
        message: &message,
        component: COMPONENT,
        field: "",
    });
    delete(cluster, pod);
}

fn count(cluster: &mut Cluster<'_>, parent: &Value, nodes: &[Value], hash: &str) {
    let Some(parent) = cluster.get(
        "DaemonSet",
        text(parent, "/metadata/namespace"),
        text(parent, "/metadata/name"),
    ) else {
        return;
    };
    let pods: Vec<Value> = cluster
        .owned("Pod", &parent)
        .into_iter()
        .filter(is_active)
        .collect();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let label = format!("/metadata/labels/{REVISION_HASH}");
    let desired = nodes.iter().filter(|node| is_eligible(&parent, node)).count();
    let mut status = json!({
        "currentNumberScheduled": pods.len(), "desiredNumberScheduled": desired, "numberMisscheduled": 0,
        "numberReady": ready, "numberAvailable": ready,
        "updatedNumberScheduled": pods.iter().filter(|pod| text(pod, &label) == hash).count(),
        "observedGeneration": number(&parent, "/metadata/generation").max(1)
    });
    if desired > ready {
        set(&mut status, "/numberUnavailable", json!(desired - ready));
    }
    cluster.update_status(parent, status);
}
