//! The Deployment controller (`pkg/controller/deployment`). Must not know of pods.

mod rolling;
mod status;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note, owned_by};
use super::pods::is_active;
use super::template::{plain, same, share};
use crate::build::controller::{REVISION, replica_set};
use crate::build::json::{escape, flag, number, set, text, unset};
use crate::build::object::{CONTROLLER, annotate};

const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// A Deployment with its ReplicaSets.
pub(super) struct Family {
    pub(super) deployment: Value,
    /// The set of the present template.
    pub(super) new: Option<Value>,
    /// All others, oldest first.
    pub(super) old: Vec<Value>,
    pub(super) replicas: i64,
    pub(super) max_surge: i64,
    pub(super) max_unavailable: i64,
}

/// Brings ReplicaSets and status nearer to the spec.
pub(super) fn sync(cluster: &mut Cluster<'_>, namespace: &str, name: &str) -> Option<SignedDuration> {
    let deployment = cluster.get("Deployment", namespace, name)?;
    if deployment.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    let family = Family::of(cluster, deployment);
    if flag(&family.deployment, "/spec/paused") || family.is_scaled() {
        scale(cluster, &family);
    } else if text(&family.deployment, "/spec/strategy/type") == "Recreate" {
        recreate(cluster, &family);
    } else {
        let family = with_new_set(cluster, family);
        if !rolling::grow(cluster, &family) {
            rolling::shrink(cluster, &family);
        }
    }
    status::write(cluster, namespace, name)
}

