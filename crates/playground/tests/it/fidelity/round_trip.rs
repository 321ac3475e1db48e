//! Objects through the types of the real API: a field that the API does not know is lost, a wrong type is an error.

use k8s_openapi::api::{
    admissionregistration, apps, autoscaling, batch, coordination, core, discovery, networking, policy, rbac,
    scheduling, storage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{report, worlds};

fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// The object as the API's type gives it back; `None` for kinds of add-ons.
fn round_trip(object: &Value) -> Option<Result<Value, String>> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    Some(match (text("apiVersion"), text("kind")) {
        ("v1", "Pod") => through::<core::v1::Pod>(object),
        ("v1", "Service") => through::<core::v1::Service>(object),
        ("v1", "Event") => through::<core::v1::Event>(object),
        ("v1", "ConfigMap") => through::<core::v1::ConfigMap>(object),
        ("v1", "Secret") => through::<core::v1::Secret>(object),
        ("v1", "ServiceAccount") => through::<core::v1::ServiceAccount>(object),
        ("v1", "PersistentVolumeClaim") => through::<core::v1::PersistentVolumeClaim>(object),
        ("v1", "PersistentVolume") => through::<core::v1::PersistentVolume>(object),
        ("v1", "ResourceQuota") => through::<core::v1::ResourceQuota>(object),
        ("v1", "LimitRange") => through::<core::v1::LimitRange>(object),
        ("v1", "Namespace") => through::<core::v1::Namespace>(object),
        ("v1", "Node") => through::<core::v1::Node>(object),
        ("apps/v1", "Deployment") => through::<apps::v1::Deployment>(object),
        ("apps/v1", "ReplicaSet") => through::<apps::v1::ReplicaSet>(object),
        ("apps/v1", "StatefulSet") => through::<apps::v1::StatefulSet>(object),
        ("apps/v1", "DaemonSet") => through::<apps::v1::DaemonSet>(object),
        ("apps/v1", "ControllerRevision") => through::<apps::v1::ControllerRevision>(object),
        ("batch/v1", "Job") => through::<batch::v1::Job>(object),
        ("batch/v1", "CronJob") => through::<batch::v1::CronJob>(object),
        ("networking.k8s.io/v1", "Ingress") => through::<networking::v1::Ingress>(object),
        ("networking.k8s.io/v1", "IngressClass") => through::<networking::v1::IngressClass>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => through::<networking::v1::NetworkPolicy>(object),
        ("discovery.k8s.io/v1", "EndpointSlice") => through::<discovery::v1::EndpointSlice>(object),
        ("storage.k8s.io/v1", "StorageClass") => through::<storage::v1::StorageClass>(object),
        ("storage.k8s.io/v1", "CSINode") => through::<storage::v1::CSINode>(object),
        ("storage.k8s.io/v1", "CSIDriver") => through::<storage::v1::CSIDriver>(object),
        ("storage.k8s.io/v1", "VolumeAttachment") => through::<storage::v1::VolumeAttachment>(object),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => {
            through::<autoscaling::v2::HorizontalPodAutoscaler>(object)
        }
        ("policy/v1", "PodDisruptionBudget") => through::<policy::v1::PodDisruptionBudget>(object),
        ("scheduling.k8s.io/v1", "PriorityClass") => through::<scheduling::v1::PriorityClass>(object),
        ("coordination.k8s.io/v1", "Lease") => through::<coordination::v1::Lease>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => through::<rbac::v1::Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => through::<rbac::v1::RoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => through::<rbac::v1::ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => {
            through::<rbac::v1::ClusterRoleBinding>(object)
        }
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration") => {
            through::<admissionregistration::v1::MutatingWebhookConfiguration>(object)
        }
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration") => {
            through::<admissionregistration::v1::ValidatingWebhookConfiguration>(object)
        }
        _ => return None,
    })
}

/// Fields that say nothing: an explicit null, an empty list or map where the API leaves the field out.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, below)| (key.clone(), bare(below)))
                .filter(|(_, below)| {
                    !(below.is_null()
                        || below.as_array().is_some_and(Vec::is_empty)
                        || below.as_object().is_some_and(serde_json::Map::is_empty))
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(bare).collect()),
        other => other.clone(),
    }
}

fn differences(before: &Value, after: &Value, path: &str, out: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, below) in a {
                match b.get(key) {
                    Some(other) => differences(below, other, &format!("{path}.{key}"), out),
                    None => out.push(format!("{path}.{key} is lost")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (one, other) in a.iter().zip(b) {
                differences(one, other, &format!("{path}[]"), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: {a} becomes {b}")),
    }
}

#[test]
fn every_object_survives_a_round_trip_through_the_types_of_the_api() {
    let mut findings = Vec::new();
    for (place, world) in worlds() {
        for (key, object) in world.objects() {
            match round_trip(object) {
                None => {}
                Some(Err(error)) => findings.push(format!("{place}: {} {}: {error}", key.kind, key.name)),
                Some(Ok(after)) => {
                    let mut lost = Vec::new();
                    differences(&bare(object), &bare(&after), "", &mut lost);
                    findings.extend(
                        lost.into_iter()
                            .map(|what| format!("{place}: {} {}: {what}", key.kind, key.name)),
                    );
                }
            }
        }
    }
    report(&findings);
}
