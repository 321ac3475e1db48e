//! References to Kubernetes objects (and Helm releases, as `helm.sh/Release`).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one object of a cluster. Two references are equal when group, kind, namespace and name are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// API group without version; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Kind in CamelCase.
    pub kind: String,
    /// Namespace; empty for cluster-scoped kinds.
    #[serde(default)]
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// A reference from its four parts.
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// A reference to an object of a well-known kind; the group follows from the kind.
    pub fn of(kind: &str, namespace: &str, name: &str) -> Self {
        Self::new(group_of(kind).unwrap_or_default(), kind, namespace, name)
    }

    /// A Helm release, which lives in Secrets and has no kind of its own in the API.
    pub fn release(namespace: &str, name: &str) -> Self {
        Self::new("helm.sh", "Release", namespace, name)
    }

    /// True when kind, namespace and name agree; for references whose group is unknown (models leave it out).
    pub fn same_name(&self, other: &Self) -> bool {
        self.kind == other.kind && self.namespace == other.namespace && self.name == other.name
    }
}

/// `Kind namespace/name`, or `Kind name` for cluster-scoped objects.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// Whether an object that somebody named is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Existence {
    /// It was read.
    Exists,
    /// A permitted, complete look did not find it.
    Absent,
    /// It could not be looked for.
    Unknown,
}

/// API group of the kinds that dogwatch reads; `None` for kinds it does not know.
pub fn group_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Pod"
        | "Service"
        | "Node"
        | "Namespace"
        | "Event"
        | "ConfigMap"
        | "Secret"
        | "ServiceAccount"
        | "PersistentVolume"
        | "PersistentVolumeClaim"
        | "ResourceQuota"
        | "LimitRange"
        | "Endpoints"
        | "ReplicationController" => "",
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ControllerRevision" => "apps",
        "Job" | "CronJob" => "batch",
        "Ingress" | "IngressClass" | "NetworkPolicy" => "networking.k8s.io",
        "EndpointSlice" => "discovery.k8s.io",
        "StorageClass" | "CSIDriver" | "CSINode" | "VolumeAttachment" => "storage.k8s.io",
        "HorizontalPodAutoscaler" => "autoscaling",
        "PodDisruptionBudget" => "policy",
        "Lease" => "coordination.k8s.io",
        "PriorityClass" => "scheduling.k8s.io",
        "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => "rbac.authorization.k8s.io",
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => "admissionregistration.k8s.io",
        "Release" => "helm.sh",
        _ => return None,
    })
}
