//! Rollouts whose new pods the API server does not admit: what the controllers write about it. Must not know which rule
//! forbids them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::controller::condition;
use crate::build::event::{Happening, record};
use crate::build::json::{push, set, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::FaultContext;
use crate::simulate::rollout::{Change, remove_pod, rollout};
use crate::world::World;

/// Rolls out a version whose pods are all refused with `why` and returns the new ReplicaSet's name
/// (`pkg/controller/replicaset/replica_set.go`, `pkg/controller/controller_utils.go`: FailedCreate).
pub(super) fn deny(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    at: Timestamp,
    why: &str,
) -> Option<String> {
    let shop = ctx.shop.clone();
    let change = Change::of(workload, at, false);
    let image = workload.image_at(workload.next_version());
    let rolled = rollout(world, &shop, &mut ctx.metrics, &change, |template| {
        set(template, "/spec/containers/0/image", json!(image));
    })?;
    for pod in &rolled.new_pods {
        forget(world, &workload.namespace, pod);
        remove_pod(world, &mut ctx.metrics, &workload.namespace, pod, at);
        ctx.metrics
            .forget(&[("namespace", &workload.namespace), ("pod", pod)]);
    }
    let set_name = rolled.replica_set;
    let named = |attempt: u64| {
        let suffix = shop.stamp.suffix(&format!("denied/{set_name}/{attempt}"), 5);
        format!("pods \"{set_name}-{suffix}\" is forbidden: {why}")
    };
    let failure = condition("ReplicaFailure", "True", "FailedCreate", &named(0), at, at);
    let on_set: Value = json!({
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": named(0),
        "lastTransitionTime": time::seconds(at)
    });
    if let Some(set) = world.get_mut("ReplicaSet", &workload.namespace, &set_name) {
        push(set, "/status/conditions", on_set);
        shop.stamp.touch_status(set, at);
    }
    if let Some(object) = world.get_mut("Deployment", &workload.namespace, &workload.name) {
        push(object, "/status/conditions", failure);
        shop.stamp.touch_status(object, at);
    }
    attempts(world, ctx, (&workload.namespace, &set_name), at, &named);
    Some(set_name)
}

/// The first attempts as events of their own, the later ones combined (`client-go/tools/record/events_cache.go`).
fn attempts(
    world: &mut World,
    ctx: &FaultContext,
    (namespace, set): (&str, &str),
    at: Timestamp,
    named: &dyn Fn(u64) -> String,
) {
    let shop = &ctx.shop;
    let mut say = |message: String, first: Timestamp, last: Timestamp, count: i64| {
        let happening = Happening {
            object: ("ReplicaSet", namespace, set),
            container: None,
            kind: "Warning",
            reason: "FailedCreate",
            message,
            component: "replicaset-controller",
            node: "",
            first,
            last,
            count,
        };
        record(&shop.stamp, world, &happening);
    };
    let mut moment = at;
    for (attempt, pause) in (0..9).zip([0, 1, 1, 1, 2, 3, 5, 10, 21]) {
        moment = time::after(moment, pause);
        say(format!("Error creating: {}", named(attempt)), moment, moment, 1);
    }
    let last = time::before(shop.now(), 47).max(moment);
    let combined = format!("(combined from similar events): Error creating: {}", named(9));
    let count = 3 + (last.as_second() - moment.as_second()) / 170;
    say(combined, time::after(moment, 41).min(last), last, count);
}

/// Removes the events of a pod that never was.
fn forget(world: &mut World, namespace: &str, pod: &str) {
    let created = format!("Created pod: {pod}");
    let names: Vec<String> = world
        .of_kind("Event")
        .filter(|event| text(event, "/metadata/namespace") == namespace)
        .filter(|event| text(event, "/involvedObject/name") == pod || text(event, "/message") == created)
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for name in names {
        world.remove("Event", namespace, &name);
    }
}
