//! Topology: who depends on whom.

use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;

/// A directed graph of dependencies between objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// All edges, sorted and without repeats.
    pub edges: Vec<Edge>,
}

/// `from` needs `to`: trouble at `to` can show at `from`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The object that depends.
    pub from: ObjectRef,
    /// The object that it needs.
    pub to: ObjectRef,
    /// In what way.
    pub kind: EdgeKind,
}

/// In what way one object needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A workload needs its pods, a pod its workload's template.
    Owns,
    /// A Service sends to pods or to their workload.
    Selects,
    /// An Ingress sends to a Service.
    Routes,
    /// A workload calls a Service that its configuration names.
    Calls,
    /// A pod reads a ConfigMap or Secret, or uses a service account.
    Uses,
    /// A pod mounts a claim, a claim binds a volume or asks a class.
    Mounts,
    /// A pod runs on a node.
    RunsOn,
    /// A node's volumes need a CSI driver's DaemonSet.
    Drives,
    /// A workload was made by a Helm release.
    ReleasedBy,
    /// A policy or quota limits a pod.
    Governs,
}

impl Topology {
    /// What `object` directly needs.
    pub fn needs<'a>(&'a self, object: &'a ObjectRef) -> impl Iterator<Item = &'a Edge> + 'a {
        self.edges.iter().filter(move |edge| &edge.from == object)
    }

    /// What directly needs `object`.
    pub fn needed_by<'a>(&'a self, object: &'a ObjectRef) -> impl Iterator<Item = &'a Edge> + 'a {
        self.edges.iter().filter(move |edge| &edge.to == object)
    }
}
