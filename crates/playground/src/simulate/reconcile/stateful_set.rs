//! The StatefulSet controller (`pkg/controller/statefulset/stateful_set_control.go`): one after the other. A pod that
//! is not ready holds up all that follow, also its own update, as in a cluster: someone has to delete it.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use super::pods::{RETRY, Wanted, create, delete};
use super::revisions;
use super::scene::Scene;
use crate::build::controller::REVISION_HASH;
use crate::build::json::{items, number, push, set, text};
use crate::build::object::CONTROLLER;
use crate::build::service::is_ready;
use crate::build::template::with_label;
use crate::build::workload::Kind;

const COMPONENT: &str = "statefulset-controller";

/// One look at the set and its pods.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let parent = cluster.get("StatefulSet", namespace, name)?;
    if parent.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    let revision = revisions::current(cluster, &parent, Kind::StatefulSet);
    let again = steps(cluster, scene, &parent, &revision);
    count(cluster, &parent, &revision);
    again
}

/// Creates, replaces or removes at most one pod at a time where the policy is ordered.
fn steps(cluster: &mut Cluster<'_>, scene: &Scene, parent: &Value, revision: &str) -> Option<SignedDuration> {
    let name = text(parent, "/metadata/name");
    let wanted = number(parent, "/spec/replicas").max(0);
    let is_ordered = text(parent, "/spec/podManagementPolicy") != "Parallel";
    let pods = cluster.owned("Pod", parent);
    let pod = |ordinal: i64| {
        let wanted = format!("{name}-{ordinal}");
        pods.iter().find(|pod| text(pod, "/metadata/name") == wanted)
    };
    for ordinal in 0..wanted {
        match pod(ordinal) {
            None => {
                if !add(cluster, scene, parent, ordinal, revision) {
                    return Some(RETRY);
                }
                if is_ordered {
                    return None;
                }
            }
            Some(found) if matches!(text(found, "/status/phase"), "Failed" | "Succeeded") => {
                remove(cluster, parent, found);
                return None;
            }
            Some(found) if is_ordered && !is_ready(found) => return None,
            Some(_) => {}
        }
    }
    let mut condemned: Vec<&Value> = pods.iter().filter(|pod| ordinal_of(pod) >= wanted).collect();
    condemned.sort_by_key(|pod| std::cmp::Reverse(ordinal_of(pod)));
    for pod in condemned {
        remove(cluster, parent, pod);
        if is_ordered {
            return None;
        }
    }
    update(cluster, parent, &pods, revision);
    None
}

/// The rolling update, from the highest ordinal down to the partition.
fn update(cluster: &mut Cluster<'_>, parent: &Value, pods: &[Value], revision: &str) {
    if text(parent, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let partition = number(parent, "/spec/updateStrategy/rollingUpdate/partition");
    let mut ordered: Vec<&Value> = pods.iter().filter(|pod| ordinal_of(pod) >= partition).collect();
    ordered.sort_by_key(|pod| std::cmp::Reverse(ordinal_of(pod)));
    for pod in ordered {
        if text(pod, &format!("/metadata/labels/{REVISION_HASH}")) != revision {
            remove(cluster, parent, pod);
            return;
        }
        if !is_ready(pod) {
            return;
        }
    }
}

fn remove(cluster: &mut Cluster<'_>, parent: &Value, pod: &Value) {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return;
    }
    let message = format!(
        "delete Pod {} in StatefulSet {} successful",
        text(pod, "/metadata/name"),
        text(parent, "/metadata/name")
    );
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

fn add(cluster: &mut Cluster<'_>, scene: &Scene, parent: &Value, ordinal: i64, revision: &str) -> bool {
    let set_name = text(parent, "/metadata/name");
    let name = format!("{set_name}-{ordinal}");
    let mut template = parent.pointer("/spec/template").cloned().unwrap_or_default();
    for (key, value) in [
        (REVISION_HASH, revision.to_owned()),
        ("statefulset.kubernetes.io/pod-name", name.clone()),
        ("apps.kubernetes.io/pod-index", ordinal.to_string()),
    ] {
        template = with_label(&template, key, &value);
    }
    set(&mut template, "/spec/hostname", json!(name));
    set(
        &mut template,
        "/spec/subdomain",
        json!(text(parent, "/spec/serviceName")),
    );
    for claim in items(parent, "/spec/volumeClaimTemplates") {
        let volume = text(claim, "/metadata/name");
        let claim_name = format!("{volume}-{name}");
        make_claim(cluster, parent, claim, &claim_name);
        push(
            &mut template,
            "/spec/volumes",
            json!({ "name": volume, "persistentVolumeClaim": { "claimName": claim_name } }),
        );
    }
    let wanted = Wanted {
        parent,
        name: &name,
        template: &template,
        node: "",
        component: COMPONENT,
        message: format!("create Pod {name} in StatefulSet {set_name} successful"),
    };
    create(cluster, scene, &wanted)
}

fn make_claim(cluster: &mut Cluster<'_>, parent: &Value, template: &Value, name: &str) {
    let namespace = text(parent, "/metadata/namespace");
    if cluster
        .world()
        .get("PersistentVolumeClaim", namespace, name)
        .is_some()
    {
        return;
    }
    let labels = parent
        .pointer("/spec/selector/matchLabels")
        .cloned()
        .unwrap_or_default();
    let spec = template.get("spec").cloned().unwrap_or_default();
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name, "namespace": namespace, "labels": labels, "finalizers": ["kubernetes.io/pvc-protection"]
        },
        "spec": spec, "status": { "phase": "Pending" }
    });
    cluster.create(claim, CONTROLLER);
    let message = format!(
        "create Claim {name} Pod {} in StatefulSet {} success",
        name.split_once('-').map_or(name, |(_, pod)| pod),
        text(parent, "/metadata/name")
    );
    cluster.note(&Note {
        object: parent,
        kind: "Normal",
        reason: "SuccessfulCreate",
        message: &message,
        component: COMPONENT,
        field: "",
    });
}

fn count(cluster: &mut Cluster<'_>, parent: &Value, revision: &str) {
    let Some(parent) = cluster.get(
        "StatefulSet",
        text(parent, "/metadata/namespace"),
        text(parent, "/metadata/name"),
    ) else {
        return;
    };
    let pods = cluster.owned("Pod", &parent);
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let label = format!("/metadata/labels/{REVISION_HASH}");
    let updated = pods.iter().filter(|pod| text(pod, &label) == revision).count();
    let mut status = parent.get("status").cloned().unwrap_or_else(|| json!({}));
    let generation = number(&parent, "/metadata/generation").max(1);
    let is_done = updated == pods.len();
    for (field, value) in [
        ("observedGeneration", json!(generation)),
        ("replicas", json!(pods.len())),
        ("updatedReplicas", json!(updated)),
        (
            "currentReplicas",
            json!(if is_done { updated } else { pods.len() - updated }),
        ),
        ("availableReplicas", json!(ready)),
        ("readyReplicas", json!(ready)),
        ("updateRevision", json!(revision)),
    ] {
        set(&mut status, &format!("/{field}"), value);
    }
    if is_done || text(&status, "/currentRevision").is_empty() {
        set(&mut status, "/currentRevision", json!(revision));
    }
    if ready == 0 {
        crate::build::json::unset(&mut status, "", "readyReplicas");
    }
    cluster.update_status(parent, status);
}

fn ordinal_of(pod: &Value) -> i64 {
    text(pod, "/metadata/name")
        .rsplit_once('-')
        .and_then(|(_, ordinal)| ordinal.parse().ok())
        .unwrap_or(-1)
}
