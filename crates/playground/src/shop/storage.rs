//! StorageClasses, the CSI driver's objects, claims, volumes and attachments. Must not know what is stored.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Node, Shop, apps, nodes};
use crate::build::object::{CONTROLLER, INSTALLER, KUBELET, PROVISIONER, annotate};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::world::World;

/// Annotations with which the PersistentVolume controller calls a provisioner (`pkg/controller/volume/persistentvolume`).
pub const PROVISIONER_KEYS: [&str; 2] = [
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
];

/// Adds classes, the driver, and a bound, attached volume for every workload that has one.
pub fn build(world: &mut World, shop: &Shop) {
    let created = time::days_before(shop.now(), 400);
    let platform = &shop.names.platform;
    for (name, is_default) in [(platform.storage_class, true), (platform.other_class, false)] {
        shop.stamp.put(
            world,
            storage_class(shop, name, is_default, created),
            INSTALLER,
            created,
        );
    }
    shop.stamp.put(world, driver(shop, created), INSTALLER, created);
    for (index, node) in shop.nodes.iter().enumerate() {
        let joined = time::after(nodes::joined(shop, index), 12);
        shop.stamp
            .put(world, csi_node(shop, node, joined), KUBELET, joined);
    }
    for workload in &shop.workloads {
        let (Some(size), replicas) = (workload.volume_gi, workload.replicas) else {
            continue;
        };
        for ordinal in 0..replicas {
            if let Some(node) = shop.place(&workload.name, ordinal) {
                add_volume(world, shop, workload, &claim_name(workload, ordinal), size, node);
            }
        }
    }
}

/// The claim of a workload's `ordinal`th pod.
pub fn claim_name(workload: &Workload, ordinal: usize) -> String {
    match workload.kind {
        Kind::StatefulSet => format!("data-{}-{ordinal}", workload.name),
        Kind::Deployment | Kind::DaemonSet => format!("{}-data", workload.name),
    }
}

/// The volume that the provisioner makes for a claim (`external-provisioner`, `makeVolumeName`).
pub fn volume_name(shop: &Shop, namespace: &str, claim: &str) -> String {
    format!(
        "pvc-{}",
        shop.stamp.uid("PersistentVolumeClaim", namespace, claim)
    )
}

/// Name of the VolumeAttachment (`pkg/volume/csi/csi_attacher.go`, `getAttachmentName`): a SHA-256 of volume
/// handle, driver and node.
pub fn attachment_name(shop: &Shop, volume: &str, node: &str) -> String {
    format!(
        "csi-{}",
        shop.stamp.digest(&format!("attachment/{volume}/{node}"))
    )
}

/// The driver's handle of a volume in the cloud.
pub fn volume_handle(shop: &Shop, volume: &str) -> String {
    format!(
        "vol-0{}",
        shop.stamp
            .digest(&format!("handle/{volume}"))
            .get(..16)
            .unwrap_or_default()
    )
}

/// An attachment of a volume to a node.
pub fn attachment(shop: &Shop, volume: &str, node: &str, created: Timestamp, status: &Value) -> Value {
    let name = attachment_name(shop, volume, node);
    let mut object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
        "metadata": shop.stamp.meta("VolumeAttachment", "", &name, created),
        "spec": {
            "attacher": shop.names.platform.driver, "nodeName": node, "source": { "persistentVolumeName": volume }
        },
        "status": status
    });
    object["metadata"]["finalizers"] = json!([format!(
        "external-attacher/{}",
        shop.names.platform.driver.replace('.', "-")
    )]);
    object
}

/// The drivers that a node's kubelet has registered.
pub fn csi_node(shop: &Shop, node: &Node, created: Timestamp) -> Value {
    let platform = &shop.names.platform;
    let mut meta = shop.stamp.meta("CSINode", "", &node.name, created);
    meta["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "Node", "name": node.name, "uid": shop.stamp.uid("Node", "", &node.name)
    }]);
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": meta,
        "spec": { "drivers": [{
            "name": platform.driver, "nodeID": nodes::instance_id(shop, node),
            "topologyKeys": ["kubernetes.io/os", platform.topology_key], "allocatable": { "count": 26 }
        }] }
    })
}

