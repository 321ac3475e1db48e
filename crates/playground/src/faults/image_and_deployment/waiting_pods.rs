//! Pods that no node takes: what the scheduler writes about them. Must not know which rule keeps them out.

use serde_json::Value;

use crate::build::event::{Happening, record_scheduling};
use crate::build::json::text;
use crate::build::object::{CONTROLLER, owner};
use crate::build::pod::{Placement, pending};
use crate::build::time;
use crate::faults::FaultContext;
use crate::simulate::rollout::remove_pod;
use crate::world::World;

/// Whether preempting others could make room (`pkg/scheduler/framework/preemption/preemption.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::faults) enum Preemption {
    /// The rule concerns the node itself.
    NotHelpful,
    /// It concerns other pods, none of which may be preempted.
    NoVictims,
    /// It concerns other pods on so many nodes, none of which may be preempted; elsewhere it concerns the node itself.
    NoVictimsOn(usize),
}

/// `pkg/scheduler/framework/types.go`, `FitError.Error`: the reasons with their node counts, sorted as text.
pub(in crate::faults) fn unavailable(
    nodes: usize,
    reasons: &[(usize, &str)],
    preemption: Preemption,
) -> String {
    let mut counted: Vec<String> = reasons
        .iter()
        .map(|(count, reason)| format!("{count} {reason}"))
        .collect();
    counted.sort();
    let tried = match preemption {
        Preemption::NotHelpful => format!("{nodes} Preemption is not helpful for scheduling."),
        Preemption::NoVictims => format!("{nodes} No preemption victims found for incoming pod."),
        Preemption::NoVictimsOn(count) => format!(
            "{count} No preemption victims found for incoming pod, {} Preemption is not helpful for scheduling.",
            nodes - count
        ),
    };
    format!(
        "0/{nodes} nodes are available: {}. preemption: 0/{nodes} nodes are available: {tried}",
        counted.join(", ")
    )
}

/// Turns a running pod of a ReplicaSet into one that no node has taken since its creation.
pub(in crate::faults) fn hold(
    world: &mut World,
    ctx: &mut FaultContext,
    (namespace, pod): (&str, &str),
    message: &str,
) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let created = time::parse(text(&object, "/metadata/creationTimestamp")).unwrap_or(ctx.shop.now());
    let set_name = text(&object, "/metadata/ownerReferences/0/name").to_owned();
    let template = world
        .get("ReplicaSet", namespace, &set_name)
        .and_then(|set| set.pointer("/spec/template"))
        .cloned()
        .unwrap_or_default();
    let events: Vec<String> = world
        .of_kind("Event")
        .filter(|event| {
            text(event, "/involvedObject/name") == pod && text(event, "/metadata/namespace") == namespace
        })
        .map(|event| text(event, "/metadata/name").to_owned())
        .collect();
    for name in events {
        world.remove("Event", namespace, &name);
    }
    remove_pod(world, &mut ctx.metrics, namespace, pod, created);
    ctx.metrics.forget(&[("namespace", namespace), ("pod", pod)]);
    let shop = &ctx.shop;
    let parent: Value = owner(&shop.stamp, "apps/v1", "ReplicaSet", namespace, &set_name);
    let place = Placement {
        namespace,
        name: pod,
        owner: parent,
        node: None,
        address: "",
        created,
    };
    let waiting = pending(&shop.stamp, &template, &place, message);
    shop.stamp.put(world, waiting, CONTROLLER, created);
    let happening = Happening {
        object: ("Pod", namespace, pod),
        container: None,
        kind: "Warning",
        reason: "FailedScheduling",
        message: message.to_owned(),
        component: "default-scheduler",
        node: "",
        first: created,
        last: time::before(shop.now(), 70).max(created),
        count: (shop.now().as_second() - created.as_second()) / 300 + 1,
    };
    record_scheduling(&shop.stamp, world, &happening);
}
