//! Counts and conditions of a Deployment (`pkg/controller/deployment/progress.go`). Must not know how it scales.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Family, revision};
use crate::build::controller::{condition, in_order_of_change};
use crate::build::json::{flag, items, number, set, text};
use crate::build::time;
use crate::simulate::reconcile::cluster::Cluster;

const UNAVAILABLE: &str = "Deployment does not have minimum availability.";

/// Writes the status; says when to look again at the deadline.
pub(super) fn write(cluster: &mut Cluster<'_>, namespace: &str, name: &str) -> Option<SignedDuration> {
    let deployment = cluster.get("Deployment", namespace, name)?;
    let family = Family::of(cluster, deployment);
    let old = family.deployment.get("status").cloned().unwrap_or_default();
    let sum = |pointer: &str| family.all().map(|set| number(set, pointer)).sum::<i64>();
    let (replicas, ready) = (sum("/status/replicas"), sum("/status/readyReplicas"));
    let available = sum("/status/availableReplicas");
    let updated = family
        .new
        .as_ref()
        .map_or(0, |new| number(new, "/status/replicas"));
    let mut status =
        json!({ "observedGeneration": number(&family.deployment, "/metadata/generation").max(1) });
    let counts = [
        ("replicas", replicas),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", sum("/spec/replicas") - available),
    ];
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        set(&mut status, &format!("/{field}"), json!(count));
    }
    let progressing = progress(cluster, &family, &old, &status);
    let enough = available >= family.replicas - family.max_unavailable;
    let availability = if enough {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        ("False", "MinimumReplicasUnavailable", UNAVAILABLE)
    };
    let is_progressing = text(&progressing, "/status") == "True";
    let mut conditions = vec![
        renewed(cluster, &old, "Available", availability, false),
        progressing,
    ];
    in_order_of_change(&mut conditions);
    set(&mut status, "/conditions", json!(conditions));
    let is_complete = is_complete(&family, &status);
    cluster.update_status(family.deployment.clone(), status.clone());
    if is_complete {
        forget_history(cluster, &family);
        return None;
    }
    let deadline = number(&family.deployment, "/spec/progressDeadlineSeconds").max(60);
    is_progressing.then(|| SignedDuration::from_secs(deadline / 10))
}

fn is_complete(family: &Family, status: &Value) -> bool {
    ["/updatedReplicas", "/replicas", "/availableReplicas"]
        .iter()
        .all(|pointer| number(status, pointer) == family.replicas)
}

/// The Progressing condition after this look.
fn progress(cluster: &Cluster<'_>, family: &Family, old: &Value, status: &Value) -> Value {
    let name = family
        .new
        .as_ref()
        .map(|set| text(set, "/metadata/name"))
        .unwrap_or_default();
    let found = items(old, "/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == "Progressing");
    if flag(&family.deployment, "/spec/paused") {
        let paused = ("Unknown", "DeploymentPaused", "Deployment is paused");
        return renewed(cluster, old, "Progressing", paused, false);
    }
    let was = found
        .map(|condition| text(condition, "/reason"))
        .unwrap_or_default();
    if was == "DeploymentPaused" {
        let resumed = ("Unknown", "DeploymentResumed", "Deployment is resumed");
        return renewed(cluster, old, "Progressing", resumed, true);
    }
    if is_complete(family, status) {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        let is_new = found.is_none_or(|condition| text(condition, "/message") != message);
        return renewed(
            cluster,
            old,
            "Progressing",
            ("True", "NewReplicaSetAvailable", &message),
            is_new,
        );
    }
    let rose = |pointer: &str| number(status, pointer) > number(old, pointer);
    let outdated = |status: &Value| number(status, "/replicas") - number(status, "/updatedReplicas");
    let moved = rose("/updatedReplicas")
        || rose("/readyReplicas")
        || rose("/availableReplicas")
        || outdated(status) < outdated(old);
    if moved || found.is_none() {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        return renewed(
            cluster,
            old,
            "Progressing",
            ("True", "ReplicaSetUpdated", &message),
            true,
        );
    }
    let updated = found
        .and_then(|condition| time::parse(text(condition, "/lastUpdateTime")))
        .unwrap_or(cluster.now());
    let deadline = number(&family.deployment, "/spec/progressDeadlineSeconds").max(1);
    if was != "NewReplicaSetAvailable" && cluster.age_s(updated) > deadline {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        return renewed(
            cluster,
            old,
            "Progressing",
            ("False", "ProgressDeadlineExceeded", &message),
            false,
        );
    }
    found.cloned().unwrap_or_default()
}

/// A condition whose times change only with its status, or when it is touched.
fn renewed(
    cluster: &Cluster<'_>,
    old: &Value,
    kind: &str,
    (state, reason, message): (&str, &str, &str),
    touch: bool,
) -> Value {
    let found = items(old, "/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind);
    let now = cluster.now();
    let Some(found) = found else {
        return condition(kind, state, reason, message, now, now);
    };
    let same = text(found, "/status") == state;
    if same && !touch && text(found, "/reason") == reason {
        return found.clone();
    }
    let since = if same {
        time::parse(text(found, "/lastTransitionTime")).unwrap_or(now)
    } else {
        now
    };
    condition(kind, state, reason, message, since, now)
}

/// Old ReplicaSets beyond the revision history limit go.
fn forget_history(cluster: &mut Cluster<'_>, family: &Family) {
    let limit = family
        .deployment
        .pointer("/spec/revisionHistoryLimit")
        .and_then(Value::as_u64)
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(10);
    let mut idle: Vec<&Value> = family
        .old
        .iter()
        .filter(|set| number(set, "/spec/replicas") == 0 && number(set, "/status/replicas") == 0)
        .collect();
    idle.sort_by_key(|set| revision(set));
    let surplus = idle.len().saturating_sub(limit);
    for set in idle.into_iter().take(surplus) {
        cluster.remove(set);
    }
}
