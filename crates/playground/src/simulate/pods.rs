//! How a kubelet shows pods that wait, crash, restart or complete. Must not know why they do.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lives::Lives;
use crate::build::event::{Happening, record};
use crate::build::json::{items, number, set, text, unset};
use crate::build::pod::container_id;
use crate::build::time;
use crate::shop::Shop;
use crate::world::World;

/// How a container instance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Exit code.
    pub code: i64,
    /// `Error`, `OOMKilled`, `Completed`.
    pub reason: &'static str,
}

/// Killed by the kernel at the memory limit.
pub const OOM_KILLED: Exit = Exit {
    code: 137,
    reason: "OOMKilled",
};
/// Ended itself with an error.
pub const FAILED: Exit = Exit {
    code: 1,
    reason: "Error",
};

/// A duration as Go prints it.
pub fn go_duration(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, rest) => format!("{rest}s"),
        (minutes, rest) => format!("{minutes}m{rest}s"),
    }
}

/// Shows a container that ended and was restarted as `lives` say, and records the kubelet's BackOff event.
pub fn crash(world: &mut World, shop: &Shop, namespace: &str, pod: &str, lives: &Lives, exit: Exit) {
    let Some(object) = world.get("Pod", namespace, pod) else {
        return;
    };
    let container = text(object, "/spec/containers/0/name").to_owned();
    let uid = text(object, "/metadata/uid").to_owned();
    let node = text(object, "/spec/nodeName").to_owned();
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let restarts = lives.restarts();
    let last = terminated(shop, pod, &container, (start, end), exit, restarts.max(1) - 1);
    let identity = format!("{pod}_{namespace}({uid})");
    let at = lives.running_since.unwrap_or(end);
    alter(world, shop, namespace, pod, at, |status| {
        set(status, "/lastState", json!({ "terminated": last }));
        set(status, "/restartCount", json!(restarts));
        match lives.running_since {
            Some(since) => {
                set(
                    status,
                    "/state",
                    json!({ "running": { "startedAt": time::seconds(since) } }),
                );
                set(
                    status,
                    "/containerID",
                    json!(container_id(&shop.stamp, pod, &container, restarts)),
                );
            }
            None => {
                let message = format!(
                    "back-off {} restarting failed container={container} pod={identity}",
                    go_duration(lives.back_off_s)
                );
                set(
                    status,
                    "/state",
                    json!({ "waiting": { "reason": "CrashLoopBackOff", "message": message } }),
                );
                set(status, "/ready", json!(false));
                set(status, "/started", json!(false));
            }
        }
    });
    match lives.running_since {
        None => unready(world, shop, namespace, pod, end),
        Some(since) => ready_again(world, shop, namespace, pod, time::after(since, 12)),
    }
    restart_events(world, shop, namespace, pod, lives);
    let waited = lives.waited_s();
    if waited > 10 {
        let first = lives.finished.get(1).map_or(end, |(_, end)| *end);
        let last = if lives.running_since.is_some() {
            end
        } else {
            time::before(shop.now(), 11)
        };
        let span = (first, last.max(first));
        back_off_event(
            world,
            shop,
            (namespace, pod),
            &container,
            &uid,
            &node,
            span,
            waited / 13,
        );
    }
}

/// The kubelet repeats `Pulled`, `Created` and `Started` at each restart; the same text makes them one event with a
/// count.
fn restart_events(world: &mut World, shop: &Shop, namespace: &str, pod: &str, lives: &Lives) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let name = text(&object, "/spec/containers/0/name");
    let image = text(&object, "/spec/containers/0/image");
    let Some(first) = lives.finished.first().map(|(start, _)| *start) else {
        return;
    };
    let last = lives
        .running_since
        .or(lives.finished.last().map(|(start, _)| *start))
        .unwrap_or(first);
    let starts = i64::try_from(lives.finished.len()).unwrap_or(0) + i64::from(lives.running_since.is_some());
    for (reason, message) in [
        (
            "Pulled",
            format!("Container image \"{image}\" already present on machine"),
        ),
        ("Created", format!("Created container: {name}")),
        ("Started", format!("Started container {name}")),
    ] {
        let happening = Happening {
            object: ("Pod", namespace, pod),
            container: Some(name),
            kind: "Normal",
            reason,
            message,
            component: "kubelet",
            node: text(&object, "/spec/nodeName"),
            first,
            last,
            count: starts,
        };
        record(&shop.stamp, world, &happening);
    }
}

/// `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `doBackOff`: reason and message of the event.
#[expect(clippy::too_many_arguments, reason = "an event has that many parts")]
fn back_off_event(
    world: &mut World,
    shop: &Shop,
    (namespace, pod): (&str, &str),
    container: &str,
    uid: &str,
    node: &str,
    (first, last): (Timestamp, Timestamp),
    count: i64,
) {
    record(
        &shop.stamp,
        world,
        &Happening {
            object: ("Pod", namespace, pod),
            container: Some(container),
            kind: "Warning",
            reason: "BackOff",
            message: format!(
                "Back-off restarting failed container {container} in pod {pod}_{namespace}({uid})"
            ),
            component: "kubelet",
            node,
            first,
            last,
            count: count.max(2),
        },
    );
}

