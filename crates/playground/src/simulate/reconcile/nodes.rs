//! A node that is cordoned, tainted or gone, and the CSI drivers that its kubelet knows. Must not know why.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use super::scheduler::tolerates;
use super::{kubelet, pods};
use crate::build::json::{escape, flag, items, set, text};
use crate::build::object::{CONTROLLER, KUBELET};
use crate::build::time;
use crate::shop::nodes::{addresses, identify, named_address};

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// Taints that follow from the node's condition.
const REPORTED: &[&str] = &["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// One look at a node.
pub(super) fn sync(cluster: &mut Cluster<'_>, name: &str) -> Option<SignedDuration> {
    let Some(node) = cluster.get("Node", "", name) else {
        return forget(cluster, name);
    };
    if items(&node, "/status/conditions").is_empty() {
        return join(cluster, node);
    }
    evict(cluster, &node);
    show_cordon(cluster, node, name);
    None
}

/// Ends the pods that do not tolerate what somebody put on the node (`pkg/controller/tainteviction`). The taints of a node
/// that does not answer are the node lifecycle controller's, and pods stay for a while. Only `out-of-service` also makes the
/// API server forget pods that no kubelet stops (`pkg/controller/podgc`, `gcTerminating`).
fn evict(cluster: &mut Cluster<'_>, node: &Value) {
    let taints: Vec<&Value> = items(node, "/spec/taints")
        .iter()
        .filter(|taint| text(taint, "/effect") == "NoExecute" && !REPORTED.contains(&text(taint, "/key")))
        .collect();
    if taints.is_empty() {
        return;
    }
    let name = text(node, "/metadata/name");
    let is_lost =
        taints.iter().any(|taint| text(taint, "/key") == OUT_OF_SERVICE) && !kubelet::runs(cluster, name);
    let evicted: Vec<Value> = cluster
        .list("Pod", "")
        .into_iter()
        .filter(|pod| text(pod, "/spec/nodeName") == name)
        .filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .filter(|pod| {
            let spec = pod.get("spec").cloned().unwrap_or_default();
            taints.iter().any(|taint| !tolerates(&spec, taint))
        })
        .collect();
    for pod in &evicted {
        if pod.pointer("/metadata/deletionTimestamp").is_none() {
            let words = format!(
                "Marking for deletion Pod {}/{}",
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/name")
            );
            cluster.note(&Note {
                object: pod,
                kind: "Normal",
                reason: "TaintManagerEviction",
                message: &words,
                component: "taint-eviction-controller",
                field: "",
            });
        }
        if is_lost {
            cluster.remove(pod);
        } else {
            pods::delete(cluster, pod);
        }
    }
}

/// Taints a cordoned node (`pkg/controller/nodelifecycle`) and says so (`pkg/kubelet/kubelet_node_status.go`).
fn show_cordon(cluster: &mut Cluster<'_>, mut node: Value, name: &str) {
    let is_cordoned = flag(&node, "/spec/unschedulable");
    let mut taints = items(&node, "/spec/taints").to_vec();
    let is_tainted = taints.iter().any(|taint| text(taint, "/key") == UNSCHEDULABLE);
    if is_cordoned == is_tainted {
        return;
    }
    let reason = if is_cordoned {
        taints.push(json!({
            "key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": time::seconds(cluster.now())
        }));
        "NodeNotSchedulable"
    } else {
        taints.retain(|taint| text(taint, "/key") != UNSCHEDULABLE);
        "NodeSchedulable"
    };
    if taints.is_empty() {
        crate::build::json::unset(&mut node, "/spec", "taints");
    } else {
        set(&mut node, "/spec/taints", Value::Array(taints));
    }
    cluster.note(&Note {
        object: &node,
        kind: "Normal",
        reason,
        message: &format!("Node {name} status is now: {reason}"),
        component: "kubelet",
        field: "",
    });
    cluster.update(node, CONTROLLER, &["/spec/taints"]);
}

/// The pods of a node that is gone are deleted (`pkg/controller/podgc`, after 40 s of quarantine).
fn forget(cluster: &mut Cluster<'_>, name: &str) -> Option<SignedDuration> {
    let orphans: Vec<Value> = cluster
        .list("Pod", "")
        .into_iter()
        .filter(|pod| text(pod, "/spec/nodeName") == name)
        .collect();
    for pod in &orphans {
        cluster.remove(pod);
    }
    None
}

/// A new machine: its kubelet posts what others of the cluster have, and is ready a little later.
fn join(cluster: &mut Cluster<'_>, node: Value) -> Option<SignedDuration> {
    let created = time::parse(text(&node, "/metadata/creationTimestamp")).unwrap_or(cluster.now());
    if cluster.age_s(created) < 15 {
        return Some(SignedDuration::from_secs(15));
    }
    let name = text(&node, "/metadata/name").to_owned();
    let like = cluster.world().of_kind("Node").find(|other| {
        items(other, "/status/conditions")
            .iter()
            .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
    })?;
    let now = time::seconds(cluster.now());
    let mut status = like.get("status").cloned().unwrap_or_default();
    for index in 0..items(&status, "/conditions").len() {
        for field in ["lastHeartbeatTime", "lastTransitionTime"] {
            set(&mut status, &format!("/conditions/{index}/{field}"), json!(now));
        }
    }
    let hash = cluster.stamp.hash(&format!("node/{name}"));
    let is_free = |address: &String| {
        !cluster
            .world()
            .of_kind("Node")
            .any(|other| text(other, "/status/addresses/0/address") == address)
    };
    let address = named_address(&name)
        .filter(is_free)
        .unwrap_or_else(|| format!("10.0.{}.{}", hash % 2 + 1, 200 + hash / 2 % 50));
    set(&mut status, "/addresses", addresses(&name, &address));
    let mut info = status.get("nodeInfo").cloned().unwrap_or_else(|| json!({}));
    identify(&cluster.stamp, &name, &mut info);
    set(&mut status, "/nodeInfo", info);
    for (reason, words) in [
        ("Starting", "Starting kubelet.".to_owned()),
        ("NodeReady", format!("Node {name} status is now: NodeReady")),
    ] {
        cluster.note(&Note {
            object: &node,
            kind: "Normal",
            reason,
            message: &words,
            component: "kubelet",
            field: "",
        });
    }
    if cluster.world().get("CSINode", "", &name).is_none() {
        let empty = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": { "name": name }, "spec": { "drivers": null }
        });
        cluster.create(empty, KUBELET);
    }
    cluster.update_status(node, status);
    None
}

