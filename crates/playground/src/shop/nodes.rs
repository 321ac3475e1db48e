//! Nodes, their Leases and namespaces. Must not know the shop's workloads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Node, Shop};
use crate::build::object::{INSTALLER, KUBELET};
use crate::build::time;
use crate::names::{NAMESPACES, Names};
use crate::world::World;

/// The simulated version of Kubernetes.
pub const KUBERNETES: &str = "v1.33.1";

/// The six nodes in two zones.
pub fn list(names: &Names) -> Vec<Node> {
    let platform = &names.platform;
    platform
        .nodes
        .iter()
        .enumerate()
        .map(|(index, name)| Node {
            name: name.clone(),
            address: format!("10.0.{}.{}", index % 2 + 1, 20 + index * 31),
            zone: platform.zones[index % 2].clone(),
        })
        .collect()
}

/// Adds nodes, Leases, NodeMetrics and namespaces.
pub fn build(world: &mut World, shop: &Shop) {
    for (index, node) in shop.nodes.iter().enumerate() {
        let created = time::days_before(shop.now(), 96 + i64::try_from(index).unwrap_or(0) * 7);
        shop.stamp.put(
            world,
            node_object(shop, node, created),
            KUBELET,
            time::before(shop.now(), 140),
        );
        shop.stamp.put(
            world,
            lease(shop, node, created),
            KUBELET,
            time::before(shop.now(), 4),
        );
    }
    let roles = NAMESPACES.iter().map(|(role, _)| shop.names.namespace(role));
    let system = ["default", "kube-node-lease", "kube-public", "kube-system"].map(str::to_owned);
    for name in roles.chain(system) {
        let created = time::days_before(shop.now(), 402);
        shop.stamp
            .put(world, namespace(shop, &name, created), INSTALLER, created);
    }
}

/// An active Namespace.
pub fn namespace(shop: &Shop, name: &str, created: Timestamp) -> Value {
    let labels = json!({ "kubernetes.io/metadata.name": name });
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": shop.stamp.labelled("Namespace", "", name, created, &labels),
        "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" }
    })
}

/// A healthy Node.
pub fn node_object(shop: &Shop, node: &Node, created: Timestamp) -> Value {
    let platform = &shop.names.platform;
    let mut meta = shop
        .stamp
        .labelled("Node", "", &node.name, created, &labels(shop, node));
    meta["annotations"] = json!({
        "node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        "csi.volume.kubernetes.io/nodeid": json!({ platform.driver: instance_id(shop, node) }).to_string()
    });
    let amount = |cpu: &str, memory: &str| {
        json!({
            "cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": "104845292Ki", "hugepages-2Mi": "0"
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": meta,
        "spec": { "providerID": format!("{}{}/{}", platform.provider_prefix, node.zone, instance_id(shop, node)) },
        "status": {
            "capacity": amount("4", "16070132Ki"),
            "allocatable": amount("3920m", "15053300Ki"),
            "addresses": [
                { "type": "InternalIP", "address": node.address }, { "type": "Hostname", "address": node.name }
            ],
            "conditions": conditions(shop, created),
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "images": [
                { "names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 320_368 },
                { "names": [platform.csi_image], "sizeBytes": 61_204_112 }
            ],
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": KUBERNETES,
                "kubeProxyVersion": "", "containerRuntimeVersion": "containerd://1.7.27",
                "kernelVersion": "6.8.0-1029-generic", "osImage": "Ubuntu 24.04.2 LTS",
                "bootID": shop.stamp.uuid(&format!("boot/{}", node.name)),
                "machineID": shop.stamp.digest(&format!("machine/{}", node.name)).get(..32).unwrap_or_default(),
                "systemUUID": shop.stamp.uuid(&format!("system/{}", node.name))
            }
        }
    })
}

fn labels(shop: &Shop, node: &Node) -> Value {
    let platform = &shop.names.platform;
    json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": node.name,
        "node.kubernetes.io/instance-type": platform.instance_type,
        "topology.kubernetes.io/region": platform.region, "topology.kubernetes.io/zone": node.zone,
        platform.topology_key: node.zone
    })
}

/// The machine's id in the cloud.
pub fn instance_id(shop: &Shop, node: &Node) -> String {
    format!(
        "i-0{}",
        shop.stamp
            .digest(&format!("instance/{}", node.name))
            .get(..16)
            .unwrap_or_default()
    )
}

/// The kubelet's conditions (`pkg/kubelet/nodestatus/setters.go`).
fn conditions(shop: &Shop, created: Timestamp) -> Value {
    let one = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": time::seconds(time::before(shop.now(), 140)),
            "lastTransitionTime": time::seconds(time::after(created, 25))
        })
    };
    json!([
        one(
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available"
        ),
        one(
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure"
        ),
        one(
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available"
        ),
        one("Ready", "True", "KubeletReady", "kubelet is posting ready status")
    ])
}

/// The Lease by which its kubelet shows that it lives.
pub fn lease(shop: &Shop, node: &Node, created: Timestamp) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": shop.stamp.meta("Lease", "kube-node-lease", &node.name, created),
        "spec": {
            "holderIdentity": node.name, "leaseDurationSeconds": 40,
            "renewTime": time::micros(time::before(shop.now(), 4))
        }
    })
}
