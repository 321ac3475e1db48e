//! What the faults of this category share: rollouts whose pods end at once, pods that keep running and answer errors,
//! usual edits. Must not know why anything fails.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::controller::condition;
use crate::build::event::{Happening, record};
use crate::build::json::{items, push, set, text, unset};
use crate::build::log::voice::{Level, greeting, line, request};
use crate::build::log::{Lines, merge};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{FaultContext, Remedy, Step, key};
use crate::shop::{Shop, chatter};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash, waiting};
use crate::simulate::rollout::{
    Change, Rolled, active_set, controller_event, pods_of, remove_pod, rollout, stopping_event,
};
use crate::simulate::spawn::replica;
use crate::world::{ContainerLog, ObjectKey, World};

/// `kubectl set env` on the container that is named after its workload.
pub(super) fn set_env(workload: &ObjectKey, name: &str, value: &str) -> Step {
    let variable = json!({ "name": name, "value": value, "valueFrom": null });
    Step::StrategicPatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": { "spec": {
            "containers": [{ "name": workload.name, "env": [variable] }] } } } }),
    }
}

/// Rolls out a change of the template by whoever delivers the workload.
pub(super) fn roll(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    (at, completes): (Timestamp, bool),
    mutate: impl FnOnce(&mut Value),
) -> Option<Rolled> {
    let change = Change::of(workload, at, completes);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, mutate)
}

/// Lets pods end again and again right after their start, with these last words.
pub(super) fn end_at_start(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pods: &[String],
    words: &[String],
) -> Option<Timestamp> {
    let life_s = if workload.memory_use_mi > 400 {
        ctx.rng.range(9, 12)
    } else {
        ctx.rng.range(2, 4)
    };
    let mut first_end = None;
    for pod in pods {
        let now = ctx.shop.now();
        let object = world.get("Pod", &workload.namespace, pod)?;
        let created = time::parse(text(object, "/metadata/creationTimestamp")).unwrap_or(now);
        let lives = Lives::since(time::after(created, 2), life_s, now);
        crash(world, &ctx.shop, &workload.namespace, pod, &lives, FAILED);
        let &(start, end) = lives.finished.last()?;
        let dead = start_log(workload, pod, words, (start, end)).to_text();
        let log = world.log_mut(&workload.namespace, pod, &workload.name);
        log.current = Some(match lives.running_since {
            Some(since) => start_log(workload, pod, &[], (since, now)).to_text(),
            None => dead.clone(),
        });
        log.previous = Some(dead);
        ctx.metrics
            .forget(&[("namespace", workload.namespace.as_str()), ("pod", pod)]);
        let ended = lives.finished.first().map(|(_, end)| *end);
        first_end = [first_end, ended].into_iter().flatten().min();
    }
    first_end
}

fn start_log(
    workload: &Workload,
    pod: &str,
    words: &[String],
    (start, end): (Timestamp, Timestamp),
) -> Lines {
    let mut lines = Lines::default();
    if let Some(hello) = greeting(workload, workload.version).first() {
        lines.add(start, &line(workload, pod, Level::Info, start, hello));
    }
    let count = i64::try_from(words.len()).unwrap_or(0);
    for (index, message) in words.iter().enumerate() {
        let left = count - i64::try_from(index).unwrap_or(0) - 1;
        let at = time::before(end, left.min(1)).max(start);
        lines.add(at, &line(workload, pod, Level::Error, at, message));
    }
    lines
}

