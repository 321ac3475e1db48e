//! The validations whose refusals a person would recognise. Not the whole of Kubernetes' validation.

use serde_json::{Value, json};

use crate::api::resource::Resource;
use crate::api::status::Cause;
use crate::api::write::validate::pod::pod_spec;
use crate::build::json::{entries, items, number, push, text};

mod choice;
mod kinds;
mod pod;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const POD_UPDATE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

const CLAIM_UPDATE: &str = "spec is immutable after creation except resources.requests and \
volumeAttributesClassName for bound claims";

const STATEFUL_SET_UPDATE: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
'minReadySeconds' are forbidden";

/// Fields of a StatefulSet's spec that may change.
const STATEFUL_SET_FIELDS: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Fields of a claim's spec that may change.
const CLAIM_FIELDS: &[&str] = &["resources", "volumeAttributesClassName", "volumeName"];

/// Problems of a new object.
pub(crate) fn on_create(object: &Value, resource: &Resource) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(object, "/metadata/name");
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if !resource.group.starts_with("rbac.") && !is_subdomain(name) {
        causes.push(Cause::value("metadata.name", &json!(name), SUBDOMAIN));
    }
    causes.extend(content(object, resource));
    causes
}

/// Problems of a changed object.
pub(crate) fn on_update(before: &Value, after: &Value, resource: &Resource) -> Vec<Cause> {
    let mut causes = immutable(before, after, resource);
    // What was already wrong in a world does not stop an unrelated change.
    let known = content(before, resource);
    causes.extend(
        content(after, resource)
            .into_iter()
            .filter(|cause| !known.contains(cause)),
    );
    causes
}

fn is_subdomain(name: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(|label| {
            edge(label.bytes().next())
                && edge(label.bytes().last())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}

/// Problems of the object in itself.
fn content(object: &Value, resource: &Resource) -> Vec<Cause> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod_spec(object.get("spec"), "spec"),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") => workload(object),
        ("batch", "Job") => pod_spec(object.pointer("/spec/template/spec"), "spec.template.spec"),
        _ => kinds::content(object, resource),
    }
}

fn workload(object: &Value) -> Vec<Cause> {
    let mut causes: Vec<Cause> = strategy(object).into_iter().collect();
    let restart = text(object, "/spec/template/spec/restartPolicy");
    if matches!(restart, "OnFailure" | "Never") {
        let at = "spec.template.spec.restartPolicy";
        causes.push(Cause::unsupported(at, restart, &["Always"]));
    }
    if number(object, "/spec/replicas") < 0 {
        let value = json!(number(object, "/spec/replicas"));
        causes.push(Cause::value(
            "spec.replicas",
            &value,
            "must be greater than or equal to 0",
        ));
    }
    if object.pointer("/spec/selector").is_none() {
        causes.push(Cause::required("spec.selector", ""));
    }
    let labels = object
        .pointer("/spec/template/metadata/labels")
        .cloned()
        .unwrap_or(Value::Null);
    let mismatch =
        entries(object, "/spec/selector/matchLabels").any(|(key, value)| labels.get(key) != Some(value));
    if mismatch {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::value("spec.template.metadata.labels", &labels, why));
    }
    let mut spec = object.pointer("/spec/template/spec").cloned().unwrap_or_default();
    for claim in items(object, "/spec/volumeClaimTemplates") {
        // The controller gives each pod a volume of the claim's name.
        let name = text(claim, "/metadata/name");
        push(&mut spec, "/volumes", serde_json::json!({ "name": name }));
    }
    causes.extend(pod_spec(Some(&spec), "spec.template.spec"));
    causes
}

/// How a Deployment replaces its pods.
fn strategy(object: &Value) -> Option<Cause> {
    let strategy = object.pointer("/spec/strategy")?;
    let rolling = strategy
        .get("rollingUpdate")
        .is_some_and(|found| !found.is_null());
    if text(strategy, "/type") == "Recreate" && rolling {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        return Some(Cause::forbidden("spec.strategy.rollingUpdate", why));
    }
    choice::one_of(strategy, "spec.strategy", "type", &["Recreate", "RollingUpdate"])
}

/// Changes that the kind does not allow.
fn immutable(before: &Value, after: &Value, resource: &Resource) -> Vec<Cause> {
    let fixed = |fields: &[&str]| {
        fields
            .iter()
            .filter_map(|field| fixed(before, after, field))
            .collect()
    };
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", kind) => immutable_core(before, after, kind),
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => fixed(&["spec.selector"]),
        ("apps", "StatefulSet") => forbidden_unless(before, after, STATEFUL_SET_FIELDS, STATEFUL_SET_UPDATE),
        ("batch", "Job") => fixed(&["spec.selector", "spec.template", "spec.completionMode"]),
        ("storage.k8s.io", "StorageClass") => ["provisioner", "parameters"]
            .iter()
            .filter(|field| before.get(**field) != after.get(**field))
            .map(|field| Cause::forbidden(field, &format!("updates to {field} are forbidden.")))
            .collect(),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            let (old, new) = (before.get("roleRef"), after.get("roleRef"));
            let cause = || Cause::value("roleRef", new.unwrap_or(&Value::Null), "cannot change roleRef");
            (old != new).then(cause).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn immutable_core(before: &Value, after: &Value, kind: &str) -> Vec<Cause> {
    let differs = |pointer: &str| before.pointer(pointer) != after.pointer(pointer);
    match kind {
        "Pod" if pod::comparable(before) != pod::comparable(after) => {
            vec![Cause::forbidden("spec", POD_UPDATE)]
        }
        "PersistentVolumeClaim" => forbidden_unless(before, after, CLAIM_FIELDS, CLAIM_UPDATE),
        "Service" if !text(before, "/spec/clusterIP").is_empty() && differs("/spec/clusterIP") => {
            let addresses = json!([text(after, "/spec/clusterIP")]);
            vec![Cause::value(
                "spec.clusterIPs[0]",
                &addresses,
                "may not change once set",
            )]
        }
        "ConfigMap" | "Secret" if before.get("immutable") == Some(&json!(true)) && differs("/data") => {
            vec![Cause::forbidden(
                "data",
                "field is immutable when `immutable` is set",
            )]
        }
        "Secret" => fixed(before, after, "type").into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A field (dotted path) that may not change at all.
fn fixed(before: &Value, after: &Value, field: &str) -> Option<Cause> {
    let pointer = format!("/{}", field.replace('.', "/"));
    let (old, new) = (before.pointer(&pointer), after.pointer(&pointer));
    (old != new).then(|| Cause::value(field, new.unwrap_or(&Value::Null), "field is immutable"))
}

fn forbidden_unless(before: &Value, after: &Value, allowed: &[&str], why: &str) -> Vec<Cause> {
    let rest = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or(Value::Null);
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|key, _| !allowed.contains(&key.as_str()));
        }
        spec
    };
    if rest(before) == rest(after) {
        Vec::new()
    } else {
        vec![Cause::forbidden("spec", why)]
    }
}