/// A claim for `size` GiB of a class, not bound yet.
pub fn claim(
    shop: &Shop,
    workload: &Workload,
    name: &str,
    size: u64,
    class: &str,
    created: Timestamp,
) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": shop.stamp.labelled("PersistentVolumeClaim", &workload.namespace, name, created, &workload.selector()),
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeMode": "Filesystem",
            "resources": { "requests": { "storage": format!("{size}Gi") } }
        },
        "status": { "phase": "Pending" }
    })
}

fn add_volume(world: &mut World, shop: &Shop, workload: &Workload, claim_name: &str, size: u64, node: &Node) {
    let created = apps::ages(shop, workload).created;
    let platform = &shop.names.platform;
    let volume = volume_name(shop, &workload.namespace, claim_name);
    let mut bound = claim(shop, workload, claim_name, size, platform.storage_class, created);
    bound["spec"]["volumeName"] = json!(volume);
    bound["status"] = json!({
        "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": format!("{size}Gi") }
    });
    bound["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    annotate(&mut bound, "pv.kubernetes.io/bind-completed", "yes");
    annotate(&mut bound, "pv.kubernetes.io/bound-by-controller", "yes");
    for key in PROVISIONER_KEYS {
        annotate(&mut bound, key, platform.driver);
    }
    annotate(&mut bound, "volume.kubernetes.io/selected-node", &node.name);
    shop.stamp.put(world, bound, CONTROLLER, time::after(created, 6));
    let object = volume_object(shop, workload, claim_name, size, node, created);
    shop.stamp
        .put(world, object, PROVISIONER, time::after(created, 6));
    let attached = attachment(shop, &volume, &node.name, created, &json!({ "attached": true }));
    shop.stamp
        .put(world, attached, CONTROLLER, time::after(created, 9));
}

fn volume_object(
    shop: &Shop,
    workload: &Workload,
    claim: &str,
    size: u64,
    node: &Node,
    created: Timestamp,
) -> Value {
    let platform = &shop.names.platform;
    let name = volume_name(shop, &workload.namespace, claim);
    let mut meta = shop
        .stamp
        .meta("PersistentVolume", "", &name, time::after(created, 5));
    meta["annotations"] = json!({ "pv.kubernetes.io/provisioned-by": platform.driver });
    meta["finalizers"] = json!(["kubernetes.io/pv-protection"]);
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta,
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": format!("{size}Gi") },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": workload.namespace, "name": claim,
                "uid": shop.stamp.uid("PersistentVolumeClaim", &workload.namespace, claim)
            },
            "csi": { "driver": platform.driver, "fsType": "ext4", "volumeHandle": volume_handle(shop, &name) },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": platform.topology_key, "operator": "In", "values": [node.zone] }
            ] }] } },
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": platform.storage_class,
            "volumeMode": "Filesystem"
        },
        "status": { "phase": "Bound" }
    })
}

fn storage_class(shop: &Shop, name: &str, is_default: bool, created: Timestamp) -> Value {
    let platform = &shop.names.platform;
    let mut object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": shop.stamp.meta("StorageClass", "", name, created),
        "provisioner": platform.driver, "parameters": { "type": platform.disk_type }, "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true
    });
    if is_default {
        annotate(&mut object, "storageclass.kubernetes.io/is-default-class", "true");
    }
    object
}

fn driver(shop: &Shop, created: Timestamp) -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
        "metadata": shop.stamp.meta("CSIDriver", "", shop.names.platform.driver, created),
        "spec": {
            "attachRequired": true, "podInfoOnMount": false, "fsGroupPolicy": "ReadWriteOnceWithFSType",
            "requiresRepublish": false, "seLinuxMount": false, "storageCapacity": false,
            "volumeLifecycleModes": ["Persistent"]
        }
    })
}
