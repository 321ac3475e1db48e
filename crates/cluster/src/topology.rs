//! Builds the dependency graph from what was read: owners, selectors, routes, calls, mounts, nodes, releases.

use domain::{Edge, EdgeKind, ObjectRef, Topology};
use serde_json::Value;

use crate::calls;
use crate::object::Object;
use crate::selector;
use crate::view::ClusterView;

/// Kinds that run pods.
pub const WORKLOADS: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "ReplicaSet",
];

/// The graph of everything in the view.
pub fn build(view: &ClusterView) -> Topology {
    let mut edges = Vec::new();
    for pod in view.of_kind("Pod") {
        pod_edges(view, pod, &mut edges);
    }
    for kind in WORKLOADS {
        for workload in view.of_kind(kind) {
            workload_edges(view, workload, &mut edges);
        }
    }
    for service in view.of_kind("Service") {
        service_edges(view, service, &mut edges);
    }
    for ingress in view.of_kind("Ingress") {
        ingress_edges(ingress, &mut edges);
    }
    for claim in view.of_kind("PersistentVolumeClaim") {
        claim_edges(claim, &mut edges);
    }
    for call in calls::calls(view) {
        edges.push(edge(&call.from, &call.service, EdgeKind::Calls));
    }
    for policy in view.of_kind("NetworkPolicy") {
        policy_edges(view, policy, &mut edges);
    }
    edges.sort();
    edges.dedup();
    Topology { edges }
}

fn edge(from: &ObjectRef, to: &ObjectRef, kind: EdgeKind) -> Edge {
    Edge {
        from: from.clone(),
        to: to.clone(),
        kind,
    }
}

fn pod_edges(view: &ClusterView, pod: &Object, edges: &mut Vec<Edge>) {
    let workload = view.workload_of(pod);
    if &workload != pod.reference() {
        edges.push(edge(&workload, pod.reference(), EdgeKind::Owns));
    }
    let node = pod.str("spec.nodeName");
    if !node.is_empty() {
        edges.push(edge(
            pod.reference(),
            &ObjectRef::of("Node", "", node),
            EdgeKind::RunsOn,
        ));
    }
    for volume in pod.list("spec.volumes") {
        if let Some(claim) = volume
            .pointer("/persistentVolumeClaim/claimName")
            .and_then(Value::as_str)
        {
            let claim = ObjectRef::of("PersistentVolumeClaim", pod.namespace(), claim);
            edges.push(edge(pod.reference(), &claim, EdgeKind::Mounts));
        }
    }
}

fn workload_edges(view: &ClusterView, workload: &Object, edges: &mut Vec<Edge>) {
    if workload.kind() == "ReplicaSet" && workload.controller().is_some() {
        return;
    }
    for reference in config_refs(workload, "spec.template.spec") {
        edges.push(edge(workload.reference(), &reference, EdgeKind::Uses));
    }
    if let Some(release) = view.release_of(workload) {
        edges.push(edge(
            workload.reference(),
            &release.reference,
            EdgeKind::ReleasedBy,
        ));
    }
}

/// ConfigMaps, Secrets and the service account that a pod spec at `prefix` names.
pub fn config_refs(object: &Object, prefix: &str) -> Vec<ObjectRef> {
    let mut out = Vec::new();
    let mut push = |kind: &str, name: Option<&Value>| {
        if let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) {
            out.push(ObjectRef::of(kind, object.namespace(), name));
        }
    };
    for containers in ["containers", "initContainers"] {
        for container in object.list(&format!("{prefix}.{containers}")) {
            for env in container
                .get("env")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                push("ConfigMap", env.pointer("/valueFrom/configMapKeyRef/name"));
                push("Secret", env.pointer("/valueFrom/secretKeyRef/name"));
            }
            for source in container
                .get("envFrom")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                push("ConfigMap", source.pointer("/configMapRef/name"));
                push("Secret", source.pointer("/secretRef/name"));
            }
        }
    }
    for volume in object.list(&format!("{prefix}.volumes")) {
        push("ConfigMap", volume.pointer("/configMap/name"));
        push("Secret", volume.pointer("/secret/secretName"));
        for source in volume
            .pointer("/projected/sources")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            push("ConfigMap", source.pointer("/configMap/name"));
            push("Secret", source.pointer("/secret/name"));
        }
    }
    for secret in object.list(&format!("{prefix}.imagePullSecrets")) {
        push("Secret", secret.get("name"));
    }
    push(
        "ServiceAccount",
        object.at(&format!("{prefix}.serviceAccountName")),
    );
    out.sort();
    out.dedup();
    out
}

fn service_edges(view: &ClusterView, service: &Object, edges: &mut Vec<Edge>) {
    let Some(wanted) = service.at("spec.selector") else {
        return;
    };
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for workload in view.in_namespace(kind, service.namespace()) {
            if selector::map_selects(wanted, selector::template_labels(workload)) {
                edges.push(edge(service.reference(), workload.reference(), EdgeKind::Selects));
            }
        }
    }
    // A selector may name what only pods carry, as `statefulset.kubernetes.io/pod-name`: their workload is selected too.
    for pod in view.in_namespace("Pod", service.namespace()) {
        if selector::map_selects(wanted, selector::labels(pod)) {
            edges.push(edge(
                service.reference(),
                &view.workload_of(pod),
                EdgeKind::Selects,
            ));
        }
    }
}

fn ingress_edges(ingress: &Object, edges: &mut Vec<Edge>) {
    let mut backends: Vec<&str> = Vec::new();
    backends.extend(
        ingress
            .at("spec.defaultBackend.service.name")
            .and_then(Value::as_str),
    );
    for rule in ingress.list("spec.rules") {
        for path in rule
            .pointer("/http/paths")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            backends.extend(path.pointer("/backend/service/name").and_then(Value::as_str));
        }
    }
    for name in backends {
        let service = ObjectRef::of("Service", ingress.namespace(), name);
        edges.push(edge(ingress.reference(), &service, EdgeKind::Routes));
    }
}

fn claim_edges(claim: &Object, edges: &mut Vec<Edge>) {
    let class = claim.str("spec.storageClassName");
    if !class.is_empty() {
        edges.push(edge(
            claim.reference(),
            &ObjectRef::of("StorageClass", "", class),
            EdgeKind::Mounts,
        ));
    }
    let volume = claim.str("spec.volumeName");
    if !volume.is_empty() {
        edges.push(edge(
            claim.reference(),
            &ObjectRef::of("PersistentVolume", "", volume),
            EdgeKind::Mounts,
        ));
    }
}

fn policy_edges(view: &ClusterView, policy: &Object, edges: &mut Vec<Edge>) {
    let everything = Value::Object(serde_json::Map::new());
    let wanted = policy.at("spec.podSelector").unwrap_or(&everything);
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for workload in view.in_namespace(kind, policy.namespace()) {
            if selector::label_selects(wanted, selector::template_labels(workload)) {
                edges.push(edge(workload.reference(), policy.reference(), EdgeKind::Governs));
            }
        }
    }
}
