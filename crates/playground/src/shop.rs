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

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::build::json::text;
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

    /// A free address for a pod on a node. Calico gives each node blocks of 64 out of the cluster's range
    /// (`blockSize: 26`), another one when the first is full.
    pub fn pod_address(&self, world: &World, node: &str, pod: &str) -> String {
        let taken: BTreeSet<&str> = world
            .of_kind("Pod")
            .filter(|other| text(other, "/spec/nodeName") == node && text(other, "/metadata/name") != pod)
            .map(|other| text(other, "/status/podIP"))
            .collect();
        let start = self.stamp.hash(&format!("address/{pod}"));
        (0..4)
            .flat_map(|nth| (0..62).map(move |step| (nth, (start + step) % 62 + 1)))
            .map(|(nth, host)| self.block_address(node, nth, host))
            .find(|address| !taken.contains(address.as_str()))
            .unwrap_or_default()
    }

    /// An address of the `nth` block of a node, out of 10.64.0.0/16.
    fn block_address(&self, node: &str, nth: u64, host: u64) -> String {
        let known = self.nodes.iter().position(|found| found.name == node);
        let key = match known.and_then(|index| u64::try_from(index).ok()) {
            Some(index) => index * 4 + nth,
            None => 64 + self.stamp.hash(&format!("block/{node}")) % 200 * 4 + nth,
        };
        // An odd factor keeps the blocks apart.
        let block = (self.stamp.hash("blocks") % 1_024 + key * 167) % 1_024;
        format!("10.64.{}.{}", block / 4, block % 4 * 64 + host)
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
