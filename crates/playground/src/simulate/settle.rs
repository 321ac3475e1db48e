//! Counts and readiness that controllers derive from pods: statuses, endpoints, budgets, pod metrics. Must not know
//! why a pod is not ready.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::usage;
use crate::build::controller::REVISION;
use crate::build::json::{escape, items, number, set, text, unset};
use crate::build::object::CONTROLLER;
use crate::build::service::{endpoint_slice, endpoints, is_ready, last_change, selects};
use crate::build::time;
use crate::shop::Shop;
use crate::world::{ObjectKey, World};

/// Brings everything that follows from pods up to date. Objects that stay equal are left untouched.
pub fn settle(world: &mut World, shop: &Shop) {
    let pods: Vec<Value> = world.of_kind("Pod").cloned().collect();
    replica_sets(world, shop, &pods);
    deployments(world, shop);
    stateful_sets(world, shop, &pods);
    daemon_sets(world, shop, &pods);
    services(world, shop, &pods);
    budgets(world, shop, &pods);
    usage::pod_metrics(world, shop, &pods);
    usage::node_metrics(world, shop);
}

/// The pods that a controller owns.
pub fn owned<'a>(pods: &'a [Value], kind: &str, namespace: &str, name: &str) -> Vec<&'a Value> {
    pods.iter()
        .filter(|pod| {
            text(pod, "/metadata/namespace") == namespace
                && text(pod, "/metadata/ownerReferences/0/kind") == kind
                && text(pod, "/metadata/ownerReferences/0/name") == name
        })
        .collect()
}

/// Keys of all objects of a kind.
pub fn keys(world: &World, kind: &str) -> Vec<ObjectKey> {
    world
        .objects()
        .filter(|(key, _)| key.kind == kind)
        .map(|(key, _)| key.clone())
        .collect()
}

/// Writes a status where it differs, and stamps it.
fn write_status(world: &mut World, shop: &Shop, key: &ObjectKey, status: Value, at: Timestamp) {
    let Some(object) = world.get_mut(&key.kind, &key.namespace, &key.name) else {
        return;
    };
    if object.get("status") != Some(&status) {
        set(object, "/status", status);
        shop.stamp.touch_status(object, at);
    }
}

fn replica_sets(world: &mut World, shop: &Shop, pods: &[Value]) {
    for key in keys(world, "ReplicaSet") {
        // `controller.FilterActivePods`: a ReplicaSet does not count pods that have ended or are being deleted.
        let own: Vec<&Value> = owned(pods, "ReplicaSet", &key.namespace, &key.name)
            .into_iter()
            .filter(|pod| !matches!(text(pod, "/status/phase"), "Failed" | "Succeeded"))
            .filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none())
            .collect();
        let Some(object) = world.get("ReplicaSet", &key.namespace, &key.name) else {
            continue;
        };
        let ready = own.iter().filter(|pod| is_ready(pod)).count();
        let mut status = json!({ "replicas": own.len(), "observedGeneration": number(object, "/metadata/generation").max(1) });
        if !own.is_empty() {
            set(&mut status, "/fullyLabeledReplicas", json!(own.len()));
        }
        if ready > 0 {
            set(&mut status, "/readyReplicas", json!(ready));
            set(&mut status, "/availableReplicas", json!(ready));
        }
        if let Some(kept) = object.pointer("/status/conditions") {
            set(&mut status, "/conditions", kept.clone());
        }
        write_status(world, shop, &key, status, last_change(&own).unwrap_or(shop.now()));
    }
}

fn deployments(world: &mut World, shop: &Shop) {
    for key in keys(world, "Deployment") {
        let Some(object) = world.get("Deployment", &key.namespace, &key.name).cloned() else {
            continue;
        };
        let revision = annotation(&object, REVISION).to_owned();
        let (mut wanted, mut replicas, mut updated, mut ready) = (0, 0, 0, 0);
        for set in world.of_kind("ReplicaSet").filter(|set| {
            text(set, "/metadata/namespace") == key.namespace
                && text(set, "/metadata/ownerReferences/0/name") == key.name
        }) {
            wanted += number(set, "/spec/replicas");
            replicas += number(set, "/status/replicas");
            ready += number(set, "/status/readyReplicas");
            if annotation(set, REVISION) == revision {
                updated += number(set, "/status/replicas");
            }
        }
        let (status, at) = deployment_status(world, shop, &object, [wanted, replicas, updated, ready]);
        write_status(world, shop, &key, status, at);
    }
}

