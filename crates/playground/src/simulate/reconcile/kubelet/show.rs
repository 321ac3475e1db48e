//! What a kubelet reports of a pod: phase, conditions, container states, Events. Must not know why.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Run;
use crate::build::json::{flag, items, number, set, text};
use crate::build::pod::{container_id, image_id, note_address};
use crate::build::time;
use crate::simulate::reconcile::cluster::{Cluster, Note};
use crate::world::World;

/// The state of a pod's containers.
pub(super) struct View {
    /// Since when the containers run that do.
    since: Option<Timestamp>,
    is_ready: bool,
    /// The container that matters, and whether it is an init container.
    failing: (usize, bool),
    /// Its state, if it does not run like the others.
    state: Option<Value>,
}

impl View {
    /// Nothing runs yet.
    pub(super) fn creating() -> Self {
        Self {
            since: None,
            is_ready: false,
            failing: (0, false),
            state: None,
        }
    }

    /// One container waits, and so all do.
    pub(super) fn waiting(failing: (usize, bool), waiting: Value) -> Self {
        Self {
            state: Some(json!({ "waiting": waiting })),
            failing,
            ..Self::creating()
        }
    }

    /// All run.
    pub(super) fn running(since: Timestamp, is_ready: bool, failing: (usize, bool)) -> Self {
        Self {
            since: Some(since),
            is_ready,
            failing,
            state: None,
        }
    }

    /// One ended, the others run.
    pub(super) fn ended(since: Timestamp, failing: (usize, bool), state: Value) -> Self {
        Self {
            since: (!failing.1).then_some(since),
            is_ready: false,
            failing,
            state: Some(state),
        }
    }
}

/// Writes the status of a pod.
pub(super) fn write(cluster: &mut Cluster<'_>, pod: &Value, run: &Run, view: &View) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let Some(mut pod) = cluster.get("Pod", namespace, name) else {
        return;
    };
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    let started = view.since.is_some();
    set(
        &mut status,
        "/phase",
        json!(if started { "Running" } else { "Pending" }),
    );
    addresses(cluster, &pod, &mut status, started || view.state.is_some());
    for (list, specs, is_init) in [
        ("containerStatuses", "/spec/containers", false),
        ("initContainerStatuses", "/spec/initContainers", true),
    ] {
        let statuses: Vec<Value> = items(&pod, specs)
            .iter()
            .enumerate()
            .map(|(index, container)| container_status(cluster, &pod, run, view, (container, index, is_init)))
            .collect();
        if !statuses.is_empty() {
            set(&mut status, &format!("/{list}"), Value::Array(statuses));
        }
    }
    conditions(cluster, &pod, &mut status, view);
    if cluster.shop.is_some() && text(&pod, "/status/podIP").is_empty() {
        let mut addressed = pod.clone();
        set(&mut addressed, "/status", status.clone());
        note_address(&cluster.stamp, &mut addressed);
        if let Some(notes) = addressed.pointer("/metadata/annotations") {
            set(&mut pod, "/metadata/annotations", notes.clone());
        }
    }
    cluster.update_status(pod, status);
}

fn container_status(
    cluster: &Cluster<'_>,
    pod: &Value,
    run: &Run,
    view: &View,
    (container, index, is_init): (&Value, usize, bool),
) -> Value {
    let (name, image) = (text(container, "/name"), text(container, "/image"));
    let pod_name = text(pod, "/metadata/name");
    let is_failing = (index, is_init) == view.failing;
    let restarts = if is_failing { run.restarts } else { 0 };
    let reason = if items(pod, "/spec/initContainers").is_empty() {
        "ContainerCreating"
    } else {
        "PodInitializing"
    };
    let state = match (&view.state, view.since) {
        (Some(state), _) if is_failing => state.clone(),
        (_, Some(since)) if is_init => json!({ "terminated": {
            "exitCode": 0, "reason": "Completed", "startedAt": time::seconds(since), "finishedAt": time::seconds(since),
            "containerID": container_id(&cluster.stamp, pod_name, name, 0)
        } }),
        (_, Some(since)) => json!({ "running": { "startedAt": time::seconds(since) } }),
        (_, None) => json!({ "waiting": { "reason": reason } }),
    };
    let runs = state.pointer("/running").is_some();
    let exists = runs || state.pointer("/terminated").is_some() || is_failing && run.last.is_some();
    let last = run
        .last
        .as_ref()
        .filter(|_| is_failing && state.pointer("/terminated").is_none())
        .map_or_else(|| json!({}), |last| json!({ "terminated": last }));
    let mut status = json!({
        "name": name, "state": state, "lastState": last, "ready": runs && (view.is_ready || !is_failing),
        "restartCount": restarts, "image": image,
        "imageID": if exists { image_id(&cluster.stamp, image) } else { String::new() }, "started": runs
    });
    if is_init && view.since.is_some() {
        set(&mut status, "/ready", json!(true));
    }
    if exists {
        let attempt = if runs { restarts } else { (restarts - 1).max(0) };
        let id = container_id(&cluster.stamp, pod_name, name, attempt);
        set(&mut status, "/containerID", json!(id));
    }
    status
}

