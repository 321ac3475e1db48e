//! What the objects of a world say together: owners exist, counts add up, times are in order, Events obey their time to
//! live and the pace of their senders.

use jiff::Timestamp;
use playground::World;
use serde_json::Value;

use super::{report, worlds};

/// What a component may say about one object in the same words: some at once, then at most one in so many seconds (the
/// kubelet looks at a pod every ten seconds or so; the count goes on while `client-go/tools/record/events_cache.go`
/// holds the writing back).
const REPEAT_BURST: i64 = 20;
const REPEAT_INTERVAL_S: i64 = 8;
/// `kube-apiserver --event-ttl`.
const EVENT_TTL_S: i64 = 3_600;

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn number(object: &Value, pointer: &str) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

fn controller(object: &Value) -> Option<(&str, &str, &str)> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners
        .iter()
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    Some((text(owner, "/kind"), text(owner, "/name"), text(owner, "/uid")))
}

fn check(
    place: &str,
    check: impl Fn(&World, &mut dyn FnMut(String)),
    world: &World,
    findings: &mut Vec<String>,
) {
    check(world, &mut |what| findings.push(format!("{place}: {what}")));
}

fn owners(world: &World, say: &mut dyn FnMut(String)) {
    for (key, object) in world.objects() {
        let Some((kind, name, uid)) = controller(object) else {
            continue;
        };
        if kind == "Node" {
            continue;
        }
        match world.get(kind, &key.namespace, name) {
            None => say(format!(
                "{} {} is owned by {kind} {name}, which is not there",
                key.kind, key.name
            )),
            Some(owner) if text(owner, "/metadata/uid") != uid => {
                say(format!(
                    "{} {}: uid of its owner {kind} {name} is another",
                    key.kind, key.name
                ));
            }
            Some(_) => {}
        }
    }
}

fn counts(world: &World, say: &mut dyn FnMut(String)) {
    for kind in ["ReplicaSet", "StatefulSet"] {
        for set in world.of_kind(kind) {
            let (namespace, name) = (text(set, "/metadata/namespace"), text(set, "/metadata/name"));
            let pods: Vec<&Value> = world
                .of_kind("Pod")
                .filter(|pod| text(pod, "/metadata/namespace") == namespace)
                .filter(|pod| controller(pod).is_some_and(|owner| owner.0 == kind && owner.1 == name))
                .filter(|pod| !matches!(text(pod, "/status/phase"), "Failed" | "Succeeded"))
                // A StatefulSet counts what is being deleted until it is gone.
                .filter(|pod| kind == "StatefulSet" || text(pod, "/metadata/deletionTimestamp").is_empty())
                .collect();
            let count = i64::try_from(pods.len()).unwrap_or_default();
            if number(set, "/status/replicas") != count {
                say(format!(
                    "{kind} {name} says {} replicas, {count} pods are there",
                    number(set, "/status/replicas")
                ));
            }
            let ready = pods.iter().filter(|pod| is_ready(pod)).count();
            if number(set, "/status/readyReplicas") != i64::try_from(ready).unwrap_or_default() {
                say(format!(
                    "{kind} {name} says {} ready, {ready} pods are",
                    number(set, "/status/readyReplicas")
                ));
            }
        }
    }
    for deployment in world.of_kind("Deployment") {
        let (namespace, name) = (
            text(deployment, "/metadata/namespace"),
            text(deployment, "/metadata/name"),
        );
        let total: i64 = world
            .of_kind("ReplicaSet")
            .filter(|set| text(set, "/metadata/namespace") == namespace)
            .filter(|set| controller(set).is_some_and(|owner| owner.1 == name))
            .map(|set| number(set, "/status/replicas"))
            .sum();
        if total != number(deployment, "/status/replicas") {
            say(format!(
                "Deployment {name} says {} replicas, its sets {total}",
                number(deployment, "/status/replicas")
            ));
        }
    }
}

fn is_ready(pod: &Value) -> bool {
    pod.pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}

fn times(world: &World, say: &mut dyn FnMut(String)) {
    for (key, object) in world.objects() {
        let created = time(object, "/metadata/creationTimestamp");
        if created.is_some_and(|created| created > world.now) {
            say(format!("{} {} is created in the future", key.kind, key.name));
        }
        for condition in object
            .pointer("/status/conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let Some(turned) = time(condition, "/lastTransitionTime") else {
                continue;
            };
            if turned > world.now || created.is_some_and(|created| turned < created) {
                say(format!(
                    "{} {}: condition {} turned at {turned}, outside of the object's life",
                    key.kind,
                    key.name,
                    text(condition, "/type")
                ));
            }
        }
    }
}

