//! Validation of what is no workload: Services, claims, policies, classes, nodes, autoscalers.

use serde_json::{Value, json};

use crate::api::resource::Resource;
use crate::api::status::Cause;
use crate::build::json::{items, number, text};

use super::choice::{each_of, one_of, port_problem};
use super::pod::TAINT_EFFECTS;
use super::pod::port_problems;

const ACCESS_MODES: &[&str] = &[
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

const RECLAIM: &[&str] = &["Delete", "Retain"];

/// Problems of an object in itself.
pub(super) fn content(object: &Value, resource: &Resource) -> Vec<Cause> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => service(spec),
        ("", "PersistentVolumeClaim") => claim(spec),
        ("", "PersistentVolume") => volume(spec),
        ("", "Node") => items(spec, "/taints")
            .iter()
            .enumerate()
            .filter_map(|(index, taint)| {
                let at = format!("metadata.taints[{index}]");
                one_of(taint, &at, "effect", TAINT_EFFECTS)
            })
            .collect(),
        ("networking.k8s.io", "NetworkPolicy") => each_of(
            items(spec, "/policyTypes"),
            "spec.policyTypes",
            &["Egress", "Ingress"],
        ),
        ("storage.k8s.io", "StorageClass") => class(object),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(spec),
        ("policy", "PodDisruptionBudget") => budget(spec),
        ("batch", "CronJob") => one_of(spec, "spec", "concurrencyPolicy", &["Allow", "Forbid", "Replace"])
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

fn service(spec: &Value) -> Vec<Cause> {
    let mut causes: Vec<Cause> = [
        one_of(
            spec,
            "spec",
            "type",
            &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
        ),
        one_of(spec, "spec", "sessionAffinity", &["ClientIP", "None"]),
    ]
    .into_iter()
    .flatten()
    .collect();
    let ports = items(spec, "/ports");
    let may_lack = text(spec, "/type") == "ExternalName" || text(spec, "/clusterIP") == "None";
    if ports.is_empty() && !may_lack {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        causes.extend(port_problems(port, &at, "port"));
        let target = port.get("targetPort").unwrap_or(&Value::Null);
        causes.extend(port_problem(target, &format!("{at}.targetPort")));
        let name = text(port, "/name");
        if ports.len() > 1 && name.is_empty() {
            causes.push(Cause::required(&format!("{at}.name"), ""));
        }
        let is_twin = ports.iter().take(index).any(|other| text(other, "/name") == name);
        if is_twin && !name.is_empty() {
            causes.push(Cause::duplicate(&format!("{at}.name"), &json!(name)));
        }
    }
    causes
}

fn claim(spec: &Value) -> Vec<Cause> {
    let modes = items(spec, "/accessModes");
    let mut causes = each_of(modes, "spec.accessModes", ACCESS_MODES);
    if modes.is_empty() {
        causes.push(Cause::required(
            "spec.accessModes",
            "at least 1 access mode is required",
        ));
    }
    if spec.pointer("/resources/requests/storage").is_none() {
        causes.push(Cause::required("spec.resources[storage]", ""));
    }
    causes.extend(one_of(spec, "spec", "volumeMode", &["Block", "Filesystem"]));
    causes
}

fn volume(spec: &Value) -> Vec<Cause> {
    let modes = items(spec, "/accessModes");
    let mut causes = each_of(modes, "spec.accessModes", ACCESS_MODES);
    if modes.is_empty() {
        causes.push(Cause::required("spec.accessModes", ""));
    }
    if spec.pointer("/capacity/storage").is_none() {
        causes.push(Cause::required("spec.capacity", ""));
    }
    causes.extend(one_of(
        spec,
        "spec",
        "persistentVolumeReclaimPolicy",
        &["Delete", "Recycle", "Retain"],
    ));
    causes
}

fn class(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if text(object, "/provisioner").is_empty() {
        causes.push(Cause::required("provisioner", ""));
    }
    for (field, supported) in [
        ("reclaimPolicy", RECLAIM),
        ("volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
    ] {
        let value = text(object, &format!("/{field}"));
        if !value.is_empty() && !supported.contains(&value) {
            causes.push(Cause::unsupported(field, value, supported));
        }
    }
    causes
}

fn autoscaler(spec: &Value) -> Vec<Cause> {
    let least = spec.get("minReplicas").and_then(Value::as_i64).unwrap_or(1);
    let most = number(spec, "/maxReplicas");
    let problem = if most < 1 {
        Some("must be greater than 0")
    } else if most < least {
        Some("must be greater than or equal to `minReplicas`")
    } else {
        None
    };
    problem
        .map(|why| Cause::value("spec.maxReplicas", &json!(most), why))
        .into_iter()
        .collect()
}

fn budget(spec: &Value) -> Vec<Cause> {
    let has = |field: &str| spec.get(field).is_some_and(|value| !value.is_null());
    if has("minAvailable") && has("maxUnavailable") {
        let why = "minAvailable and maxUnavailable cannot be both set";
        return vec![Cause::value("spec", &json!("PodDisruptionBudgetSpec"), why)];
    }
    Vec::new()
}
