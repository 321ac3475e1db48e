//! Validation of pod specs, alone and in templates.

use serde_json::{Value, json};

use crate::api::status::Cause;
use crate::api::write::validate::quantity::amount;
use crate::build::json::{entries, items, text};

/// Problems of a pod spec at that path.
pub(crate) fn pod_spec(spec: Option<&Value>, path: &str) -> Vec<Cause> {
    let spec = spec.unwrap_or(&Value::Null);
    let containers = items(spec, "/containers");
    if containers.is_empty() {
        return vec![Cause::required(&format!("{path}.containers"), "")];
    }
    let mut causes = Vec::new();
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
            causes.extend(container_problems(container, &at, twin));
        }
    }
    causes.extend(mount_problems(spec, path));
    causes
}

fn container_problems(container: &Value, at: &str, twin: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(container, "/name");
    if name.is_empty() {
        causes.push(Cause::required(&format!("{at}.name"), ""));
    } else if twin {
        causes.push(Cause::duplicate(&format!("{at}.name"), &json!(name)));
    }
    if text(container, "/image").is_empty() {
        causes.push(Cause::required(&format!("{at}.image"), ""));
    }
    for (resource, request) in entries(container, "/resources/requests") {
        let limit = container.pointer(&format!(
            "/resources/limits/{}",
            resource.replace('~', "~0").replace('/', "~1")
        ));
        let (Some(wanted), Some(allowed)) = (shown(Some(request)), shown(limit)) else {
            continue;
        };
        if amount(&wanted)
            .zip(amount(&allowed))
            .is_some_and(|(wanted, allowed)| wanted > allowed)
        {
            let why = format!("must be less than or equal to {resource} limit of {allowed}");
            causes.push(Cause::value(
                &format!("{at}.resources.requests"),
                &json!(wanted),
                &why,
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

fn shown(quantity: Option<&Value>) -> Option<String> {
    match quantity? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
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
