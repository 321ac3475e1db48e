//! The baseline: a healthy online shop with about 20 workloads on six nodes. Must not know which fault comes.

pub mod apps;
pub mod batch;
pub mod catalogue;
pub mod chatter;
pub mod config;
pub mod definitions;
pub mod gpu;
pub mod history;
pub mod network;
pub mod nodes;
pub mod releases;
pub mod storage;
pub mod system;
pub mod telemetry;
pub mod vitals;

use jiff::Timestamp;

use crate::build::metrics::Metrics;
use crate::build::object::Stamp;
use crate::build::template::{Callee, template};
use crate::build::workload::Workload;
use crate::names::Names;
use crate::rng::Rng;
use crate::simulate::settle;
use crate::world::World;

/// A machine of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Internal address.
    pub address: String,
    /// Zone label.
    pub zone: String,
}

/// What the builders of objects need to know of the shop.
#[derive(Debug, Clone, PartialEq)]
pub struct Shop {
    /// Uids, hashes, resource versions.
    pub stamp: Stamp,
    /// Names of this world.
    pub names: Names,
    /// The workloads of the catalogue.
    pub workloads: Vec<Workload>,
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// A healthy shop: its world, what builders need to know of it, and its metric series.
pub struct Baseline {
    /// Objects and logs; `metrics` is still empty.
    pub world: World,
    /// The shop.
    pub shop: Shop,
    /// Series that are written to the world at the end.
    pub metrics: Metrics,
}

impl Shop {
    /// The frozen clock.
    pub fn now(&self) -> Timestamp {
        self.stamp.now
    }

    /// The workload of a role.
    pub fn role(&self, role: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.role == role)
    }

    /// The workload of that name.
    pub fn named(&self, namespace: &str, name: &str) -> Option<&Workload> {
        self.workloads
            .iter()
            .find(|workload| workload.namespace == namespace && workload.name == name)
    }

    /// Workloads that call `callee` directly.
    pub fn callers<'a>(&'a self, callee: &'a Workload) -> impl Iterator<Item = &'a Workload> + 'a {
        self.workloads
            .iter()
            .filter(move |workload| workload.calls.contains(&callee.role))
    }

    /// Workloads that `caller` calls.
    pub fn callees<'a>(&'a self, caller: &Workload) -> Vec<Callee<'a>> {
        caller
            .calls
            .iter()
            .filter_map(|role| self.role(role))
            .map(|workload| Callee { workload })
            .collect()
    }

    /// The pod template of a workload at a version.
    pub fn template(&self, workload: &Workload, version: (u64, u64, u64)) -> serde_json::Value {
        template(workload, &self.callees(workload), version)
    }

    /// The zone of a node.
    pub fn zone(&self, node: &str) -> String {
        self.nodes
            .iter()
            .find(|found| found.name == node)
            .map(|found| found.zone.clone())
            .unwrap_or_default()
    }

    /// A node for the `ordinal`th pod of something; pods of one controller spread over nodes.
    pub fn place(&self, of: &str, ordinal: usize) -> Option<&Node> {
        let start = usize::try_from(self.stamp.hash(&format!("place/{of}")) % 997).unwrap_or(0);
        self.nodes.get((start + ordinal * 5) % self.nodes.len().max(1))
    }

    /// The address that a pod has on a node.
    pub fn pod_address(&self, node: &str, pod: &str) -> String {
        let index = self
            .nodes
            .iter()
            .position(|found| found.name == node)
            .unwrap_or(0);
        let hash = self.stamp.hash(&format!("address/{pod}"));
        format!("10.{}.{}.{}", 64 + index, hash % 256, hash / 256 % 253 + 2)
    }
}

/// Builds the healthy shop.
pub fn build(names: Names, seed: u64, now: Timestamp) -> Baseline {
    let stamp = Stamp { seed, now };
    let mut world = World::new("shop", &names.cluster, now);
    let workloads = catalogue::workloads(&names, seed);
    let nodes = nodes::list(&names);
    let shop = Shop {
        stamp,
        names,
        workloads,
        nodes,
    };
    let mut rng = Rng::new(seed).fork("shop");
    nodes::build(&mut world, &shop);
    config::build(&mut world, &shop);
    storage::build(&mut world, &shop);
    system::build(&mut world, &shop);
    apps::build(&mut world, &shop, &mut rng);
    network::build(&mut world, &shop);
    releases::build(&mut world, &shop);
    batch::build(&mut world, &shop);
    settle::settle(&mut world, &shop);
    history::build(&mut world, &shop);
    chatter::build(&mut world, &shop);
    let mut metrics = Metrics::default();
    telemetry::build(&world, &shop, &mut metrics);
    vitals::build(&shop, &mut metrics);
    Baseline { world, shop, metrics }
}