/// A registrar that runs tells the kubelet of its driver, which enters it into the CSINode
/// (`pkg/volume/csi/nodeinfomanager`, `InstallCSIDriver`).
pub(super) fn register_driver(cluster: &mut Cluster<'_>, pod: &Value) {
    let Some(driver) = registered_driver(pod) else {
        return;
    };
    let node = text(pod, "/spec/nodeName");
    let Some(mut object) = cluster.get("CSINode", "", node) else {
        return;
    };
    let known = items(&object, "/spec/drivers").to_vec();
    if known.iter().any(|found| text(found, "/name") == driver) {
        return;
    }
    let like = cluster
        .world()
        .of_kind("CSINode")
        .flat_map(|found| items(found, "/spec/drivers"))
        .find(|found| text(found, "/name") == driver)
        .cloned();
    let mut entry = like.unwrap_or_else(|| json!({ "name": driver, "topologyKeys": ["kubernetes.io/os"] }));
    let annotation = escape("csi.volume.kubernetes.io/nodeid");
    let ids = cluster
        .world()
        .get("Node", "", node)
        .map(|found| text(found, &format!("/metadata/annotations/{annotation}")).to_owned())
        .and_then(|packed| serde_json::from_str::<Value>(&packed).ok())
        .unwrap_or_default();
    let id = ids.get(&driver).and_then(Value::as_str).unwrap_or(node);
    set(&mut entry, "/nodeID", json!(id));
    let drivers: Vec<Value> = known.into_iter().chain(std::iter::once(entry)).collect();
    set(&mut object, "/spec/drivers", Value::Array(drivers));
    cluster.update(object, KUBELET, &["/spec/drivers"]);
}

/// The driver whose socket a registrar in the pod announces.
fn registered_driver(pod: &Value) -> Option<String> {
    items(pod, "/spec/containers")
        .iter()
        .flat_map(|container| items(container, "/args"))
        .filter_map(Value::as_str)
        .filter_map(|argument| argument.strip_prefix("--kubelet-registration-path="))
        .filter_map(|path| path.strip_suffix("/csi.sock"))
        .find_map(|path| path.rsplit_once('/'))
        .map(|(_, driver)| driver.to_owned())
}
