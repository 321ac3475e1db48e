//! Deployments, ReplicaSets, StatefulSets, DaemonSets and their revisions. Must not know of single pods: statuses
//! are counted elsewhere.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::{Stamp, annotate, owner};
use super::template::with_label;
use super::time;
use super::workload::{Kind, Workload};
use crate::build::json::{set, text};

/// Label that a Deployment stamps on its ReplicaSets and pods.
pub const TEMPLATE_HASH: &str = "pod-template-hash";
/// Label that StatefulSets and DaemonSets stamp on their pods.
pub const REVISION_HASH: &str = "controller-revision-hash";
/// Annotation with the number of a rollout.
pub const REVISION: &str = "deployment.kubernetes.io/revision";

/// The hash of a pod template, as it appears in names.
pub fn template_hash(stamp: &Stamp, template: &Value) -> String {
    stamp.safe_hash(&format!("template/{template}"))
}

/// A Deployment without status.
pub fn deployment(
    stamp: &Stamp,
    workload: &Workload,
    template: &Value,
    revision: u64,
    created: Timestamp,
) -> Value {
    let Workload { namespace, name, .. } = workload;
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": stamp.labelled("Deployment", namespace, name, created, &workload.labels()),
        "spec": {
            "replicas": workload.replicas,
            "selector": { "matchLabels": workload.selector() },
            "template": template,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600
        },
        "status": {}
    });
    if workload.volume_gi.is_some() {
        set(&mut object, "/spec/strategy", json!({ "type": "Recreate" }));
    }
    annotate(&mut object, REVISION, &revision.to_string());
    release_annotations(&mut object, workload);
    set(&mut object, "/metadata/generation", json!(revision));
    object
}

/// A ReplicaSet of a Deployment, with as many replicas as `replicas`.
pub fn replica_set(
    stamp: &Stamp,
    deployment: &Value,
    template: &Value,
    replicas: usize,
    revision: u64,
    created: Timestamp,
) -> Value {
    let namespace = text(deployment, "/metadata/namespace");
    let parent = text(deployment, "/metadata/name");
    let hash = template_hash(stamp, template);
    let name = format!("{parent}-{hash}");
    let stamped = with_label(template, TEMPLATE_HASH, &hash);
    let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
    set(
        &mut selector,
        &format!("/matchLabels/{TEMPLATE_HASH}"),
        json!(hash),
    );
    let mut meta = stamp.meta("ReplicaSet", namespace, &name, created);
    set(
        &mut meta,
        "/labels",
        stamped.pointer("/metadata/labels").cloned().unwrap_or_default(),
    );
    set(
        &mut meta,
        "/ownerReferences",
        owner(stamp, "apps/v1", "Deployment", namespace, parent),
    );
    let desired = crate::build::json::number(deployment, "/spec/replicas");
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta,
        "spec": { "replicas": replicas, "selector": selector, "template": stamped },
        "status": { "replicas": 0, "observedGeneration": 1 }
    });
    annotate(&mut object, REVISION, &revision.to_string());
    annotate(
        &mut object,
        "deployment.kubernetes.io/desired-replicas",
        &desired.to_string(),
    );
    annotate(
        &mut object,
        "deployment.kubernetes.io/max-replicas",
        &(desired + (desired + 3) / 4).to_string(),
    );
    for key in ["meta.helm.sh/release-name", "meta.helm.sh/release-namespace"] {
        let found = text(
            deployment,
            &format!("/metadata/annotations/{}", crate::build::json::escape(key)),
        )
        .to_owned();
        if !found.is_empty() {
            annotate(&mut object, key, &found);
        }
    }
    object
}