fn deployment_status(world: &World, shop: &Shop, object: &Value, counts: [i64; 4]) -> (Value, Timestamp) {
    let [wanted, replicas, updated, ready] = counts;
    let desired = number(object, "/spec/replicas");
    let mut status = json!({ "observedGeneration": number(object, "/metadata/generation").max(1) });
    for (field, count) in [
        ("replicas", replicas),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        ("unavailableReplicas", wanted - ready),
    ] {
        if count > 0 {
            set(&mut status, &format!("/{field}"), json!(count));
        }
    }
    let changed = changed_at(world, object).unwrap_or(shop.now());
    let is_recreate = text(object, "/spec/strategy/type") == "Recreate";
    let tolerated = if is_recreate { 0 } else { desired / 4 };
    let conditions = available_condition(
        items(object, "/status/conditions"),
        ready >= desired - tolerated,
        changed,
    );
    set(&mut status, "/conditions", Value::Array(conditions));
    (status, changed)
}

/// When a pod of the Deployment last became ready or stopped to be.
fn changed_at(world: &World, deployment: &Value) -> Option<Timestamp> {
    let selector = deployment.pointer("/spec/selector/matchLabels")?;
    let namespace = text(deployment, "/metadata/namespace");
    let pods: Vec<&Value> = world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/metadata/namespace") == namespace)
        .filter(|pod| {
            pod.pointer("/metadata/labels")
                .is_some_and(|labels| selects(selector, labels))
        })
        .collect();
    last_change(&pods)
}

