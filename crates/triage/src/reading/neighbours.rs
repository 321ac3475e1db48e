//! Nodes that run short, and who uses what there. Reads the pods and namespaces of such nodes, so that a neighbour from
//! elsewhere can be told from a victim. Must not know which shortage is a cause.

use std::collections::{BTreeMap, BTreeSet};

use cluster::{ClusterReader, ClusterView, Object, Selectors, kinds, read};
use domain::ObjectRef;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::containers;
use crate::detectors::quantity;

/// Most nodes whose pods are read.
const NODE_LIMIT: usize = 3;
/// Most further namespaces that are read for them.
const NAMESPACE_LIMIT: usize = 8;
/// From this share on a machine's CPUs count as taken.
pub(crate) const BUSY: f64 = 0.93;
/// An eviction or kill longer ago than this is history.
pub(crate) const RECENT: SignedDuration = SignedDuration::from_hours(2);

/// What the containers of a workload use of a node's resource, and what they ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    /// The workload.
    pub(crate) workload: ObjectRef,
    /// In use.
    pub(crate) used: f64,
    /// Requested.
    pub(crate) requested: f64,
    /// Limits; `None` when a container has none.
    pub(crate) limit: Option<f64>,
    /// Its pods on the node.
    pub(crate) pods: Vec<ObjectRef>,
    /// Name of the container that uses most.
    pub(crate) container: String,
}

impl Share {
    /// What it uses beyond its requests.
    pub(crate) fn excess(&self) -> f64 {
        (self.used - self.requested).max(0.0)
    }
}

/// Reads events of nodes, then pods and namespaces of those that run short.
pub(crate) async fn read(reader: &ClusterReader, view: &mut ClusterView) {
    if let Some(events) = kinds::find("Event").filter(|_| view.has_list("Node", "")) {
        let about_nodes = Selectors::field("involvedObject.kind", "Node");
        read::selected(reader, view, events, "default", &about_nodes).await;
    }
    let Some(pods) = kinds::find("Pod") else { return };
    let nodes = strained(view);
    for node in &nodes {
        read::selected(reader, view, pods, "", &Selectors::field("spec.nodeName", node)).await;
    }
    let homes: BTreeSet<String> = view
        .of_kind("Pod")
        .filter(|pod| nodes.iter().any(|node| node == pod.str("spec.nodeName")))
        .map(|pod| pod.namespace().to_owned())
        .filter(|namespace| !view.namespaces.contains(namespace))
        .collect();
    let homes: Vec<String> = homes.into_iter().take(NAMESPACE_LIMIT).collect();
    read::namespaces(reader, view, &homes).await;
}

/// Nodes under pressure, with kills or evictions of late, or without idle CPU; those with most pods in view first.
fn strained(view: &ClusterView) -> Vec<String> {
    let mut nodes: Vec<(usize, &str)> = view
        .of_kind("Node")
        .filter(|node| {
            is_pressed(node, "MemoryPressure")
                || is_pressed(node, "DiskPressure")
                || !kills(view, node).is_empty()
                || busy(view, node).is_some_and(|share| share >= BUSY)
                || has_evicted(view, node)
                || has_preempted(view, node)
        })
        .map(|node| {
            let pods = view
                .of_kind("Pod")
                .filter(|pod| pod.str("spec.nodeName") == node.name());
            (pods.count(), node.name())
        })
        .collect();
    nodes.sort_by_key(|(pods, name)| (std::cmp::Reverse(*pods), (*name).to_owned()));
    nodes
        .into_iter()
        .take(NODE_LIMIT)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Whether a condition of a node is true.
pub(crate) fn is_pressed(node: &Object, condition: &str) -> bool {
    node.str(&format!("status.conditions[{condition}].status")) == "True"
}

/// Kills of the whole machine that the kubelet of a node saw (`pkg/kubelet/oom/oom_watcher_linux.go`).
pub(crate) fn kills<'a>(view: &'a ClusterView, node: &'a Object) -> Vec<&'a Object> {
    let mut events = view.events_of(node.reference());
    events.retain(|event| event.str("reason") == "SystemOOM");
    events
}

/// Whether pods of a node were evicted of late for the node's own shortage.
fn has_evicted(view: &ClusterView, node: &Object) -> bool {
    view.of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name())
        .any(|pod| eviction(view, pod).is_some())
}