fn pods(world: &World, say: &mut dyn FnMut(String)) {
    for pod in world.of_kind("Pod") {
        let name = text(pod, "/metadata/name");
        let node = text(pod, "/spec/nodeName");
        if !node.is_empty() && world.get("Node", "", node).is_none() {
            say(format!("Pod {name} is on node {node}, which is not there"));
        }
        let phase = text(pod, "/status/phase");
        if phase == "Running" && (node.is_empty() || text(pod, "/status/startTime").is_empty()) {
            say(format!("Pod {name} runs without a node or a start time"));
        }
        let created = time(pod, "/metadata/creationTimestamp");
        for status in pod
            .pointer("/status/containerStatuses")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for pointer in [
                "/state/running/startedAt",
                "/state/terminated/startedAt",
                "/lastState/terminated/startedAt",
            ] {
                // A container that never started has the epoch for its start.
                let started = time(status, pointer).filter(|started| *started != Timestamp::UNIX_EPOCH);
                if started.is_some_and(|started| {
                    started > world.now || created.is_some_and(|created| started < created)
                }) {
                    say(format!("Pod {name}: {pointer} is outside of the pod's life"));
                }
            }
            let ended = time(status, "/lastState/terminated/finishedAt");
            let running = time(status, "/state/running/startedAt");
            if ended.is_some_and(|ended| running.is_some_and(|running| running < ended)) {
                say(format!("Pod {name} runs since before its earlier life ended"));
            }
        }
    }
}

fn claims(world: &World, say: &mut dyn FnMut(String)) {
    for claim in world.of_kind("PersistentVolumeClaim") {
        let name = text(claim, "/metadata/name");
        if text(claim, "/status/phase") == "Bound" {
            let volume = text(claim, "/spec/volumeName");
            let back = world
                .get("PersistentVolume", "", volume)
                .map(|volume| text(volume, "/spec/claimRef/name"));
            if back != Some(name) {
                say(format!("claim {name} is bound to {volume}, which says {back:?}"));
            }
        }
    }
}

fn events(world: &World, say: &mut dyn FnMut(String)) {
    for event in world.of_kind("Event") {
        let reason = text(event, "/reason");
        let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]
            .iter()
            .find_map(|pointer| time(event, pointer));
        let first = ["/firstTimestamp", "/eventTime"]
            .iter()
            .find_map(|pointer| time(event, pointer));
        let age = last.map(|last| world.now.as_second() - last.as_second());
        if age.is_none_or(|age| !(0..=EVENT_TTL_S).contains(&age)) {
            say(format!("Event {reason} is {age:?} s old"));
        }
        if first > last {
            say(format!("Event {reason} was first seen after it was last seen"));
        }
        let (kind, namespace, name) = (
            text(event, "/involvedObject/kind"),
            text(event, "/involvedObject/namespace"),
            text(event, "/involvedObject/name"),
        );
        if world.get(kind, namespace, name).is_none() && !may_be_gone(kind) {
            say(format!(
                "Event {reason} is about {kind} {name}, which is not there"
            ));
        }
        let count = number(event, "/count").max(number(event, "/series/count"));
        let lasted = match (first, last) {
            (Some(first), Some(last)) => last.as_second() - first.as_second(),
            _ => 0,
        };
        if count > REPEAT_BURST + lasted / REPEAT_INTERVAL_S {
            say(format!(
                "Event {reason} about {kind} {name}: {count} times in {lasted} s"
            ));
        }
    }
}

/// Kinds whose objects come and go within an Event's hour.
fn may_be_gone(kind: &str) -> bool {
    matches!(kind, "Pod" | "ReplicaSet" | "Job" | "Node")
}

fn endpoints(world: &World, say: &mut dyn FnMut(String)) {
    for slice in world.of_kind("EndpointSlice") {
        let service = world.get(
            "Service",
            text(slice, "/metadata/namespace"),
            text(slice, "/metadata/labels/kubernetes.io~1service-name"),
        );
        if service
            .is_some_and(|found| found.pointer("/spec/publishNotReadyAddresses") == Some(&Value::Bool(true)))
        {
            continue;
        }
        for endpoint in slice
            .pointer("/endpoints")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if text(endpoint, "/targetRef/kind") != "Pod" {
                continue;
            }
            let (namespace, name) = (
                text(slice, "/metadata/namespace"),
                text(endpoint, "/targetRef/name"),
            );
            let Some(pod) = world.get("Pod", namespace, name) else {
                say(format!("an endpoint names Pod {name}, which is not there"));
                continue;
            };
            let ready = endpoint.pointer("/conditions/ready") == Some(&Value::Bool(true));
            if ready != is_ready(pod) {
                say(format!(
                    "endpoint of Pod {name} says ready {ready}, the pod {}",
                    is_ready(pod)
                ));
            }
        }
    }
}

#[test]
fn worlds_are_states_that_a_cluster_can_be_in() {
    let mut findings = Vec::new();
    for (place, world) in worlds() {
        for rule in [owners, counts, times, pods, claims, events, endpoints] {
            check(&place, rule, &world, &mut findings);
        }
    }
    report(&findings);
}