/// Shows the first container as waiting, e.g. for its image or its volume.
pub fn waiting(
    world: &mut World,
    shop: &Shop,
    namespace: &str,
    pod: &str,
    reason: &str,
    message: &str,
    since: Timestamp,
) {
    alter(world, shop, namespace, pod, since, |status| {
        let mut state = json!({ "waiting": { "reason": reason } });
        if !message.is_empty() {
            set(&mut state, "/waiting/message", json!(message));
        }
        set(status, "/state", state);
        set(status, "/ready", json!(false));
        set(status, "/started", json!(false));
        set(status, "/imageID", json!(""));
        unset(status, "", "containerID");
    });
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    set(object, "/status/phase", json!("Pending"));
    if reason == "ContainerCreating" {
        unset(object, "/status", "podIP");
        unset(object, "/status", "podIPs");
        condition(object, "PodReadyToStartContainers", "False", since, None);
    }
    unready(world, shop, namespace, pod, since);
}

/// Marks a pod as not ready since a moment: `ContainersNotReady` (`pkg/kubelet/status/generate.go`).
pub fn unready(world: &mut World, shop: &Shop, namespace: &str, pod: &str, since: Timestamp) {
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    let names: Vec<String> = items(object, "/status/containerStatuses")
        .iter()
        .filter(|status| status.get("ready") != Some(&json!(true)))
        .map(|status| text(status, "/name").to_owned())
        .collect();
    let message = format!("containers with unready status: [{}]", names.join(" "));
    for kind in ["Ready", "ContainersReady"] {
        condition(
            object,
            kind,
            "False",
            since,
            Some(("ContainersNotReady", &message)),
        );
    }
    shop.stamp.touch_status(object, since);
}

/// Marks the first container as running but failing its readiness probe.
pub fn failing_readiness(world: &mut World, shop: &Shop, namespace: &str, pod: &str, since: Timestamp) {
    alter(world, shop, namespace, pod, since, |status| {
        set(status, "/ready", json!(false));
    });
    unready(world, shop, namespace, pod, since);
}

/// Shows a pod that ran to completion.
pub fn complete(
    world: &mut World,
    shop: &Shop,
    namespace: &str,
    pod: &str,
    exit: Exit,
    (start, end): (Timestamp, Timestamp),
) {
    let Some(object) = world.get("Pod", namespace, pod) else {
        return;
    };
    let container = text(object, "/spec/containers/0/name").to_owned();
    let ended = terminated(shop, pod, &container, (start, end), exit, 0);
    alter(world, shop, namespace, pod, end, |status| {
        set(status, "/state", json!({ "terminated": ended }));
        set(status, "/ready", json!(false));
        set(status, "/started", json!(false));
    });
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    let (phase, reason) = if exit.code == 0 {
        ("Succeeded", "PodCompleted")
    } else {
        ("Failed", "PodFailed")
    };
    set(object, "/status/phase", json!(phase));
    condition(object, "PodReadyToStartContainers", "False", end, None);
    for kind in ["Ready", "ContainersReady"] {
        condition(object, kind, "False", end, Some((reason, "")));
    }
    shop.stamp.touch_status(object, end);
}

fn ready_again(world: &mut World, shop: &Shop, namespace: &str, pod: &str, since: Timestamp) {
    let ready = since < shop.now();
    alter(world, shop, namespace, pod, since.min(shop.now()), |status| {
        set(status, "/ready", json!(ready));
    });
    if !ready {
        unready(world, shop, namespace, pod, time::before(since, 12));
        return;
    }
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    for kind in ["Ready", "ContainersReady"] {
        condition(object, kind, "True", since, None);
    }
    shop.stamp.touch_status(object, since);
}

/// A finished instance.
fn terminated(
    shop: &Shop,
    pod: &str,
    container: &str,
    (start, end): (Timestamp, Timestamp),
    exit: Exit,
    attempt: i64,
) -> Value {
    json!({
        "exitCode": exit.code, "reason": exit.reason, "startedAt": time::seconds(start),
        "finishedAt": time::seconds(end), "containerID": container_id(&shop.stamp, pod, container, attempt)
    })
}

/// Alters the status of a pod's first container.
fn alter(
    world: &mut World,
    shop: &Shop,
    namespace: &str,
    pod: &str,
    at: Timestamp,
    change: impl FnOnce(&mut Value),
) {
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    if let Some(status) = object.pointer_mut("/status/containerStatuses/0") {
        change(status);
    }
    shop.stamp.touch_status(object, at);
}

fn condition(pod: &mut Value, kind: &str, status: &str, since: Timestamp, why: Option<(&str, &str)>) {
    let Some(conditions) = pod
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    for condition in conditions
        .iter_mut()
        .filter(|condition| text(condition, "/type") == kind)
    {
        set(condition, "/status", json!(status));
        set(condition, "/lastTransitionTime", json!(time::seconds(since)));
        unset(condition, "", "reason");
        unset(condition, "", "message");
        if let Some((reason, message)) = why {
            set(condition, "/reason", json!(reason));
            if !message.is_empty() {
                set(condition, "/message", json!(message));
            }
        }
    }
}

/// Restart count of a pod's first container.
pub fn restarts(pod: &Value) -> i64 {
    number(pod, "/status/containerStatuses/0/restartCount")
}