/// Whether the scheduler pushed pods off a node of late.
fn has_preempted(view: &ClusterView, node: &Object) -> bool {
    view.of_kind("Event").any(|event| {
        event.str("reason") == "Preempted"
            && event
                .str("message")
                .ends_with(&format!("on node {}", node.name()))
    })
}

/// When a pod was evicted, if that was of late.
pub(crate) fn eviction(view: &ClusterView, pod: &Object) -> Option<Timestamp> {
    if pod.str("status.reason") != "Evicted" {
        return None;
    }
    let at = pod
        .time("status.conditions[DisruptionTarget].lastTransitionTime")
        .or_else(|| pod.time("status.conditions[Ready].lastTransitionTime"))
        .or_else(|| pod.time("status.startTime"))?;
    (view.now.duration_since(at) < RECENT).then_some(at)
}

/// The newest busy share of a node's CPUs, by its name or address in `instance`.
pub(crate) fn busy(view: &ClusterView, node: &Object) -> Option<f64> {
    machine(view, "node_cpu", node)?.last()
}

/// The series of a question that speaks of a node.
pub(crate) fn machine<'a>(view: &'a ClusterView, query: &str, node: &Object) -> Option<&'a cluster::Series> {
    let addresses: Vec<&str> = node
        .list("status.addresses")
        .iter()
        .filter_map(|address| address.get("address").and_then(Value::as_str))
        .chain([node.name()])
        .collect();
    view.series(query).iter().find(|series| {
        let instance = series.label("instance");
        addresses.contains(&instance)
            || instance
                .rsplit_once(':')
                .is_some_and(|(host, _)| addresses.contains(&host))
    })
}

/// Who uses what of a resource (`cpu`, `memory`) on a node by the answer to a question; the greatest excess first.
pub(crate) fn shares(view: &ClusterView, query: &str, resource: &str, node: &str) -> Vec<Share> {
    let mut by_workload: BTreeMap<ObjectRef, (Share, f64)> = BTreeMap::new();
    for series in view.series(query) {
        let Some(pod) = view.get("Pod", series.label("namespace"), series.label("pod")) else {
            continue;
        };
        let (Some(used), true) = (series.last(), pod.str("spec.nodeName") == node) else {
            continue;
        };
        let containers = containers::of(pod);
        let Some(container) = containers
            .iter()
            .find(|found| found.name == series.label("container"))
        else {
            continue;
        };
        let amount = |part: &str| {
            let pointer = format!("/resources/{part}/{resource}");
            container
                .spec
                .pointer(&pointer)
                .and_then(Value::as_str)
                .and_then(quantity)
        };
        let limit = amount("limits");
        let asked = amount("requests").or(limit).unwrap_or(0.0);
        let workload = view.workload_of(pod);
        let (share, most) = by_workload.entry(workload.clone()).or_insert_with(|| {
            let share = Share {
                workload,
                used: 0.0,
                requested: 0.0,
                limit: Some(0.0),
                pods: Vec::new(),
                container: String::new(),
            };
            (share, -1.0)
        });
        share.used += used;
        share.requested += asked;
        share.limit = share.limit.zip(limit).map(|(sum, more)| sum + more);
        share.pods.push(pod.reference().clone());
        if used > *most {
            *most = used;
            container.name.clone_into(&mut share.container);
        }
    }
    let mut out: Vec<Share> = by_workload.into_values().map(|(share, _)| share).collect();
    out.sort_by(|a, b| b.excess().total_cmp(&a.excess()));
    out
}
