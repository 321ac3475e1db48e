//! The few defaults that readers of a fresh object rely on. Not the whole of Kubernetes' defaulting.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::api::resource::Resource;
use crate::build::json::{map_at, text};

/// Core kinds with a spec whose generation the server does not count.
const WITHOUT_GENERATION: [&str; 6] = [
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "Service",
];

/// Whether `metadata.generation` counts changes of the spec.
pub(crate) fn has_generation(resource: &Resource) -> bool {
    !resource.group.is_empty() && resource.kind != "Lease" && resource.kind != "HorizontalPodAutoscaler"
        || resource.group.is_empty() && !WITHOUT_GENERATION.contains(&resource.kind.as_str())
}

/// Fills in defaults of a new object.
pub(crate) fn fill(object: &mut Value, resource: &Resource) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", kind) => workload(object, kind),
        ("", "Pod") => {
            default_at(
                object,
                "spec",
                &json!({
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
                    "terminationGracePeriodSeconds": 30, "serviceAccountName": "default",
                }),
            );
            object["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" });
        }
        ("", "Namespace") => namespace(object),
        ("", "PersistentVolumeClaim") => {
            default_at(object, "spec", &json!({ "volumeMode": "Filesystem" }));
            object["status"] = json!({ "phase": "Pending" });
        }
        ("", "Service") => {
            default_at(
                object,
                "spec",
                &json!({ "type": "ClusterIP", "sessionAffinity": "None" }),
            );
            object["status"] = json!({ "loadBalancer": {} });
        }
        ("", "Secret") => secret(object),
        ("batch", "CronJob") => {
            default_at(
                object,
                "spec",
                &json!({ "suspend": false, "concurrencyPolicy": "Allow" }),
            );
        }
        ("batch", "Job") => default_at(
            object,
            "spec",
            &json!({ "parallelism": 1, "completions": 1, "backoffLimit": 6 }),
        ),
        _ => {}
    }
}

fn workload(object: &mut Value, kind: &str) {
    match kind {
        "Deployment" => default_at(
            object,
            "spec",
            &json!({
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
            }),
        ),
        "ReplicaSet" => default_at(object, "spec", &json!({ "replicas": 1 })),
        "StatefulSet" => default_at(
            object,
            "spec",
            &json!({
                "replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady",
                "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
            }),
        ),
        "DaemonSet" => default_at(
            object,
            "spec",
            &json!({
                "revisionHistoryLimit": 10,
                "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 1 } },
            }),
        ),
        _ => {}
    }
    if kind != "ControllerRevision" {
        object["status"] = if kind == "Deployment" {
            json!({})
        } else {
            json!({ "replicas": 0 })
        };
    }
}

/// Adds the entries that the object's map lacks; an object without the map stays without it.
fn default_at(object: &mut Value, key: &str, defaults: &Value) {
    if let (Some(Value::Object(fields)), Some(defaults)) = (object.get_mut(key), defaults.as_object()) {
        for (name, value) in defaults {
            fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn namespace(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    if let Some(labels) = object
        .get_mut("metadata")
        .and_then(|metadata| map_at(metadata, "labels"))
    {
        labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
    }
    object["spec"] = json!({ "finalizers": ["kubernetes"] });
    object["status"] = json!({ "phase": "Active" });
}

fn secret(object: &mut Value) {
    if text(object, "/type").is_empty() {
        object["type"] = json!("Opaque");
    }
    encode_string_data(object);
}

/// Moves a Secret's `stringData` into `data`.
pub(crate) fn encode_string_data(object: &mut Value) {
    let Some(Value::Object(plain)) = object
        .as_object_mut()
        .and_then(|fields| fields.remove("stringData"))
    else {
        return;
    };
    let encoded: Map<String, Value> = plain
        .into_iter()
        .map(|(key, value)| (key, json!(STANDARD.encode(value.as_str().unwrap_or_default()))))
        .collect();
    if let Some(data) = map_at(object, "data") {
        data.extend(encoded);
    }
}