/// Lets running pods log `message` and answer requests with errors since a moment.
pub(in crate::faults) fn complain(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pods: &[String],
    message: &str,
    (from, until): (Timestamp, Timestamp),
) -> Vec<Timestamp> {
    let mut rng = ctx.rng.fork(&format!("complain/{}", workload.name));
    let mut times = Vec::new();
    for pod in pods {
        let mut lines = Lines::default();
        let mut at = time::after(from, rng.range(1, 12));
        while at < until {
            lines.add(at, &line(workload, pod, Level::Error, at, message));
            if workload.voice.speaks_http() {
                let path = chatter::some_path(&mut rng);
                let took = rng.range(8, 40);
                lines.add(at, &request(workload, pod, at, &path, 500, took));
            }
            times.push(at);
            at = time::after(at, rng.range(21, 60));
        }
        add_lines(world, workload, pod, &lines);
    }
    times.sort_unstable();
    times
}

/// Adds lines to the log of a pod's running container.
pub(super) fn add_lines(world: &mut World, workload: &Workload, pod: &str, lines: &Lines) {
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), lines));
}

/// Names of the pods of a workload.
pub(super) fn pod_names(world: &World, workload: &Workload) -> Vec<String> {
    crate::simulate::callers::pods_of(world, workload)
        .iter()
        .map(|pod| text(pod, "/metadata/name").to_owned())
        .collect()
}

/// Replaces one pod of a Deployment by a new one that runs, and gives its name.
pub(super) fn replace_pod(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    old: &str,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let set = active_set(world, namespace, &workload.name)?;
    let set_name = text(&set, "/metadata/name").to_owned();
    let taken: Vec<String> = pods_of(world, namespace, &set_name)
        .iter()
        .filter_map(|pod| world.get("Pod", namespace, pod))
        .map(|pod| text(pod, "/spec/nodeName").to_owned())
        .collect();
    let node = ctx
        .shop
        .nodes
        .iter()
        .find(|node| !taken.contains(&node.name))?
        .clone();
    stopping_event(world, &ctx.shop, namespace, old, at);
    remove_pod(world, &mut ctx.metrics, namespace, old, at);
    let created = time::after(at, 1);
    let pod = replica(world, &ctx.shop, &set, &node, created);
    let parent = ("ReplicaSet", namespace, set_name.as_str());
    let message = format!("Created pod: {pod}");
    controller_event(
        world,
        &ctx.shop,
        parent,
        "replicaset-controller",
        "SuccessfulCreate",
        message,
        created,
    );
    if let Some(object) = world.get("Pod", namespace, &pod).cloned() {
        chatter::write_pod(world, &ctx.shop, &object);
        let from = created.max(time::before(ctx.shop.now(), 5_400));
        crate::shop::telemetry::add_pod(&ctx.shop, &mut ctx.metrics, &object, from);
    }
    Some(pod)
}

/// Position of a variable in the environment of a template's first container.
pub(super) fn variable(template: &Value, name: &str) -> Option<usize> {
    items(template, "/spec/containers/0/env")
        .iter()
        .position(|variable| text(variable, "/name") == name)
}

/// Whether a workload's template differs from that of every ReplicaSet which has pods: a rollout is due.
pub(super) fn rollout_is_due(world: &World, object: &ObjectKey) -> bool {
    let Some(workload) = world.object(object) else {
        return true;
    };
    let wanted = bare(workload.pointer("/spec/template"));
    !world.of_kind("ReplicaSet").any(|set| {
        text(set, "/metadata/namespace") == object.namespace
            && text(set, "/metadata/ownerReferences/0/name") == object.name
            && bare(set.pointer("/spec/template")) == wanted
    })
}

fn bare(template: Option<&Value>) -> Value {
    let mut template = template.cloned().unwrap_or_default();
    unset(&mut template, "/metadata/labels", "pod-template-hash");
    template
}

/// `kubectl rollout restart`: a patch of the template's annotation `kubectl.kubernetes.io/restartedAt`.
pub(super) fn restart(object: &ObjectKey, now: Timestamp) -> Step {
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": {
        "kubectl.kubernetes.io/restartedAt": time::seconds(now)
    } } } } });
    Step::StrategicPatch {
        object: object.clone(),
        patch,
    }
}