/// `pkg/controller/deployment/progress.go`: reasons and messages of the Available condition.
fn available_condition(found: &[Value], available: bool, at: Timestamp) -> Vec<Value> {
    let (status, reason, message) = if available {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    let mut conditions = found.to_vec();
    for condition in conditions
        .iter_mut()
        .filter(|condition| text(condition, "/type") == "Available")
    {
        if text(condition, "/status") != status {
            set(condition, "/status", json!(status));
            set(condition, "/reason", json!(reason));
            set(condition, "/message", json!(message));
            set(condition, "/lastTransitionTime", json!(time::seconds(at)));
            set(condition, "/lastUpdateTime", json!(time::seconds(at)));
        }
    }
    conditions
}

fn stateful_sets(world: &mut World, shop: &Shop, pods: &[Value]) {
    for key in keys(world, "StatefulSet") {
        let own = owned(pods, "StatefulSet", &key.namespace, &key.name);
        let Some(object) = world.get("StatefulSet", &key.namespace, &key.name) else {
            continue;
        };
        let ready = own.iter().filter(|pod| is_ready(pod)).count();
        let mut status = object.get("status").cloned().unwrap_or_else(|| json!({}));
        set(
            &mut status,
            "/observedGeneration",
            json!(number(object, "/metadata/generation").max(1)),
        );
        for (field, count) in [
            ("replicas", own.len()),
            ("currentReplicas", own.len()),
            ("updatedReplicas", own.len()),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
        ] {
            set(&mut status, &format!("/{field}"), json!(count));
        }
        if ready == 0 {
            unset(&mut status, "", "readyReplicas");
        }
        write_status(world, shop, &key, status, last_change(&own).unwrap_or(shop.now()));
    }
}

fn daemon_sets(world: &mut World, shop: &Shop, pods: &[Value]) {
    for key in keys(world, "DaemonSet") {
        let own = owned(pods, "DaemonSet", &key.namespace, &key.name);
        let Some(object) = world.get("DaemonSet", &key.namespace, &key.name) else {
            continue;
        };
        let ready = own.iter().filter(|pod| is_ready(pod)).count();
        let desired = eligible_nodes(world, object);
        let mut status = json!({
            "currentNumberScheduled": own.len(), "desiredNumberScheduled": desired, "numberMisscheduled": 0,
            "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": own.len(),
            "observedGeneration": number(object, "/metadata/generation").max(1)
        });
        if desired > ready {
            set(&mut status, "/numberUnavailable", json!(desired - ready));
        }
        write_status(world, shop, &key, status, last_change(&own).unwrap_or(shop.now()));
    }
}

/// Nodes that the nodeSelector of a DaemonSet admits.
fn eligible_nodes(world: &World, daemon_set: &Value) -> usize {
    let selector = daemon_set
        .pointer("/spec/template/spec/nodeSelector")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let wanted = selector.as_object().cloned().unwrap_or_default();
    world
        .of_kind("Node")
        .filter(|node| {
            wanted
                .iter()
                .all(|(key, value)| node.pointer(&format!("/metadata/labels/{}", escape(key))) == Some(value))
        })
        .count()
}

fn services(world: &mut World, shop: &Shop, pods: &[Value]) {
    for key in keys(world, "Service") {
        let Some(service) = world.get("Service", &key.namespace, &key.name).cloned() else {
            continue;
        };
        let Some(selector) = service.pointer("/spec/selector") else {
            continue;
        };
        let matched: Vec<&Value> = pods
            .iter()
            .filter(|pod| text(pod, "/metadata/namespace") == key.namespace)
            .filter(|pod| {
                pod.pointer("/metadata/labels")
                    .is_some_and(|labels| selects(selector, labels))
            })
            .collect();
        let created = time::parse(text(&service, "/metadata/creationTimestamp")).unwrap_or(shop.now());
        let changed = service_changed(&service, &matched, created);
        put_if_new(
            world,
            shop,
            endpoints(&shop.stamp, &service, &matched, created),
            changed,
        );
        let zone = |node: &str| shop.zone(node);
        put_if_new(
            world,
            shop,
            endpoint_slice(&shop.stamp, &service, &matched, &zone, created),
            changed,
        );
    }
}

/// The later of the Service's last write and its pods' last change of readiness.
fn service_changed(service: &Value, pods: &[&Value], created: Timestamp) -> Timestamp {
    items(service, "/metadata/managedFields")
        .iter()
        .filter_map(|entry| time::parse(text(entry, "/time")))
        .chain(last_change(pods))
        .max()
        .unwrap_or(created)
}

fn put_if_new(world: &mut World, shop: &Shop, object: Value, at: Timestamp) {
    let Some(key) = ObjectKey::of(&object) else { return };
    let same = world
        .get(&key.kind, &key.namespace, &key.name)
        .is_some_and(|found| {
            ["/endpoints", "/subsets", "/ports"]
                .iter()
                .all(|part| found.pointer(part) == object.pointer(part))
        });
    if !same {
        shop.stamp.put(world, object, CONTROLLER, at);
    }
}

fn budgets(world: &mut World, shop: &Shop, pods: &[Value]) {
    for key in keys(world, "PodDisruptionBudget") {
        let Some(object) = world
            .get("PodDisruptionBudget", &key.namespace, &key.name)
            .cloned()
        else {
            continue;
        };
        let Some(selector) = object.pointer("/spec/selector/matchLabels") else {
            continue;
        };
        let matched: Vec<&Value> = pods
            .iter()
            .filter(|pod| text(pod, "/metadata/namespace") == key.namespace)
            .filter(|pod| {
                pod.pointer("/metadata/labels")
                    .is_some_and(|labels| selects(selector, labels))
            })
            .collect();
        let healthy = i64::try_from(matched.iter().filter(|pod| is_ready(pod)).count()).unwrap_or(0);
        let desired = number(&object, "/status/desiredHealthy");
        let allowed = (healthy - desired).max(0);
        let mut status = object.get("status").cloned().unwrap_or_default();
        set(&mut status, "/currentHealthy", json!(healthy));
        set(&mut status, "/disruptionsAllowed", json!(allowed));
        if allowed == 0 {
            set(&mut status, "/conditions/0/status", json!("False"));
            set(&mut status, "/conditions/0/reason", json!("InsufficientPods"));
        }
        write_status(
            world,
            shop,
            &key,
            status,
            last_change(&matched).unwrap_or(shop.now()),
        );
    }
}

fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    text(object, &format!("/metadata/annotations/{}", escape(key)))
}
