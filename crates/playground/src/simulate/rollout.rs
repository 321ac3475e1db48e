//! What the Deployment controller does when a pod template changes. Must not know whether the change is good.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::spawn;
use crate::build::controller::{REVISION, condition, replica_set};
use crate::build::event::{Happening, record};
use crate::build::json::{escape, items, number, set, text};
use crate::build::metrics::Metrics;
use crate::build::object::{Author, CONTROLLER, annotate};
use crate::build::time;
use crate::build::workload::Workload;
use crate::shop::{Shop, telemetry};
use crate::world::{LogKey, World};

/// Who changes which Deployment, and when.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name of the Deployment.
    pub name: &'a str,
    /// Field manager.
    pub author: Author,
    /// When the template changed.
    pub at: Timestamp,
    /// Whether the new pods become ready, so that the rollout completes.
    pub completes: bool,
}

impl<'a> Change<'a> {
    /// A change by whoever delivers the workload.
    pub fn of(workload: &'a Workload, at: Timestamp, completes: bool) -> Self {
        Self {
            namespace: &workload.namespace,
            name: &workload.name,
            author: workload.delivery.author(),
            at,
            completes,
        }
    }
}

/// What a rollout left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolled {
    /// The ReplicaSet of the new template.
    pub replica_set: String,
    /// The one before it.
    pub previous: String,
    /// Pods of the new template, oldest first.
    pub new_pods: Vec<String>,
    /// Pods of the old template that still run.
    pub old_pods: Vec<String>,
}

/// Changes a Deployment's pod template and rolls it out; new pods run and are ready until told otherwise. `None`
/// when there is no such Deployment.
pub fn rollout(
    world: &mut World,
    shop: &Shop,
    metrics: &mut Metrics,
    change: &Change<'_>,
    mutate: impl FnOnce(&mut Value),
) -> Option<Rolled> {
    let Change {
        namespace,
        name,
        author,
        at,
        completes,
    } = *change;
    let mut object = world.get("Deployment", namespace, name)?.clone();
    let current = active_set(world, namespace, name)?;
    let revision = revision_of(&object) + 1;
    let mut template = object.pointer("/spec/template")?.clone();
    mutate(&mut template);
    set(&mut object, "/spec/template", template.clone());
    shop.stamp.touch(&mut object, author, at, &["/spec/template"]);
    annotate(&mut object, REVISION, &revision.to_string());
    let desired = usize::try_from(number(&object, "/spec/replicas")).unwrap_or(1);
    let recreates = text(&object, "/spec/strategy/type") == "Recreate";
    let surge = if completes || recreates {
        desired
    } else {
        desired.div_ceil(4)
    };
    let created = replica_set(&shop.stamp, &object, &template, surge, revision, at);
    let new_name = text(&created, "/metadata/name").to_owned();
    shop.stamp.put(world, created.clone(), CONTROLLER, at);
    let conditions = progress(
        items(&object, "/status/conditions"),
        &new_name,
        change,
        shop.now(),
    );
    set(&mut object, "/status/conditions", Value::Array(conditions));
    world.insert(object);
    let old_name = text(&current, "/metadata/name").to_owned();
    let mut rolled = Rolled {
        replica_set: new_name,
        previous: old_name,
        new_pods: Vec::new(),
        old_pods: Vec::new(),
    };
    create_pods(world, shop, metrics, change, &created, surge, &mut rolled);
    let old = pods_of(world, namespace, &rolled.previous);
    if completes || recreates {
        retire(world, shop, metrics, change, &rolled.previous, &old);
    } else {
        rolled.old_pods = old;
    }
    Some(rolled)
}

/// The ReplicaSet of a Deployment's current revision.
pub fn active_set(world: &World, namespace: &str, name: &str) -> Option<Value> {
    let revision = revision_of(world.get("Deployment", namespace, name)?);
    world
        .of_kind("ReplicaSet")
        .find(|set| {
            text(set, "/metadata/namespace") == namespace
                && text(set, "/metadata/ownerReferences/0/name") == name
                && revision_of(set) == revision
        })
        .cloned()
}

/// Names of a ReplicaSet's pods.
pub fn pods_of(world: &World, namespace: &str, set: &str) -> Vec<String> {
    world
        .of_kind("Pod")
        .filter(|pod| {
            text(pod, "/metadata/namespace") == namespace
                && text(pod, "/metadata/ownerReferences/0/name") == set
        })
        .map(|pod| text(pod, "/metadata/name").to_owned())
        .collect()
}

/// Removes a pod with its log; its series end.
pub fn remove_pod(world: &mut World, metrics: &mut Metrics, namespace: &str, pod: &str, at: Timestamp) {
    let Some(removed) = world.remove("Pod", namespace, pod) else {
        return;
    };
    for container in items(&removed, "/spec/containers") {
        world.logs.remove(&LogKey {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: text(container, "/name").to_owned(),
        });
    }
    metrics.end(&[("namespace", namespace), ("pod", pod)], at);
}