impl Family {
    fn of(cluster: &Cluster<'_>, deployment: Value) -> Self {
        let mut sets = cluster.owned("ReplicaSet", &deployment);
        sets.sort_by_key(|set| (text(set, "/metadata/creationTimestamp").to_owned(), revision(set)));
        let template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
        let position = sets
            .iter()
            .position(|set| same(set.pointer("/spec/template").unwrap_or(&Value::Null), &template));
        let new = position.map(|index| sets.remove(index));
        let replicas = deployment
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(1);
        let rolling = |part: &str| deployment.pointer(&format!("/spec/strategy/rollingUpdate/{part}"));
        let is_recreate = text(&deployment, "/spec/strategy/type") == "Recreate";
        let mut max_surge = share(rolling("maxSurge"), replicas, true, (replicas + 3) / 4);
        let mut max_unavailable = share(rolling("maxUnavailable"), replicas, false, replicas / 4);
        if is_recreate {
            (max_surge, max_unavailable) = (0, replicas);
        } else if max_surge == 0 && max_unavailable == 0 {
            max_unavailable = 1;
        }
        Self {
            new,
            old: sets,
            replicas,
            max_surge,
            max_unavailable,
            deployment,
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.old.iter().chain(self.new.iter())
    }

    /// Pods that all ReplicaSets together shall have.
    pub(super) fn total(&self) -> i64 {
        self.all().map(|set| number(set, "/spec/replicas")).sum()
    }

    /// Whether someone changed the number of replicas since the sets were annotated with it.
    fn is_scaled(&self) -> bool {
        self.all()
            .filter(|set| number(set, "/spec/replicas") > 0)
            .filter_map(|set| annotation(set, DESIRED).parse::<i64>().ok())
            .any(|desired| desired != self.replicas)
    }
}

/// `pkg/controller/deployment/sync.go`, `scale`: the active set, or the largest of them, takes the difference.
fn scale(cluster: &mut Cluster<'_>, family: &Family) {
    let mut active: Vec<&Value> = family
        .all()
        .filter(|set| number(set, "/spec/replicas") > 0)
        .collect();
    active.sort_by_key(|set| number(set, "/spec/replicas"));
    let allowed = match active.len() {
        0 | 1 => family.replicas,
        _ if family.replicas > 0 => family.replicas + family.max_surge,
        _ => 0,
    };
    let latest = family.new.as_ref().or(family.old.last());
    let Some(first) = active.last().copied().or(latest) else {
        return;
    };
    let rest: i64 = family.total() - number(first, "/spec/replicas");
    for set in active {
        if text(set, "/metadata/name") == text(first, "/metadata/name") {
            continue;
        }
        let count = number(set, "/spec/replicas").min(allowed);
        resize(cluster, family, set, count);
    }
    resize(cluster, family, first, (allowed - rest).max(0));
}

/// Old pods go before new ones come.
fn recreate(cluster: &mut Cluster<'_>, family: &Family) {
    let mut has_old = false;
    for set in family.old.iter().filter(|set| number(set, "/spec/replicas") > 0) {
        resize(cluster, family, set, 0);
        has_old = true;
    }
    let runs = family
        .old
        .iter()
        .flat_map(|set| cluster.owned("Pod", set))
        .any(|pod| is_active(&pod) || pod.pointer("/metadata/deletionTimestamp").is_some());
    if has_old || runs {
        return;
    }
    let family = with_new_set(cluster, Family::of(cluster, family.deployment.clone()));
    if let Some(set) = &family.new {
        resize(cluster, &family, set, family.replicas);
    }
}

/// The family with a ReplicaSet for the present template, numbered as the latest revision.
fn with_new_set(cluster: &mut Cluster<'_>, family: Family) -> Family {
    let latest = family.old.iter().map(revision).max().unwrap_or(0) + 1;
    let deployment = family.deployment.clone();
    let current = match &family.new {
        Some(found) if revision(found) >= latest => revision(found),
        Some(found) => {
            let mut renumbered = found.clone();
            let before = revision(found).to_string();
            let history = match annotation(found, HISTORY) {
                "" => before,
                known => format!("{known},{before}"),
            };
            annotate(&mut renumbered, HISTORY, &history);
            annotate(&mut renumbered, REVISION, &latest.to_string());
            cluster.update_metadata(renumbered);
            latest
        }
        None => {
            let template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
            let room = (family.replicas + family.max_surge - family.total()).clamp(0, family.replicas);
            let made = new_set(cluster, &family, &template, room, latest);
            cluster.create(made, CONTROLLER);
            latest
        }
    };
    let mut numbered = deployment.clone();
    if annotation(&numbered, REVISION) != current.to_string() {
        annotate(&mut numbered, REVISION, &current.to_string());
        cluster.update_metadata(numbered);
    }
    let is_new = family.new.is_none();
    let fresh = cluster
        .get(
            "Deployment",
            text(&deployment, "/metadata/namespace"),
            text(&deployment, "/metadata/name"),
        )
        .unwrap_or(deployment);
    let family = Family::of(cluster, fresh);
    if let (true, Some(set)) = (is_new, &family.new) {
        scaled(cluster, &family, set, 0, number(set, "/spec/replicas"));
    }
    family
}

fn new_set(cluster: &Cluster<'_>, family: &Family, template: &Value, replicas: i64, revision: u64) -> Value {
    let count = usize::try_from(replicas).unwrap_or(0);
    let mut cleaned = template.clone();
    unset(&mut cleaned, "/metadata", "creationTimestamp");
    let mut made = replica_set(
        &cluster.stamp,
        &family.deployment,
        &cleaned,
        count,
        revision,
        cluster.now(),
    );
    let hash = crate::build::controller::template_hash(&cluster.stamp, &plain(template));
    let old = text(&made, "/metadata/labels/pod-template-hash").to_owned();
    for pointer in [
        "/metadata/labels/pod-template-hash",
        "/spec/selector/matchLabels/pod-template-hash",
        "/spec/template/metadata/labels/pod-template-hash",
    ] {
        set(&mut made, pointer, json!(hash));
    }
    let name = text(&made, "/metadata/name").replace(&old, &hash);
    set(&mut made, "/metadata/name", json!(name));
    set(
        &mut made,
        "/metadata/ownerReferences",
        owned_by(&family.deployment),
    );
    annotate(&mut made, DESIRED, &family.replicas.to_string());
    annotate(
        &mut made,
        MAXIMUM,
        &(family.replicas + family.max_surge).to_string(),
    );
    made
}

/// Sets how many pods a ReplicaSet shall have, and says so.
pub(super) fn resize(cluster: &mut Cluster<'_>, family: &Family, set_object: &Value, count: i64) {
    let before = number(set_object, "/spec/replicas");
    let desired = family.replicas.to_string();
    if before == count && annotation(set_object, DESIRED) == desired {
        return;
    }
    let mut resized = set_object.clone();
    annotate(&mut resized, DESIRED, &desired);
    annotate(
        &mut resized,
        MAXIMUM,
        &(family.replicas + family.max_surge).to_string(),
    );
    if before == count {
        cluster.update_metadata(resized);
        return;
    }
    set(&mut resized, "/spec/replicas", json!(count));
    cluster.update(resized, CONTROLLER, &["/spec/replicas"]);
    scaled(cluster, family, set_object, before, count);
}

fn scaled(cluster: &mut Cluster<'_>, family: &Family, set: &Value, from: i64, to: i64) {
    if from == to {
        return;
    }
    let direction = if to > from { "up" } else { "down" };
    let name = text(set, "/metadata/name");
    cluster.note(&Note {
        object: &family.deployment,
        kind: "Normal",
        reason: "ScalingReplicaSet",
        message: &format!("Scaled {direction} replica set {name} from {from} to {to}"),
        component: "deployment-controller",
        field: "",
    });
}

/// The revision that an object is annotated with.
pub(super) fn revision(object: &Value) -> u64 {
    annotation(object, REVISION).parse().unwrap_or(0)
}

fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    text(object, &format!("/metadata/annotations/{}", escape(key)))
}
