//! How controllers make and end pods. Must not know which controller asks.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note, owned_by};
use super::scene::Scene;
use crate::build::json::{set, text};
use crate::build::object::CONTROLLER;
use crate::build::pod::{Placement, pending};
use crate::build::time;

/// How long a controller waits after it could not create a pod.
pub(super) const RETRY: SignedDuration = SignedDuration::from_secs(20);

/// What a controller wants to create.
pub(super) struct Wanted<'a> {
    pub(super) parent: &'a Value,
    pub(super) name: &'a str,
    pub(super) template: &'a Value,
    /// The node that it is bound to from the start, `""` for none.
    pub(super) node: &'a str,
    pub(super) component: &'a str,
    /// The message of `SuccessfulCreate`.
    pub(super) message: String,
}

/// Creates a pod; false when it was refused.
pub(super) fn create(cluster: &mut Cluster<'_>, scene: &Scene, wanted: &Wanted<'_>) -> bool {
    if let Some(message) = scene.refusal(cluster.world(), wanted.parent) {
        cluster.note(&Note {
            object: wanted.parent,
            kind: "Warning",
            reason: "FailedCreate",
            message,
            component: wanted.component,
            field: "",
        });
        return false;
    }
    let place = Placement {
        namespace: text(wanted.parent, "/metadata/namespace"),
        name: wanted.name,
        owner: owned_by(wanted.parent),
        node: (!wanted.node.is_empty()).then_some((wanted.node, "")),
        address: "",
        created: cluster.now(),
    };
    let mut pod = pending(&cluster.stamp, wanted.template, &place, "");
    let status = json!({ "phase": "Pending", "qosClass": pod.pointer("/status/qosClass") });
    set(&mut pod, "/status", status);
    cluster.create(pod, CONTROLLER);
    cluster.note(&Note {
        object: wanted.parent,
        kind: "Normal",
        reason: "SuccessfulCreate",
        message: &wanted.message,
        component: wanted.component,
        field: "",
    });
    true
}

/// A generated name.
pub(super) fn generated(cluster: &Cluster<'_>, stem: &str, salt: usize) -> String {
    let seed = format!("pod/{stem}/{}/{salt}", cluster.now());
    format!("{stem}-{}", cluster.stamp.suffix(&seed, 5))
}

/// Asks the kubelet to end a pod, or removes one that no kubelet has.
pub(super) fn delete(cluster: &mut Cluster<'_>, pod: &Value) {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return;
    }
    if text(pod, "/spec/nodeName").is_empty() {
        cluster.remove(pod);
        return;
    }
    let mut marked = pod.clone();
    let grace = crate::build::json::number(pod, "/spec/terminationGracePeriodSeconds").max(0);
    let until = time::after(cluster.now(), grace);
    set(
        &mut marked,
        "/metadata/deletionTimestamp",
        json!(time::seconds(until)),
    );
    set(&mut marked, "/metadata/deletionGracePeriodSeconds", json!(grace));
    cluster.update(marked, CONTROLLER, &[]);
}

/// A pod that counts for its controller: neither ending nor over (`IsPodActive`).
pub(super) fn is_active(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_none()
        && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}