fn addresses(cluster: &Cluster<'_>, pod: &Value, status: &mut Value, has_sandbox: bool) {
    let (node, name) = (text(pod, "/spec/nodeName"), text(pod, "/metadata/name"));
    let host = cluster
        .world()
        .get("Node", "", node)
        .map(|node| text(node, "/status/addresses/0/address").to_owned())
        .unwrap_or_default();
    set(status, "/hostIP", json!(host));
    set(status, "/hostIPs", json!([{ "ip": host }]));
    if text(status, "/startTime").is_empty() {
        set(status, "/startTime", json!(time::seconds(cluster.now())));
    }
    if !has_sandbox || !text(status, "/podIP").is_empty() {
        return;
    }
    let address = match cluster.shop {
        _ if flag(pod, "/spec/hostNetwork") => host,
        Some(shop) => shop.pod_address(cluster.world(), node, name),
        None => {
            let hash = cluster.stamp.hash(&format!("address/{name}"));
            format!("10.244.{}.{}", hash % 256, hash / 256 % 253 + 2)
        }
    };
    set(status, "/podIP", json!(address));
    set(status, "/podIPs", json!([{ "ip": address }]));
}

fn conditions(cluster: &Cluster<'_>, pod: &Value, status: &mut Value, view: &View) {
    let unready: Vec<String> = items(status, "/containerStatuses")
        .iter()
        .filter(|status| !flag(status, "/ready"))
        .map(|status| text(status, "/name").to_owned())
        .collect();
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    let not_ready = (!unready.is_empty()).then_some(("ContainersNotReady", message.as_str()));
    let not_initialized = (view.failing.1 && view.since.is_none()).then_some((
        "ContainersNotInitialized",
        "containers with incomplete status: [init]",
    ));
    let has_sandbox = !text(status, "/podIP").is_empty();
    let wanted = [
        ("PodReadyToStartContainers", has_sandbox, None),
        ("Initialized", not_initialized.is_none(), not_initialized),
        ("Ready", unready.is_empty(), not_ready),
        ("ContainersReady", unready.is_empty(), not_ready),
        ("PodScheduled", true, None),
    ];
    let known = items(pod, "/status/conditions");
    let list: Vec<Value> = wanted
        .into_iter()
        .map(|(kind, holds, why)| {
            let state = if holds { "True" } else { "False" };
            let since = known
                .iter()
                .find(|condition| text(condition, "/type") == kind && text(condition, "/status") == state)
                .map_or_else(
                    || time::seconds(cluster.now()),
                    |condition| text(condition, "/lastTransitionTime").to_owned(),
                );
            let mut condition =
                json!({ "type": kind, "status": state, "lastProbeTime": null, "lastTransitionTime": since });
            if let Some((reason, message)) = why {
                set(&mut condition, "/reason", json!(reason));
                set(&mut condition, "/message", json!(message));
            }
            condition
        })
        .collect();
    set(status, "/conditions", Value::Array(list));
}

/// Shows a pod that ran to its end.
pub(super) fn complete(cluster: &mut Cluster<'_>, pod: &Value, since: Timestamp, code: i64, reason: &str) {
    let now = time::seconds(cluster.now());
    let mut status = pod.get("status").cloned().unwrap_or_default();
    let (phase, why) = if code == 0 {
        ("Succeeded", "PodCompleted")
    } else {
        ("Failed", "PodFailed")
    };
    set(&mut status, "/phase", json!(phase));
    for index in 0..items(&status, "/containerStatuses").len() {
        let at = format!("/containerStatuses/{index}");
        let id = text(&status, &format!("{at}/containerID")).to_owned();
        let ended = json!({
            "exitCode": code, "reason": reason, "startedAt": time::seconds(since), "finishedAt": now, "containerID": id
        });
        set(
            &mut status,
            &format!("{at}/state"),
            json!({ "terminated": ended }),
        );
        set(&mut status, &format!("{at}/ready"), json!(false));
        set(&mut status, &format!("{at}/started"), json!(false));
    }
    for index in 0..items(&status, "/conditions").len() {
        let at = format!("/conditions/{index}");
        if matches!(text(&status, &format!("{at}/type")), "Ready" | "ContainersReady") {
            set(&mut status, &format!("{at}/status"), json!("False"));
            set(&mut status, &format!("{at}/reason"), json!(why));
            set(&mut status, &format!("{at}/lastTransitionTime"), json!(now));
        }
    }
    cluster.update_status(pod.clone(), status);
}

/// An ordinary Event of the kubelet about a container.
pub(super) fn say(cluster: &mut Cluster<'_>, pod: &Value, container: &Value, reason: &str, message: &str) {
    about(cluster, pod, container, ("Normal", reason), message);
}

/// A warning of the kubelet about a container.
pub(super) fn warn(cluster: &mut Cluster<'_>, pod: &Value, container: &Value, reason: &str, message: &str) {
    about(cluster, pod, container, ("Warning", reason), message);
}

fn about(
    cluster: &mut Cluster<'_>,
    pod: &Value,
    container: &Value,
    (kind, reason): (&str, &str),
    message: &str,
) {
    cluster.note(&Note {
        object: pod,
        kind,
        reason,
        message,
        component: "kubelet",
        field: &format!("spec.containers{{{}}}", text(container, "/name")),
    });
}

/// Seconds from the start of the containers until their readiness probes succeed.
pub(super) fn readiness_s(pod: &Value) -> i64 {
    items(pod, "/spec/containers")
        .iter()
        .filter_map(|container| container.get("readinessProbe"))
        .map(|probe| number(probe, "/initialDelaySeconds") + number(probe, "/periodSeconds").clamp(1, 10) / 2)
        .max()
        .unwrap_or(1)
        .clamp(1, 60)
}

/// Whether a container of that image has run on the node.
pub(crate) fn has_image(world: &World, node: &str, image: &str) -> bool {
    world.objects_of("", "Pod", None).any(|(_, pod)| {
        text(pod, "/spec/nodeName") == node
            && items(pod, "/status/containerStatuses")
                .iter()
                .any(|status| text(status, "/image") == image && !text(status, "/imageID").is_empty())
    })
}
