//! The types of the real API: which fields a kind has and what they hold. Must not know requests nor worlds.

use k8s_openapi::api::{
    admissionregistration, apps, autoscaling, batch, coordination, core, discovery, networking, policy, rbac,
    scheduling, storage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A value that the type of its field cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Misfit {
    /// Where, e.g. `spec.template.spec.containers[0].image`.
    pub path: String,
    /// What serde says of it.
    pub what: String,
}

fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, Misfit> {
    let misfit = |path: String, error: &dyn std::fmt::Display| Misfit {
        path,
        what: error.to_string(),
    };
    // Following the path costs time, so it is asked for only where there is something to name.
    let typed = T::deserialize(object).or_else(|_| {
        serde_path_to_error::deserialize::<_, T>(object)
            .map_err(|error| misfit(error.path().to_string(), error.inner()))
    })?;
    serde_json::to_value(typed).map_err(|error| misfit(String::new(), &error))
}

/// The object as the type of its kind gives it back, without the fields that the type does not have. `None` for kinds of
/// add-ons, whose types are not known.
///
/// # Errors
/// When a field holds what its type cannot.
pub fn round_trip(object: &Value) -> Option<Result<Value, Misfit>> {
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
        ("v1", "Endpoints") => through::<core::v1::Endpoints>(object),
        ("storage.k8s.io/v1", "CSIStorageCapacity") => through::<storage::v1::CSIStorageCapacity>(object),
        _ => return None,
    })
}

/// Paths of fields that the object has and its type does not know, e.g. `spec.template.spec.containers[0].imagePulPolicy`.
pub fn unknown_fields(object: &Value, typed: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(object, typed, String::new(), &mut found);
    found
}

fn compare(object: &Value, typed: &Value, path: String, found: &mut Vec<String>) {
    match (object, typed) {
        (Value::Object(sent), Value::Object(kept)) => {
            for (key, below) in sent.iter().filter(|(_, below)| !below.is_null()) {
                let at = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match kept.get(key) {
                    Some(other) => compare(below, other, at, found),
                    None => found.push(at),
                }
            }
        }
        (Value::Array(sent), Value::Array(kept)) => {
            for (index, (one, other)) in sent.iter().zip(kept).enumerate() {
                compare(one, other, format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}
