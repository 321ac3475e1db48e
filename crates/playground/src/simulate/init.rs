//! How a kubelet shows pods whose first init container keeps ending with an error. Must not know why it does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lives::Lives;
use super::pods::{Exit, go_duration, waiting};
use crate::build::event::{Happening, record};
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::pod::{container_id, image_id};
use crate::build::time;
use crate::shop::Shop;
use crate::world::World;

/// An init container that ends with an error again and again.
#[derive(Debug)]
pub struct InitCrash<'a> {
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Name of the pod.
    pub pod: &'a str,
    /// Its instances.
    pub lives: Lives,
    /// How each ended.
    pub exit: Exit,
    /// What each wrote to its log.
    pub said: &'a [String],
}

/// Shows the pod: init container in a crash loop, the others waiting (`pkg/kubelet/kubelet_pods.go`,
/// `PodInitializing`; `pkg/kubelet/status/generate.go`, `ContainersNotInitialized`).
pub fn init_crash(world: &mut World, shop: &Shop, crash: &InitCrash<'_>) {
    let (namespace, pod) = (crash.namespace, crash.pod);
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let Some(&(start, end)) = crash.lives.finished.last() else {
        return;
    };
    let init = object
        .pointer("/spec/initContainers/0")
        .cloned()
        .unwrap_or_default();
    let name = text(&init, "/name").to_owned();
    waiting(world, shop, namespace, pod, "PodInitializing", "", start);
    let status = status(shop, crash, &object, &init, (start, end));
    if let Some(object) = world.get_mut("Pod", namespace, pod) {
        set(object, "/status/initContainerStatuses", json!([status]));
        not_initialized(object, &name);
        shop.stamp.touch_status(object, end);
    }
    forget_main(world, namespace, pod, text(&object, "/spec/containers/0/name"));
    events(world, shop, crash, &object, &init);
    logs(
        world,
        crash,
        text(&object, "/spec/containers/0/name"),
        &name,
        (start, end),
    );
}

fn status(
    shop: &Shop,
    crash: &InitCrash<'_>,
    pod: &Value,
    init: &Value,
    (start, end): (Timestamp, Timestamp),
) -> Value {
    let (name, image) = (text(init, "/name"), text(init, "/image"));
    let restarts = crash.lives.restarts();
    let last = json!({
        "exitCode": crash.exit.code, "reason": crash.exit.reason, "startedAt": time::seconds(start),
        "finishedAt": time::seconds(end),
        "containerID": container_id(&shop.stamp, crash.pod, name, restarts)
    });
    let identity = format!(
        "{}_{}({})",
        crash.pod,
        crash.namespace,
        text(pod, "/metadata/uid")
    );
    let message = format!(
        "back-off {} restarting failed container={name} pod={identity}",
        go_duration(crash.lives.back_off_s)
    );
    json!({
        "name": name, "image": image, "imageID": image_id(&shop.stamp, image), "ready": false, "started": false,
        "restartCount": restarts, "containerID": container_id(&shop.stamp, crash.pod, name, restarts),
        "state": { "waiting": { "reason": "CrashLoopBackOff", "message": message } },
        "lastState": { "terminated": last }
    })
}

fn not_initialized(pod: &mut Value, name: &str) {
    let Some(conditions) = pod
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    for condition in conditions
        .iter_mut()
        .filter(|condition| text(condition, "/type") == "Initialized")
    {
        set(condition, "/status", json!("False"));
        set(condition, "/reason", json!("ContainersNotInitialized"));
        let message = format!("containers with incomplete status: [{name}]");
        set(condition, "/message", json!(message));
    }
}

/// Removes the events of a start of the application that did not happen.
fn forget_main(world: &mut World, namespace: &str, pod: &str, container: &str) {
    let path = format!("spec.containers{{{container}}}");
    let names: Vec<String> = world
        .of_kind("Event")
        .filter(|event| {
            text(event, "/involvedObject/name") == pod && text(event, "/involvedObject/fieldPath") == path
        })
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for name in names {
        world.remove("Event", namespace, &name);
    }
}

fn events(world: &mut World, shop: &Shop, crash: &InitCrash<'_>, pod: &Value, init: &Value) {
    let (name, image) = (text(init, "/name"), text(init, "/image"));
    let finished = &crash.lives.finished;
    let (Some((first, first_end)), Some((last, _))) = (finished.first(), finished.last()) else {
        return;
    };
    let starts = i64::try_from(finished.len()).unwrap_or(1);
    let identity = format!(
        "{}_{}({})",
        crash.pod,
        crash.namespace,
        text(pod, "/metadata/uid")
    );
    let quiet = time::before(shop.now(), 8).max(*first_end);
    let back_offs = (crash.lives.waited_s() / 13).max(2);
    let present = format!("Container image \"{image}\" already present on machine");
    let back_off = format!("Back-off restarting failed container {name} in pod {identity}");
    let rows = [
        ("Normal", "Pulled", present, (*first, *last), starts),
        (
            "Normal",
            "Created",
            format!("Created container: {name}"),
            (*first, *last),
            starts,
        ),
        (
            "Normal",
            "Started",
            format!("Started container {name}"),
            (*first, *last),
            starts,
        ),
        ("Warning", "BackOff", back_off, (*first_end, quiet), back_offs),
    ];
    for (kind, reason, message, (first, last), count) in rows {
        let mut happening = Happening {
            object: ("Pod", crash.namespace, crash.pod),
            container: None,
            kind,
            reason,
            message,
            component: "kubelet",
            node: text(pod, "/spec/nodeName"),
            first,
            last,
            count,
        };
        happening.container = Some(name);
        record(&shop.stamp, world, &happening);
    }
    field_paths(world, crash, name);
}

/// Events of init containers point to `spec.initContainers{…}` (`pkg/kubelet/container/ref.go`).
fn field_paths(world: &mut World, crash: &InitCrash<'_>, name: &str) {
    let plain = format!("spec.containers{{{name}}}");
    for (_, event) in world.objects_mut().filter(|(key, _)| key.kind == "Event") {
        if text(event, "/involvedObject/name") == crash.pod
            && text(event, "/involvedObject/fieldPath") == plain
        {
            let path = format!("spec.initContainers{{{name}}}");
            set(event, "/involvedObject/fieldPath", json!(path));
        }
    }
}

fn logs(
    world: &mut World,
    crash: &InitCrash<'_>,
    main: &str,
    name: &str,
    (start, end): (Timestamp, Timestamp),
) {
    let mut lines = Lines::default();
    for (index, said) in crash.said.iter().enumerate() {
        let at = time::after(start, i64::try_from(index).unwrap_or(0));
        lines.add(at.min(end), said);
    }
    let log = world.log_mut(crash.namespace, crash.pod, name);
    log.current = Some(lines.to_text());
    log.previous = Some(lines.to_text());
    let log = world.log_mut(crash.namespace, crash.pod, main);
    *log = crate::world::ContainerLog {
        error: Some(format!(
            "container \"{main}\" in pod \"{}\" is waiting to start: PodInitializing",
            crash.pod
        )),
        previous_error: Some(format!(
            "previous terminated container \"{main}\" in pod \"{}\" not found",
            crash.pod
        )),
        ..crate::world::ContainerLog::default()
    };
}