/// Records an event of a controller about one of its objects.
pub fn controller_event(
    world: &mut World,
    shop: &Shop,
    object: (&str, &str, &str),
    component: &str,
    reason: &'static str,
    message: String,
    at: Timestamp,
) {
    let happening = Happening {
        object,
        container: None,
        kind: "Normal",
        reason,
        message,
        component,
        node: "",
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

fn revision_of(object: &Value) -> u64 {
    text(object, &format!("/metadata/annotations/{}", escape(REVISION)))
        .parse()
        .unwrap_or(0)
}

/// `pkg/controller/deployment/sync.go` (`ScalingReplicaSet`) and `pkg/controller/controller_utils.go`
/// (`SuccessfulCreate`): events and pods of the new ReplicaSet.
fn create_pods(
    world: &mut World,
    shop: &Shop,
    metrics: &mut Metrics,
    change: &Change<'_>,
    set: &Value,
    count: usize,
    rolled: &mut Rolled,
) {
    let Change {
        namespace, name, at, ..
    } = *change;
    let set_name = rolled.replica_set.clone();
    for ordinal in 0..count {
        let delay = 21 * i64::try_from(ordinal).unwrap_or(0);
        let created = time::after(at, 1 + delay);
        let Some(node) = shop.place(&set_name, ordinal) else {
            continue;
        };
        let pod = spawn::replica(world, shop, set, node, created);
        let scaled = format!(
            "Scaled up replica set {set_name} from {ordinal} to {}",
            ordinal + 1
        );
        let deployment = ("Deployment", namespace, name);
        controller_event(
            world,
            shop,
            deployment,
            "deployment-controller",
            "ScalingReplicaSet",
            scaled,
            time::after(at, delay),
        );
        let parent = ("ReplicaSet", namespace, set_name.as_str());
        let message = format!("Created pod: {pod}");
        controller_event(
            world,
            shop,
            parent,
            "replicaset-controller",
            "SuccessfulCreate",
            message,
            created,
        );
        if let Some(object) = world.get("Pod", namespace, &pod).cloned() {
            crate::shop::chatter::write_pod(world, shop, &object);
            telemetry::add_pod(
                shop,
                metrics,
                &object,
                created.max(time::before(shop.now(), 5_400)),
            );
        }
        rolled.new_pods.push(pod);
    }
}

fn retire(
    world: &mut World,
    shop: &Shop,
    metrics: &mut Metrics,
    change: &Change<'_>,
    set_name: &str,
    pods: &[String],
) {
    let Change {
        namespace, name, at, ..
    } = *change;
    for (ordinal, pod) in pods.iter().enumerate() {
        let gone = time::after(at, 16 + 21 * i64::try_from(ordinal).unwrap_or(0));
        let left = pods.len() - ordinal;
        let scaled = format!("Scaled down replica set {set_name} from {left} to {}", left - 1);
        let deployment = ("Deployment", namespace, name);
        controller_event(
            world,
            shop,
            deployment,
            "deployment-controller",
            "ScalingReplicaSet",
            scaled,
            gone,
        );
        let parent = ("ReplicaSet", namespace, set_name);
        let message = format!("Deleted pod: {pod}");
        controller_event(
            world,
            shop,
            parent,
            "replicaset-controller",
            "SuccessfulDelete",
            message,
            gone,
        );
        stopping_event(world, shop, namespace, pod, gone);
        remove_pod(world, metrics, namespace, pod, gone);
    }
    let last = time::after(at, 20 + 21 * i64::try_from(pods.len()).unwrap_or(0));
    if let Some(object) = world.get_mut("ReplicaSet", namespace, set_name) {
        set(object, "/spec/replicas", json!(0));
        shop.stamp.touch(object, CONTROLLER, last, &["/spec/replicas"]);
    }
}

/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `killContainer`: reason `Killing`.
pub fn stopping_event(world: &mut World, shop: &Shop, namespace: &str, pod: &str, at: Timestamp) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    for container in items(&object, "/spec/containers") {
        let container_name = text(container, "/name");
        let happening = Happening {
            object: ("Pod", namespace, pod),
            container: Some(container_name),
            kind: "Normal",
            reason: "Killing",
            message: format!("Stopping container {container_name}"),
            component: "kubelet",
            node: text(&object, "/spec/nodeName"),
            first: at,
            last: at,
            count: 1,
        };
        record(&shop.stamp, world, &happening);
    }
}

/// `pkg/controller/deployment/progress.go`: the Progressing condition after a change.
fn progress(found: &[Value], new_set: &str, change: &Change<'_>, now: Timestamp) -> Vec<Value> {
    let deadline = time::after(change.at, 601);
    let progressing = if change.completes {
        let done = time::after(change.at, 62);
        let message = format!("ReplicaSet \"{new_set}\" has successfully progressed.");
        condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            &message,
            done,
            done,
        )
    } else if deadline < now {
        let message = format!("ReplicaSet \"{new_set}\" has timed out progressing.");
        condition(
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            &message,
            deadline,
            deadline,
        )
    } else {
        let message = format!("ReplicaSet \"{new_set}\" is progressing.");
        condition(
            "Progressing",
            "True",
            "ReplicaSetUpdated",
            &message,
            change.at,
            change.at,
        )
    };
    found
        .iter()
        .filter(|condition| text(condition, "/type") != "Progressing")
        .cloned()
        .chain(std::iter::once(progressing))
        .collect()
}
