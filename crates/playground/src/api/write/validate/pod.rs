//! Validation of pod specs, alone and in templates.

use serde_json::{Value, json};

use crate::api::status::Cause;
use crate::build::json::{items, text};

use super::choice::one_of;

mod container;

pub(super) use container::port_problems;

const DNS_POLICIES: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];

/// What a taint does.
pub(crate) const TAINT_EFFECTS: &[&str] = &["NoExecute", "NoSchedule", "PreferNoSchedule"];

/// Problems of a pod spec at that path.
pub(crate) fn pod_spec(spec: Option<&Value>, path: &str) -> Vec<Cause> {
    let spec = spec.unwrap_or(&Value::Null);
    let containers = items(spec, "/containers");
    if containers.is_empty() {
        return vec![Cause::required(&format!("{path}.containers"), "")];
    }
    let mut causes = choices(spec, path);
    for (field, list) in [
        ("initContainers", items(spec, "/initContainers")),
        ("containers", containers),
    ] {
        for (index, container) in list.iter().enumerate() {
            let at = format!("{path}.{field}[{index}]");
            let twin = list
                .iter()
                .take(index)
                .any(|other| text(other, "/name") == text(container, "/name"));
            causes.extend(container::problems(container, &at, twin));
        }
    }
    causes.extend(mount_problems(spec, path));
    causes
}

/// Fields of the pod that have few values.
fn choices(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes: Vec<Cause> = [
        ("dnsPolicy", DNS_POLICIES),
        ("restartPolicy", &["Always", "OnFailure", "Never"]),
    ]
    .into_iter()
    .filter_map(|(field, supported)| one_of(spec, path, field, supported))
    .collect();
    if text(spec, "/dnsPolicy") == "None" && items(spec, "/dnsConfig/nameservers").is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        causes.push(Cause::required(&format!("{path}.dnsConfig.nameservers"), why));
    }
    for (index, toleration) in items(spec, "/tolerations").iter().enumerate() {
        let at = format!("{path}.tolerations[{index}]");
        causes.extend(one_of(toleration, &at, "operator", &["Equal", "Exists"]));
        causes.extend(one_of(toleration, &at, "effect", TAINT_EFFECTS));
        if text(toleration, "/operator") == "Exists" && !text(toleration, "/value").is_empty() {
            let why = "value must be empty when `operator` is 'Exists'";
            let value = json!(text(toleration, "/value"));
            causes.push(Cause::value(&format!("{at}.operator"), &value, why));
        }
    }
    let volumes = items(spec, "/volumes");
    for (index, volume) in volumes.iter().enumerate() {
        let name = text(volume, "/name");
        if volumes
            .iter()
            .take(index)
            .any(|other| text(other, "/name") == name)
        {
            causes.push(Cause::duplicate(
                &format!("{path}.volumes[{index}].name"),
                &json!(name),
            ));
        }
    }
    causes
}

/// Mounts of volumes that the pod does not have.
fn mount_problems(spec: &Value, path: &str) -> Vec<Cause> {
    let volumes: Vec<&str> = items(spec, "/volumes")
        .iter()
        .map(|volume| text(volume, "/name"))
        .collect();
    let mut causes = Vec::new();
    for (index, container) in items(spec, "/containers").iter().enumerate() {
        for (mount_index, mount) in items(container, "/volumeMounts").iter().enumerate() {
            let name = text(mount, "/name");
            // The admission controller adds the token's volume; a template may leave it out.
            if !volumes.contains(&name) && !name.starts_with("kube-api-access-") {
                let at = format!("{path}.containers[{index}].volumeMounts[{mount_index}].name");
                causes.push(Cause::not_found(&at, &json!(name)));
            }
        }
    }
    causes
}

/// The spec without what may be changed in a running pod.
pub(crate) fn comparable(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or(Value::Null);
    if let Some(fields) = spec.as_object_mut() {
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
            "ephemeralContainers",
        ] {
            fields.remove(field);
        }
    }
    for list in ["containers", "initContainers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(fields) = container.as_object_mut() {
                fields.remove("image");
            }
        }
    }
    spec
}
