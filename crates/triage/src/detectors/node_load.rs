//! Nodes whose memory or CPU a neighbour uses up: who takes far more than it asks for, and who suffers.

use cluster::{ClusterView, Object, changes};
use domain::{Fact, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::finding::{event_fact, signal};
use super::text::{ago, quantity};
use super::{Context, Detector};
use crate::containers;
use crate::reading::neighbours::{self, Share};

pub(super) const DETECTOR: Detector = Detector {
    name: "node-load",
    mechanisms: &[MEMORY, CPU],
    run,
};

const MEMORY: &str = "resource-exhaustion/node-memory-starvation";
const CPU: &str = "resource-exhaustion/node-cpu-starvation";
/// A rollout longer ago than this does not explain what began of late.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The excess of one over that of the next from which it stands out.
const LEAD: f64 = 3.0;

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for node in view.of_kind("Node") {
        out.extend(short_of_memory(context, node));
        out.extend(short_of_cpu(context, node));
    }
    out
}

/// A node that ran out of memory of late: the kernel killed processes of it, or the kubelet says so.
fn short_of_memory(context: &Context<'_>, node: &Object) -> Option<Signal> {
    let view = context.view;
    let pressed = neighbours::is_pressed(node, "MemoryPressure");
    let kills = neighbours::kills(view, node);
    let starved = sufferers(view, node);
    if !pressed && (kills.is_empty() || starved.is_empty()) {
        return None;
    }
    let shares = neighbours::shares(view, "top_memory", "memory", node.name());
    let whole = quantity(node.str("status.allocatable.memory"))?;
    let since = [
        node.time("status.conditions[MemoryPressure].lastTransitionTime")
            .filter(|_| pressed),
        kills.first().and_then(|event| cluster::view::event_start(event)),
    ];
    let facts: Vec<Fact> = kills.iter().take(3).map(|event| event_fact(event)).collect();
    let certainty = certainty(view, &shares, whole, 0.3, pressed || kills.len() > 1);
    let show = |bytes: f64| format!("{:.0}Mi", bytes / 1_048_576.0);
    let built = blame(
        view,
        node,
        ("memory", MEMORY, "limits.memory"),
        &shares,
        certainty,
        since.into_iter().flatten().min(),
        &show,
    )?;
    let mut built = built.affects(starved).facts(
        node,
        [
            "status.conditions[MemoryPressure].status",
            "status.conditions[MemoryPressure].reason",
            "status.allocatable.memory",
        ],
    );
    for fact in facts {
        built = built.fact(Some(fact));
    }
    Some(built.build())
}

/// A node without idle CPU.
fn short_of_cpu(context: &Context<'_>, node: &Object) -> Option<Signal> {
    let view = context.view;
    let series = neighbours::machine(view, "node_cpu", node)?;
    let busy: Vec<f64> = series
        .samples
        .iter()
        .filter(|(at, _)| view.now.duration_since(*at) < SignedDuration::from_mins(10))
        .map(|(_, value)| *value)
        .collect();
    let least = busy.iter().copied().reduce(f64::min)?;
    if least < neighbours::BUSY {
        return None;
    }
    let shares = neighbours::shares(view, "top_cpu", "cpu", node.name());
    let whole = quantity(node.str("status.capacity.cpu"))?;
    let since = series
        .samples
        .iter()
        .rev()
        .take_while(|(_, value)| *value >= neighbours::BUSY - 0.1)
        .last()
        .map(|(at, _)| *at);
    let certainty = certainty(view, &shares, whole, 0.4, true);
    let show = |cores: f64| format!("{:.0}m", cores * 1_000.0);
    let built = blame(
        view,
        node,
        ("CPU", CPU, "limits.cpu"),
        &shares,
        certainty,
        since,
        &show,
    )?;
    let residents = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name() && pod.str("status.phase") == "Running")
        .filter(|pod| pod.str("status.qosClass") != "Guaranteed");
    let residents: Vec<ObjectRef> = residents
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .collect();
    Some(
        built
            .affects(residents)
            .computed(
                node.reference(),
                "metrics.cpu.busy",
                &format!("{:.0}%", least * 100.0),
                None,
            )
            .facts(node, ["status.capacity.cpu"])
            .build(),
    )
}