/// Deletion of one pod of a workload.
pub(super) fn delete_a_pod(world: &World, shop: &Shop, object: &ObjectKey) -> Vec<Step> {
    let pods = shop
        .named(&object.namespace, &object.name)
        .map(|workload| crate::simulate::callers::pods_of(world, workload))
        .unwrap_or_default();
    pods.iter()
        .filter_map(ObjectKey::of)
        .take(1)
        .map(Step::Delete)
        .collect()
}

/// `kubectl rollout undo`: the template of the revision before the current one takes its place.
pub(super) fn undo(world: &World, object: &ObjectKey) -> Option<Step> {
    let revision = |value: &Value| -> i64 {
        text(value, "/metadata/annotations/deployment.kubernetes.io~1revision")
            .parse()
            .unwrap_or(0)
    };
    let current = revision(world.object(object)?);
    let previous = world
        .of_kind("ReplicaSet")
        .filter(|set| {
            text(set, "/metadata/namespace") == object.namespace
                && text(set, "/metadata/ownerReferences/0/name") == object.name
                && revision(set) < current
        })
        .max_by_key(|set| revision(set))?;
    let patch = json!([{ "op": "replace", "path": "/spec/template", "value": bare(previous.pointer("/spec/template")) }]);
    Some(Step::JsonPatch {
        object: object.clone(),
        patch,
    })
}

/// The remedies that never help when the specification is wrong: a restart, and the deletion of a pod.
pub(super) fn hasty(world: &World, shop: &Shop, object: &ObjectKey) -> Vec<Remedy> {
    vec![
        Remedy::fails("restart", vec![restart(object, shop.now())]),
        Remedy::fails("delete-pod", delete_a_pod(world, shop, object)),
    ]
}

/// An edit of fields by a JSON merge patch at a pointer.
pub(super) fn edit(object: &ObjectKey, pointer: &str, value: Value) -> Step {
    let mut patch = json!({});
    set(&mut patch, pointer, value);
    Step::MergePatch {
        object: object.clone(),
        patch,
    }
}

/// Shows a pod whose container the kubelet cannot make: `CreateContainerConfigError` with the message, and the event
/// `Failed` (`pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`).
pub(super) fn cannot_create(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    message: &str,
) {
    let namespace = workload.namespace.as_str();
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let now = ctx.shop.now();
    let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(now);
    let first = time::after(created, 2);
    forget_events(world, namespace, pod, &["Created", "Started"]);
    waiting(
        world,
        &ctx.shop,
        namespace,
        pod,
        "CreateContainerConfigError",
        message,
        first,
    );
    let happening = Happening {
        object: ("Pod", namespace, pod),
        container: Some(&workload.name),
        kind: "Warning",
        reason: "Failed",
        message: format!("Error: {message}"),
        component: "kubelet",
        node: text(&object, "/spec/nodeName"),
        first,
        last: time::before(now, 7).max(first),
        count: ((now.as_second() - first.as_second()) / 13).max(1),
    };
    record(&ctx.shop.stamp, world, &happening);
    no_log(world, workload, pod, "CreateContainerConfigError");
    ctx.metrics.forget(&[("namespace", namespace), ("pod", pod)]);
}

fn no_log(world: &mut World, workload: &Workload, pod: &str, reason: &str) {
    let container = &workload.name;
    let log = world.log_mut(&workload.namespace, pod, container);
    *log = ContainerLog {
        error: Some(format!(
            "container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}"
        )),
        previous_error: Some(format!(
            "previous terminated container \"{container}\" in pod \"{pod}\" not found"
        )),
        ..ContainerLog::default()
    };
}

/// Removes events of these reasons about an object.
pub(super) fn forget_events(world: &mut World, namespace: &str, name: &str, reasons: &[&str]) {
    let names: Vec<String> = world
        .of_kind("Event")
        .filter(|event| text(event, "/metadata/namespace") == namespace)
        .filter(|event| {
            text(event, "/involvedObject/name") == name && reasons.contains(&text(event, "/reason"))
        })
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for event in names {
        world.remove("Event", namespace, &event);
    }
}

