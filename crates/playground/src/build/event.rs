//! Events as components record them, with the kubelet's aggregation and the API server's one hour to live. Must
//! not know which event matters.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::Stamp;
use super::time;
use crate::build::json::{set, text};
use crate::world::World;

/// How long the API server keeps Events (`kube-apiserver --event-ttl`, default 1h0m0s).
pub const TTL_SECONDS: i64 = 3600;

/// What happened to an object, when and how often.
#[derive(Debug, Clone)]
pub struct Happening<'a> {
    /// Kind, namespace and name of the object.
    pub object: (&'a str, &'a str, &'a str),
    /// Container, for events of one.
    pub container: Option<&'a str>,
    /// `Normal` or `Warning`.
    pub kind: &'static str,
    /// CamelCase reason.
    pub reason: &'static str,
    /// Text.
    pub message: String,
    /// Component that reports, e.g. `kubelet`.
    pub component: &'a str,
    /// Node of the component, `""` where it has none.
    pub node: &'a str,
    /// First occurrence.
    pub first: Timestamp,
    /// Last occurrence.
    pub last: Timestamp,
    /// Number of occurrences.
    pub count: i64,
}

/// Records an event, unless its last occurrence is older than the time to live.
pub fn record(stamp: &Stamp, world: &mut World, happening: &Happening<'_>) {
    if is_expired(stamp, happening.last) || happening.last > stamp.now {
        return;
    }
    let mut event = envelope(stamp, world, happening);
    let mut source = json!({ "component": happening.component });
    if !happening.node.is_empty() {
        set(&mut source, "/host", json!(happening.node));
    }
    set(&mut event, "/source", source);
    set(
        &mut event,
        "/firstTimestamp",
        json!(time::seconds(happening.first)),
    );
    set(&mut event, "/lastTimestamp", json!(time::seconds(happening.last)));
    set(&mut event, "/count", json!(happening.count.max(1)));
    set(&mut event, "/eventTime", Value::Null);
    set(&mut event, "/reportingInstance", json!(happening.node));
    world.insert(event);
}

/// Records an event of the scheduler, which uses `events.k8s.io/v1`: `eventTime` and `series` in place of the
/// old timestamps and count (`k8s.io/client-go/tools/events`).
pub fn record_scheduling(stamp: &Stamp, world: &mut World, happening: &Happening<'_>) {
    if is_expired(stamp, happening.last) || happening.last > stamp.now {
        return;
    }
    let mut event = envelope(stamp, world, happening);
    let action = match happening.reason {
        "Scheduled" => "Binding",
        "Preempted" => "Preempting",
        _ => "Scheduling",
    };
    set(&mut event, "/action", json!(action));
    set(&mut event, "/source", json!({}));
    set(&mut event, "/firstTimestamp", Value::Null);
    set(&mut event, "/lastTimestamp", Value::Null);
    set(&mut event, "/eventTime", json!(time::micros(happening.first)));
    set(
        &mut event,
        "/reportingInstance",
        json!("default-scheduler-control-plane-1"),
    );
    if happening.count > 1 {
        let series = json!({ "count": happening.count, "lastObservedTime": time::micros(happening.last) });
        set(&mut event, "/series", series);
    }
    world.insert(event);
}

/// The name of an Event: the object's, and the moment in nanoseconds (`client-go/tools/record/event.go`, `makeEvent`).
/// What is said within a second sorts in the order in which a pod comes to run.
pub fn event_name(stamp: &Stamp, event: &Value, at: Timestamp) -> String {
    const STEPS: [&str; 7] = [
        "Scheduled",
        "Pulling",
        "Pulled",
        "Created",
        "Started",
        "Unhealthy",
        "Killing",
    ];
    let (name, reason) = (text(event, "/involvedObject/name"), text(event, "/reason"));
    let rank = STEPS
        .iter()
        .position(|step| *step == reason)
        .unwrap_or(STEPS.len());
    let salt = format!("{name}/{reason}/{}", text(event, "/message"));
    let within =
        i128::try_from(rank).unwrap_or(0) * 110_000_000 + i128::from(stamp.hash(&salt) % 100_000_000);
    format!("{name}.{:x}", at.as_nanosecond() + within)
}

fn is_expired(stamp: &Stamp, last: Timestamp) -> bool {
    last < time::before(stamp.now, TTL_SECONDS)
}

fn envelope(stamp: &Stamp, world: &World, happening: &Happening<'_>) -> Value {
    let (kind, namespace, name) = happening.object;
    let involved = world.get(kind, namespace, name);
    let api_version = involved.map_or_else(
        || default_version(kind).to_owned(),
        |found| text(found, "/apiVersion").to_owned(),
    );
    let version = involved.map_or_else(
        || stamp.version_at(happening.first),
        |found| text(found, "/metadata/resourceVersion").to_owned(),
    );
    let identity = format!(
        "{name}/{}/{}/{}",
        happening.reason, happening.message, happening.component
    );
    let event_name = format!("{name}.{}", stamp.digest(&identity).get(..16).unwrap_or_default());
    let home = if namespace.is_empty() {
        "default"
    } else {
        namespace
    };
    let mut reference = json!({
        "kind": kind, "name": name, "uid": involved.map_or_else(|| stamp.uid(kind, namespace, name), |found| text(found, "/metadata/uid").to_owned()),
        "apiVersion": api_version, "resourceVersion": version
    });
    if kind == "Node" {
        reference = json!({ "kind": "Node", "name": name, "uid": name });
    }
    if !namespace.is_empty() {
        set(&mut reference, "/namespace", json!(namespace));
    }
    if let Some(container) = happening.container {
        set(
            &mut reference,
            "/fieldPath",
            json!(format!("spec.containers{{{container}}}")),
        );
    }
    let mut meta = stamp.meta("Event", home, &event_name, happening.first);
    set(
        &mut meta,
        "/resourceVersion",
        json!(stamp.version_at(happening.last)),
    );
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": reference,
        "type": happening.kind, "reason": happening.reason, "message": happening.message,
        "reportingComponent": happening.component
    })
}

fn default_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => "apps/v1",
        "Job" | "CronJob" => "batch/v1",
        "HorizontalPodAutoscaler" => "autoscaling/v2",
        "StorageClass" => "storage.k8s.io/v1",
        _ => "v1",
    }
}