/// Sure when one workload takes a great part of the node beyond its request, far ahead of the next, with no limit that
/// stops it, and since a change of its own.
fn certainty(view: &ClusterView, shares: &[Share], whole: f64, great: f64, proven: bool) -> f64 {
    let Some(first) = shares.first() else { return 0.0 };
    let second = shares.get(1).map_or(0.0, Share::excess);
    let stands_out = first.excess() > whole * great && first.excess() > second * LEAD;
    let unbounded = first.limit.is_none_or(|limit| limit > whole * 0.6);
    let changed = rolled_out(view, &first.workload).is_some_and(|at| view.now.duration_since(at) < DAY);
    match (stands_out, unbounded, changed) {
        (true, true, true) if proven => 0.93,
        (true, true, _) => 0.75,
        (true, ..) => 0.6,
        _ => 0.35,
    }
}

fn rolled_out(view: &ClusterView, workload: &ObjectRef) -> Option<Timestamp> {
    let owner = view.get_ref(workload)?;
    changes::revisions(view, owner)
        .and_then(|revisions| revisions.current.created())
        .or_else(|| owner.created())
}

fn blame(
    view: &ClusterView,
    node: &Object,
    (what, mechanism, part): (&str, &str, &str),
    shares: &[Share],
    certainty: f64,
    since: Option<Timestamp>,
    show: &dyn Fn(f64) -> String,
) -> Option<super::finding::SignalBuilder> {
    let first = shares.first().filter(|share| share.excess() > 0.0)?;
    let at = rolled_out(view, &first.workload);
    let when = at.map_or_else(String::new, |at| {
        format!("; it was rolled out {} ago", ago(view.now.duration_since(at)))
    });
    let limit = first.limit.map_or_else(|| "none".to_owned(), show);
    let message = format!(
        "{} has no {what} left: {} uses {} there, requests {}, limit {limit}{when}",
        node.reference(),
        first.workload,
        show(first.used),
        show(first.requested)
    );
    let field = format!(
        "spec.template.spec.containers[{}].resources.{part}",
        first.container
    );
    let mut built = signal("node-load", &first.workload, &message)
        .mechanism(mechanism, certainty)
        .severity(Severity::Critical)
        .onset(since.or(at))
        .affects([node.reference().clone()])
        .params(&field, &limit, None)
        .param("node", node.name())
        .param("container", &first.container);
    let resource = part.trim_start_matches("limits.");
    for share in shares.iter().take(3) {
        let path = format!("metrics.{resource}.used[{}]", node.name());
        built = built
            .computed(&share.workload, &path, &show(share.used), None)
            .computed(
                &share.workload,
                &format!("requests.{resource}[{}]", node.name()),
                &show(share.requested),
                None,
            );
    }
    if let Some(owner) = view.get_ref(&first.workload) {
        let base = format!("spec.template.spec.containers[{}].resources", first.container);
        let (requests, limits) = (
            format!("{base}.requests.{resource}"),
            format!("{base}.limits.{resource}"),
        );
        built = built.facts(owner, [requests.as_str(), limits.as_str()]);
    }
    Some(built)
}

/// Pods of a node that were evicted for its memory or killed with it, and their workloads.
fn sufferers(view: &ClusterView, node: &Object) -> Vec<ObjectRef> {
    let on_node = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name());
    let suffers = |pod: &&Object| {
        let evicted = neighbours::eviction(view, pod).is_some()
            && pod.str("status.message").contains("low on resource: memory");
        let killed = containers::of(pod).iter().any(|container| {
            let ended = container.terminated().and_then(|(_, state)| state.get("reason"));
            let recent = container
                .terminated_time("finishedAt")
                .is_some_and(|at| view.now.duration_since(at) < neighbours::RECENT);
            recent && ended.and_then(serde_json::Value::as_str) == Some("OOMKilled")
        });
        evicted || killed
    };
    on_node
        .filter(suffers)
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .collect()
}
