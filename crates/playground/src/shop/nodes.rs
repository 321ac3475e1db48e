//! Nodes, their Leases and namespaces. Must not know the shop's workloads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Node, Shop};
use crate::build::json::set;
use crate::build::object::{INSTALLER, KUBELET, Stamp};
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
            address: named_address(name)
                .unwrap_or_else(|| format!("10.0.{}.{}", index % 2 + 1, 20 + index * 31)),
            zone: platform.zones[index % 2].clone(),
        })
        .collect()
}

/// The address that Amazon's name of a machine is made of: `ip-10-0-1-150.…` has 10.0.1.150.
pub fn named_address(name: &str) -> Option<String> {
    let host = name.split('.').next()?.strip_prefix("ip-")?;
    let parts: Vec<&str> = host.split('-').collect();
    let is_address = parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok());
    is_address.then(|| parts.join("."))
}

/// When the `index`th node joined the cluster: about one a week, at any time of the day.
pub fn joined(shop: &Shop, index: usize) -> Timestamp {
    let days = 96 + i64::try_from(index).unwrap_or(0) * 7;
    let of_day = i64::try_from(shop.stamp.hash(&format!("joined/{index}")) % 70_000).unwrap_or(0);
    time::before(shop.now(), days * 86_400 + of_day)
}

/// The addresses that a cloud's node controller sets (`cloud-provider-aws`, `cloud-provider-gcp`).
pub fn addresses(name: &str, address: &str) -> Value {
    let one = |kind: &str, value: &str| json!({ "type": kind, "address": value });
    let dns = if name.starts_with("ip-") {
        Some(name.to_owned())
    } else {
        name.starts_with("gke-")
            .then(|| format!("{name}.c.main-project.internal"))
    };
    let list: Vec<Value> = [
        Some(one("InternalIP", address)),
        dns.map(|dns| one("InternalDNS", &dns)),
        Some(one("Hostname", name)),
    ]
    .into_iter()
    .flatten()
    .collect();
    Value::Array(list)
}

/// Sets the ids by which a machine is told from others: the firmware's uuid begins with `ec2` on Amazon's machines, and
/// systemd derives the machine's id from it.
pub fn identify(stamp: &Stamp, name: &str, info: &mut Value) {
    let uuid = stamp.uuid(&format!("system/{name}"));
    let system = if name.starts_with("ip-") {
        format!("ec2{}", uuid.get(3..).unwrap_or_default())
    } else {
        uuid
    };
    set(info, "/bootID", json!(stamp.uuid(&format!("boot/{name}"))));
    set(info, "/machineID", json!(system.replace('-', "")));
    set(info, "/systemUUID", json!(system));
}

/// Adds nodes, Leases, NodeMetrics and namespaces.
pub fn build(world: &mut World, shop: &Shop) {
    for (index, node) in shop.nodes.iter().enumerate() {
        let created = joined(shop, index);
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
    // The kubelet keeps a tenth of the disk for itself (`--eviction-hard=nodefs.available<10%`) and counts in bytes.
    let amount = |cpu: &str, memory: &str, disk: &str| {
        json!({
            "cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": disk, "hugepages-1Gi": "0",
            "hugepages-2Mi": "0"
        })
    };
    let mut info = json!({
        "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": KUBERNETES,
        "kubeProxyVersion": "", "containerRuntimeVersion": "containerd://1.7.27",
        "kernelVersion": kernel(platform.driver), "osImage": "Ubuntu 24.04.2 LTS"
    });
    identify(&shop.stamp, &node.name, &mut info);
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": meta,
        "spec": { "providerID": format!("{}{}/{}", platform.provider_prefix, node.zone, instance_id(shop, node)) },
        "status": {
            "capacity": amount("4", "16070132Ki", "104845292Ki"),
            "allocatable": amount("3920m", "15053300Ki", "95551679124"),
            "addresses": addresses(&node.name, &node.address),
            "conditions": conditions(shop, node, created),
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "images": [
                { "names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 320_368 },
                { "names": [platform.csi_image], "sizeBytes": 61_204_112 }
            ],
            "nodeInfo": info
        }
    })
}

/// Ubuntu's kernel for the cloud (packages `linux-aws`, `linux-gke`, `linux-azure`).
fn kernel(driver: &str) -> &'static str {
    match driver {
        "pd.csi.storage.gke.io" => "6.8.0-1029-gke",
        "disk.csi.azure.com" => "6.8.0-1029-azure",
        _ => "6.8.0-1029-aws",
    }
}

/// Labels of the kubelet and the cloud's node controller, the deprecated ones among them.
fn labels(shop: &Shop, node: &Node) -> Value {
    let platform = &shop.names.platform;
    json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": node.name,
        "node.kubernetes.io/instance-type": platform.instance_type,
        "topology.kubernetes.io/region": platform.region, "topology.kubernetes.io/zone": node.zone,
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/instance-type": platform.instance_type,
        "failure-domain.beta.kubernetes.io/region": platform.region,
        "failure-domain.beta.kubernetes.io/zone": node.zone,
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

/// Calico's condition (`node/pkg/lifecycle/startup`) and the kubelet's (`pkg/kubelet/nodestatus/setters.go`): all is well
/// as soon as the kubelet registers, but it is ready only once the network is.
fn conditions(shop: &Shop, node: &Node, created: Timestamp) -> Value {
    let start = i64::try_from(shop.stamp.hash(&format!("ready/{}", node.name)) % 15).unwrap_or(0);
    let ready = time::after(created, 15 + start);
    let beat = time::before(shop.now(), 140);
    let at =
        |kind: &str, status: &str, (reason, message): (&str, &str), beat: Timestamp, turned: Timestamp| {
            json!({
                "type": kind, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": time::seconds(beat), "lastTransitionTime": time::seconds(turned)
            })
        };
    let one = |kind: &str, status: &str, reason: &str, message: &str| {
        let turned = if kind == "Ready" { ready } else { created };
        at(kind, status, (reason, message), beat, turned)
    };
    let calico = ("CalicoIsUp", "Calico is running on this node");
    json!([
        at("NetworkUnavailable", "False", calico, ready, ready),
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
