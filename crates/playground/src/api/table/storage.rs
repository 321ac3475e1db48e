//! The columns of claims, volumes, storage classes and CSI objects.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, name};
use crate::build::json::{flag, items, text};

/// The printer of a storage kind.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("", "PersistentVolumeClaim") => (
            "Name,Status,Volume,Capacity,Access Modes,StorageClass,VolumeAttributesClass,Age|VolumeMode",
            claim,
        ),
        ("", "PersistentVolume") => (
            "Name,Capacity,Access Modes,Reclaim Policy,Status,Claim,StorageClass,VolumeAttributesClass,Reason,Age\
             |VolumeMode",
            volume,
        ),
        ("storage.k8s.io", "StorageClass") => (
            "Name,Provisioner,ReclaimPolicy,VolumeBindingMode,AllowVolumeExpansion:boolean,Age",
            class,
        ),
        ("storage.k8s.io", "CSINode") => ("Name,Drivers:integer,Age", csi_node),
        ("storage.k8s.io", "CSIDriver") => (
            "Name,AttachRequired:boolean,PodInfoOnMount:boolean,StorageCapacity:boolean,TokenRequests,\
             RequiresRepublish:boolean,Modes,Age",
            csi_driver,
        ),
        ("storage.k8s.io", "VolumeAttachment") => ("Name,Attacher,PV,Node,Attached:boolean,Age", attachment),
        ("storage.k8s.io", "CSIStorageCapacity") => ("Name,StorageClassName,Capacity,Age", capacity),
        _ => return None,
    };
    Some(found)
}

fn access_modes(object: &Value, pointer: &str) -> String {
    let modes = items(object, pointer).iter().filter_map(Value::as_str);
    let short = modes.map(|mode| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    });
    short.collect::<Vec<_>>().join(",")
}

/// The class by field, or by the old annotation.
fn class_name(object: &Value) -> &str {
    let annotated = text(
        object,
        "/metadata/annotations/volume.beta.kubernetes.io~1storage-class",
    );
    if annotated.is_empty() {
        text(object, "/spec/storageClassName")
    } else {
        annotated
    }
}

fn attributes_class(object: &Value) -> Value {
    let class = text(object, "/spec/volumeAttributesClassName");
    json!(if class.is_empty() { "<unset>" } else { class })
}

fn volume_mode(object: &Value) -> Value {
    let mode = text(object, "/spec/volumeMode");
    json!(if mode.is_empty() { "<unset>" } else { mode })
}

fn claim(object: &Value, now: Timestamp) -> Vec<Value> {
    let deleting = object.pointer("/metadata/deletionTimestamp").is_some();
    let status = if deleting {
        "Terminating"
    } else {
        text(object, "/status/phase")
    };
    let volume = text(object, "/spec/volumeName");
    let (capacity, modes) = if volume.is_empty() {
        ("", String::new())
    } else {
        (
            text(object, "/status/capacity/storage"),
            access_modes(object, "/status/accessModes"),
        )
    };
    vec![
        name(object),
        json!(status),
        json!(volume),
        json!(capacity),
        json!(modes),
        json!(class_name(object)),
        attributes_class(object),
        age(object, now),
        volume_mode(object),
    ]
}

fn volume(object: &Value, now: Timestamp) -> Vec<Value> {
    let deleting = object.pointer("/metadata/deletionTimestamp").is_some();
    let status = if deleting {
        "Terminating"
    } else {
        text(object, "/status/phase")
    };
    let claim = object
        .pointer("/spec/claimRef")
        .map(|reference| format!("{}/{}", text(reference, "/namespace"), text(reference, "/name")));
    vec![
        name(object),
        json!(text(object, "/spec/capacity/storage")),
        json!(access_modes(object, "/spec/accessModes")),
        json!(text(object, "/spec/persistentVolumeReclaimPolicy")),
        json!(status),
        json!(claim.unwrap_or_default()),
        json!(class_name(object)),
        attributes_class(object),
        json!(text(object, "/status/reason")),
        age(object, now),
        volume_mode(object),
    ]
}

fn class(object: &Value, now: Timestamp) -> Vec<Value> {
    let default = [
        "storageclass.kubernetes.io~1is-default-class",
        "storageclass.beta.kubernetes.io~1is-default-class",
    ]
    .iter()
    .any(|key| text(object, &format!("/metadata/annotations/{key}")) == "true");
    let shown = text(object, "/metadata/name");
    let or = |pointer: &str, default: &'static str| {
        let found = text(object, pointer).to_owned();
        json!(if found.is_empty() {
            default.to_owned()
        } else {
            found
        })
    };
    vec![
        json!(if default {
            format!("{shown} (default)")
        } else {
            shown.to_owned()
        }),
        json!(text(object, "/provisioner")),
        or("/reclaimPolicy", "Delete"),
        or("/volumeBindingMode", "Immediate"),
        json!(flag(object, "/allowVolumeExpansion")),
        age(object, now),
    ]
}

fn csi_node(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(items(object, "/spec/drivers").len()),
        age(object, now),
    ]
}

fn csi_driver(object: &Value, now: Timestamp) -> Vec<Value> {
    let required = object
        .pointer("/spec/attachRequired")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let modes: Vec<&str> = items(object, "/spec/volumeLifecycleModes")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let audiences: Vec<&str> = items(object, "/spec/tokenRequests")
        .iter()
        .map(|request| text(request, "/audience"))
        .collect();
    let or = |list: Vec<&str>, default: &str| {
        if list.is_empty() {
            default.to_owned()
        } else {
            list.join(",")
        }
    };
    vec![
        name(object),
        json!(required),
        json!(flag(object, "/spec/podInfoOnMount")),
        json!(flag(object, "/spec/storageCapacity")),
        json!(or(audiences, "<unset>")),
        json!(flag(object, "/spec/requiresRepublish")),
        json!(or(modes, "Persistent")),
        age(object, now),
    ]
}

fn attachment(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(text(object, "/spec/attacher")),
        json!(text(object, "/spec/source/persistentVolumeName")),
        json!(text(object, "/spec/nodeName")),
        json!(flag(object, "/status/attached")),
        age(object, now),
    ]
}

fn capacity(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(text(object, "/storageClassName")),
        json!(text(object, "/capacity")),
        age(object, now),
    ]
}