/// A rollout whose pods the API server does not admit: the new ReplicaSet stays empty and says why (`FailedCreate`,
/// `pkg/controller/controller_utils.go`; condition `ReplicaFailure`).
pub(super) fn refuse_pods(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    rolled: &Rolled,
    why: &str,
) {
    let namespace = workload.namespace.as_str();
    let set = rolled.replica_set.as_str();
    let mut first = ctx.shop.now();
    for pod in &rolled.new_pods {
        if let Some(object) = world.get("Pod", namespace, pod) {
            first = time::parse(text(object, "/metadata/creationTimestamp"))
                .unwrap_or(first)
                .min(first);
        }
        forget_events(
            world,
            namespace,
            pod,
            &["Scheduled", "Pulled", "Created", "Started"],
        );
        remove_pod(world, &mut ctx.metrics, namespace, pod, first);
        ctx.metrics
            .forget(&[("namespace", namespace), ("pod", pod.as_str())]);
    }
    forget_events(world, namespace, set, &["SuccessfulCreate"]);
    failed_create(world, &ctx.shop, (namespace, set), why, first);
    if let Some(object) = world.get_mut("ReplicaSet", namespace, set) {
        set_failure(object, why, first);
        ctx.shop.stamp.touch_status(object, first);
    }
    if let Some(object) = world.get_mut("Deployment", namespace, &workload.name) {
        let failure = condition("ReplicaFailure", "True", "FailedCreate", why, first, first);
        push(object, "/status/conditions", failure);
    }
}

/// The event of a ReplicaSet that may not create pods; it tries with a doubling delay up to about 16 minutes.
pub(super) fn failed_create(
    world: &mut World,
    shop: &Shop,
    (namespace, set): (&str, &str),
    why: &str,
    first: Timestamp,
) {
    let age = (shop.now().as_second() - first.as_second()).max(1);
    let tries = 12 + age / 160;
    let happening = Happening {
        object: ("ReplicaSet", namespace, set),
        container: None,
        kind: "Warning",
        reason: "FailedCreate",
        message: format!("Error creating: {why}"),
        component: "replicaset-controller",
        node: "",
        first,
        last: time::before(shop.now(), age.min(95)).max(first),
        count: tries,
    };
    record(&shop.stamp, world, &happening);
}

fn set_failure(object: &mut Value, why: &str, at: Timestamp) {
    let failure = json!([{
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why,
        "lastTransitionTime": time::seconds(at)
    }]);
    set(object, "/status/conditions", failure);
}

/// Name of a workload's ConfigMap.
pub(super) fn config_map(workload: &Workload) -> ObjectKey {
    key(
        "",
        "ConfigMap",
        &workload.namespace,
        &format!("{}-config", workload.name),
    )
}

/// A key of a workload's ConfigMap that holds the address of something it calls: key, value, and what it calls.
pub(super) fn address_key(
    world: &World,
    shop: &Shop,
    workload: &Workload,
) -> Option<(String, String, Workload)> {
    let map = world.object(&config_map(workload))?;
    crate::build::json::entries(map, "/data").find_map(|(key, value)| {
        let value = value.as_str()?;
        let callee = shop
            .callees(workload)
            .into_iter()
            .map(|callee| callee.workload)
            .find(|callee| value.contains(&callee.host()))?;
        Some((key.clone(), value.to_owned(), callee.clone()))
    })
}

/// The pod of a workload that runs the longest.
pub(super) fn oldest_pod(world: &World, workload: &Workload) -> Option<String> {
    crate::simulate::callers::pods_of(world, workload)
        .iter()
        .min_by_key(|pod| text(pod, "/status/startTime").to_owned())
        .map(|pod| text(pod, "/metadata/name").to_owned())
}
