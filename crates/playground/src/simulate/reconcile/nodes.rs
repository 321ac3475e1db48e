//! A node that is cordoned or uncordoned, and the CSI drivers that its kubelet knows. Must not know why.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use crate::build::object::{CONTROLLER, KUBELET};
use crate::build::time;
use crate::json::{escape, flag, items, set, text};

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Taints a cordoned node (`pkg/controller/nodelifecycle`) and says so (`pkg/kubelet/kubelet_node_status.go`).
pub(super) fn sync(cluster: &mut Cluster<'_>, name: &str) -> Option<SignedDuration> {
    let mut node = cluster.get("Node", "", name)?;
    let is_cordoned = flag(&node, "/spec/unschedulable");
    let mut taints = items(&node, "/spec/taints").to_vec();
    let is_tainted = taints.iter().any(|taint| text(taint, "/key") == UNSCHEDULABLE);
    if is_cordoned == is_tainted {
        return None;
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
        crate::json::unset(&mut node, "/spec", "taints");
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