/// A StatefulSet without counts; the volume is claimed from `class`.
pub fn stateful_set(
    stamp: &Stamp,
    workload: &Workload,
    template: &Value,
    class: &str,
    created: Timestamp,
) -> Value {
    let Workload { namespace, name, .. } = workload;
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": stamp.labelled("StatefulSet", namespace, name, created, &workload.labels()),
        "spec": {
            "replicas": workload.replicas,
            "selector": { "matchLabels": workload.selector() },
            "serviceName": format!("{name}-headless"),
            "template": template,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
            "revisionHistoryLimit": 10,
            "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
            "volumeClaimTemplates": [claim_template(workload, class)]
        },
        "status": {}
    });
    release_annotations(&mut object, workload);
    let hash = revision_name(stamp, Kind::StatefulSet, namespace, name, template);
    set(
        &mut object,
        "/status",
        json!({ "currentRevision": hash, "updateRevision": hash, "collisionCount": 0 }),
    );
    object
}

/// A DaemonSet without counts.
pub fn daemon_set(stamp: &Stamp, namespace: &str, name: &str, template: &Value, created: Timestamp) -> Value {
    let labels = template.pointer("/metadata/labels").cloned().unwrap_or_default();
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": stamp.labelled("DaemonSet", namespace, name, created, &labels),
        "spec": {
            "selector": { "matchLabels": labels },
            "template": template,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } },
            "revisionHistoryLimit": 10
        },
        "status": {}
    })
}

/// The ControllerRevision that holds a StatefulSet's or DaemonSet's template.
pub fn controller_revision(
    stamp: &Stamp,
    parent: &Value,
    template: &Value,
    revision: u64,
    created: Timestamp,
) -> Value {
    let kind = if text(parent, "/kind") == "StatefulSet" {
        Kind::StatefulSet
    } else {
        Kind::DaemonSet
    };
    let namespace = text(parent, "/metadata/namespace");
    let parent_name = text(parent, "/metadata/name");
    let name = revision_name(stamp, kind, namespace, parent_name, template);
    let hash = name.rsplit_once('-').map_or("", |(_, hash)| hash).to_owned();
    let mut labels = template.pointer("/metadata/labels").cloned().unwrap_or_default();
    set(&mut labels, "/controller.kubernetes.io~1hash", json!(hash));
    let mut meta = stamp.labelled("ControllerRevision", namespace, &name, created, &labels);
    set(
        &mut meta,
        "/ownerReferences",
        owner(stamp, "apps/v1", kind.name(), namespace, parent_name),
    );
    let mut patched = template.clone();
    set(&mut patched, "/$patch", json!("replace"));
    json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta,
        "data": { "spec": { "template": patched } }, "revision": revision
    })
}

/// Name of the ControllerRevision of a template; its last part is the hash on the pods.
pub fn revision_name(stamp: &Stamp, kind: Kind, namespace: &str, name: &str, template: &Value) -> String {
    format!(
        "{name}-{}",
        stamp.safe_hash(&format!("revision/{}/{namespace}/{name}/{template}", kind.name()))
    )
}

/// What Helm writes on the objects of a release.
pub fn release_annotations(object: &mut Value, workload: &Workload) {
    if workload.delivery.is_helm() {
        annotate(object, "meta.helm.sh/release-name", &workload.name);
        annotate(object, "meta.helm.sh/release-namespace", &workload.namespace);
    }
}

/// A Deployment condition (`pkg/controller/deployment/util/deployment_util.go`).
pub fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    since: Timestamp,
    updated: Timestamp,
) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastUpdateTime": time::seconds(updated), "lastTransitionTime": time::seconds(since)
    })
}

/// Brings a Deployment's conditions into the order in which they last changed: `SetDeploymentCondition` takes the old
/// one out and appends the new one.
pub fn in_order_of_change(conditions: &mut [Value]) {
    conditions.sort_by_key(|condition| time::parse(text(condition, "/lastUpdateTime")));
}

fn claim_template(workload: &Workload, class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeMode": "Filesystem",
            "resources": { "requests": { "storage": format!("{}Gi", workload.volume_gi.unwrap_or(10)) } }
        },
        "status": { "phase": "Pending" }
    })
}
