//! Pods as the API server shows them once a kubelet runs them. Must not know why one would not run.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::{Stamp, annotate};
use super::time;
use crate::build::json::{items, push, set, text};

/// Where and when a pod runs, and who owns it.
pub struct Placement<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name of the pod.
    pub name: &'a str,
    /// `metadata.ownerReferences`.
    pub owner: Value,
    /// Node, by name and address; `None` for a pod that no node has taken.
    pub node: Option<(&'a str, &'a str)>,
    /// Pod address.
    pub address: &'a str,
    /// When it was created.
    pub created: Timestamp,
}

/// A pod of `template` that runs and is ready. Containers start a few seconds after creation.
pub fn running(stamp: &Stamp, template: &Value, place: &Placement<'_>) -> Value {
    let mut pod = bare(stamp, template, place);
    let started = time::after(place.created, 2);
    let ready = time::after(place.created, 14);
    let statuses: Vec<Value> = items(&pod, "/spec/containers")
        .iter()
        .map(|container| running_status(stamp, place.name, container, started))
        .collect();
    let status = json!({
        "phase": "Running",
        "conditions": [
            condition("PodReadyToStartContainers", started),
            condition("Initialized", place.created),
            condition("Ready", ready),
            condition("ContainersReady", ready),
            condition("PodScheduled", place.created)
        ],
        "hostIP": place.node.map_or("", |(_, ip)| ip),
        "hostIPs": [{ "ip": place.node.map_or("", |(_, ip)| ip) }],
        "podIP": place.address,
        "podIPs": [{ "ip": place.address }],
        "startTime": time::seconds(place.created),
        "containerStatuses": statuses,
        "qosClass": qos(template)
    });
    set(&mut pod, "/status", status);
    pod
}

/// A pod that no node has taken yet.
pub fn pending(stamp: &Stamp, template: &Value, place: &Placement<'_>, message: &str) -> Value {
    let mut pod = bare(stamp, template, place);
    let status = json!({
        "phase": "Pending",
        "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
            "lastProbeTime": null, "lastTransitionTime": time::seconds(place.created)
        }],
        "qosClass": qos(template)
    });
    set(&mut pod, "/status", status);
    pod
}

/// The status of a container that has run since `started`.
pub fn running_status(stamp: &Stamp, pod: &str, container: &Value, started: Timestamp) -> Value {
    let name = text(container, "/name");
    let image = text(container, "/image");
    json!({
        "name": name,
        "state": { "running": { "startedAt": time::seconds(started) } },
        "lastState": {},
        "ready": true,
        "restartCount": 0,
        "image": image,
        "imageID": image_id(stamp, image),
        "containerID": container_id(stamp, pod, name, 0),
        "started": true
    })
}

/// The digest reference of an image, as containerd reports it.
pub fn image_id(stamp: &Stamp, image: &str) -> String {
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    format!("{repository}@sha256:{}", stamp.digest(&format!("image/{image}")))
}

/// The id of the `attempt`th instance of a container.
pub fn container_id(stamp: &Stamp, pod: &str, container: &str, attempt: i64) -> String {
    format!(
        "containerd://{}",
        stamp.digest(&format!("container/{pod}/{container}/{attempt}"))
    )
}

/// The quality-of-service class that requests and limits yield (Kubernetes, `pkg/apis/core/v1/helper/qos`).
pub fn qos(template: &Value) -> &'static str {
    let containers = items(template, "/spec/containers");
    let has = |container: &Value, part: &str| {
        container
            .pointer(&format!("/resources/{part}"))
            .is_some_and(|found| found.as_object().is_some_and(|map| !map.is_empty()))
    };
    if containers
        .iter()
        .all(|container| !has(container, "requests") && !has(container, "limits"))
    {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|container| {
        ["cpu", "memory"].iter().all(|resource| {
            let limit = text(container, &format!("/resources/limits/{resource}"));
            !limit.is_empty() && limit == text(container, &format!("/resources/requests/{resource}"))
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

/// A pod condition that is true.
pub fn condition(kind: &str, since: Timestamp) -> Value {
    json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": time::seconds(since) })
}

/// Notes on a pod which address it has (`projectcalico/calico`, `cni-plugin/pkg/k8s`); once it has ended, the address
/// is free.
pub fn note_address(stamp: &Stamp, pod: &mut Value) {
    let address = text(pod, "/status/podIP").to_owned();
    let is_on_host = pod.pointer("/spec/hostNetwork") == Some(&json!(true));
    if address.is_empty() || is_on_host {
        return;
    }
    let sandbox = stamp.digest(&format!("sandbox/{}", text(pod, "/metadata/uid")));
    let is_over = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    let network = if is_over {
        String::new()
    } else {
        format!("{address}/32")
    };
    annotate(pod, "cni.projectcalico.org/containerID", &sandbox);
    annotate(pod, "cni.projectcalico.org/podIP", &network);
    annotate(pod, "cni.projectcalico.org/podIPs", &network);
}

fn bare(stamp: &Stamp, template: &Value, place: &Placement<'_>) -> Value {
    let mut meta = stamp.meta("Pod", place.namespace, place.name, place.created);
    set(
        &mut meta,
        "/labels",
        template.pointer("/metadata/labels").cloned().unwrap_or_default(),
    );
    if let Some(annotations) = template.pointer("/metadata/annotations") {
        set(&mut meta, "/annotations", annotations.clone());
    }
    if place.owner.is_array() {
        let generate = place.name.rsplit_once('-').map_or("", |(stem, _)| stem);
        if text(&place.owner, "/0/kind") != "StatefulSet" {
            set(&mut meta, "/generateName", json!(format!("{generate}-")));
        }
        set(&mut meta, "/ownerReferences", place.owner.clone());
    }
    let mut spec = template.pointer("/spec").cloned().unwrap_or_default();
    token_volume(stamp, &mut spec, place.name);
    set(&mut spec, "/priority", json!(0));
    set(&mut spec, "/preemptionPolicy", json!("PreemptLowerPriority"));
    set(&mut spec, "/enableServiceLinks", json!(true));
    tolerate(&mut spec);
    if let Some((node, _)) = place.node {
        set(&mut spec, "/nodeName", json!(node));
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {} })
}

/// The projected token volume that the ServiceAccount admission plugin adds.
fn token_volume(stamp: &Stamp, spec: &mut Value, pod: &str) {
    let name = format!("kube-api-access-{}", stamp.suffix(&format!("token/{pod}"), 5));
    push(
        spec,
        "/volumes",
        json!({ "name": name, "projected": { "defaultMode": 420, "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [
                { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }
            ] } }
        ] } }),
    );
    let containers = items(spec, "/containers").len();
    for index in 0..containers {
        push(
            spec,
            &format!("/containers/{index}/volumeMounts"),
            json!({
                "name": name, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"
            }),
        );
    }
}

/// The tolerations that the DefaultTolerationSeconds admission plugin adds.
fn tolerate(spec: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        push(
            spec,
            "/tolerations",
            json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }),
        );
    }
}
