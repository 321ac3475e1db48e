//! The table of built-in kinds, as Kubernetes 1.33 serves them. Data only.

use crate::api::resource::{ALL_VERBS, LOG, Resource, SCALE, STATUS, Subresource};

/// One built-in kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    namespaced: bool,
    verbs: &'static [&'static str],
    subresources: &'static [Subresource],
}

impl Row {
    const fn namespaced(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
            short: &[],
            categories: &[],
            namespaced: true,
            verbs: &ALL_VERBS,
            subresources: &[],
        }
    }

    const fn cluster(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        let mut row = Self::namespaced(group, version, kind, plural);
        row.namespaced = false;
        row
    }

    const fn short(mut self, short: &'static [&'static str]) -> Self {
        self.short = short;
        self
    }

    const fn all(mut self) -> Self {
        self.categories = &["all"];
        self
    }

    const fn extensions(mut self) -> Self {
        self.categories = &["api-extensions"];
        self
    }

    const fn with(mut self, subresources: &'static [Subresource]) -> Self {
        self.subresources = subresources;
        self
    }

    const fn verbs(mut self, verbs: &'static [&'static str]) -> Self {
        self.verbs = verbs;
        self
    }

    /// The registry's entry.
    pub(crate) fn resource(&self) -> Resource {
        let owned = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect();
        Resource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
            singular: self.kind.to_lowercase(),
            short_names: owned(self.short),
            categories: owned(self.categories),
            namespaced: self.namespaced,
            verbs: self.verbs.to_vec(),
            subresources: self.subresources.to_vec(),
            built_in: true,
        }
    }
}

const READ: &[&str] = &["get", "list"];
const CREATE: &[&str] = &["create"];

const APPS: &str = "apps";
const STORAGE: &str = "storage.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

/// All built-in kinds, group by group.
pub(crate) const BUILT_IN: &[Row] = &[
    Row::namespaced("", "v1", "ConfigMap", "configmaps").short(&["cm"]),
    Row::namespaced("", "v1", "Endpoints", "endpoints").short(&["ep"]),
    Row::namespaced("", "v1", "Event", "events").short(&["ev"]),
    Row::namespaced("", "v1", "LimitRange", "limitranges").short(&["limits"]),
    Row::cluster("", "v1", "Namespace", "namespaces")
        .short(&["ns"])
        .with(&[STATUS]),
    Row::cluster("", "v1", "Node", "nodes")
        .short(&["no"])
        .with(&[STATUS]),
    Row::namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
        .short(&["pvc"])
        .with(&[STATUS]),
    Row::cluster("", "v1", "PersistentVolume", "persistentvolumes")
        .short(&["pv"])
        .with(&[STATUS]),
    Row::namespaced("", "v1", "Pod", "pods")
        .short(&["po"])
        .all()
        .with(&[LOG, STATUS]),
    Row::namespaced("", "v1", "PodTemplate", "podtemplates"),
    Row::namespaced("", "v1", "ReplicationController", "replicationcontrollers")
        .short(&["rc"])
        .all()
        .with(&[SCALE, STATUS]),
    Row::namespaced("", "v1", "ResourceQuota", "resourcequotas")
        .short(&["quota"])
        .with(&[STATUS]),
    Row::namespaced("", "v1", "Secret", "secrets"),
    Row::namespaced("", "v1", "ServiceAccount", "serviceaccounts").short(&["sa"]),
    Row::namespaced("", "v1", "Service", "services")
        .short(&["svc"])
        .all()
        .with(&[STATUS]),
    Row::namespaced("events.k8s.io", "v1", "Event", "events").short(&["ev"]),
    Row::cluster(
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
    )
    .verbs(CREATE),
    Row::cluster(
        AUTHORIZATION,
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
    )
    .verbs(CREATE),
    Row::cluster(
        AUTHORIZATION,
        "v1",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
    )
    .verbs(CREATE),
    Row::namespaced(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    )
    .short(&["hpa"])
    .all()
    .with(&[STATUS]),
    Row::namespaced("batch", "v1", "CronJob", "cronjobs")
        .short(&["cj"])
        .all()
        .with(&[STATUS]),
    Row::namespaced("batch", "v1", "Job", "jobs")
        .all()
        .with(&[STATUS]),
    Row::namespaced(NETWORKING, "v1", "Ingress", "ingresses")
        .short(&["ing"])
        .with(&[STATUS]),
    Row::cluster(NETWORKING, "v1", "IngressClass", "ingressclasses"),
    Row::namespaced(NETWORKING, "v1", "NetworkPolicy", "networkpolicies").short(&["netpol"]),
    Row::namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
        .short(&["pdb"])
        .with(&[STATUS]),
    Row::cluster(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings"),
    Row::cluster(RBAC, "v1", "ClusterRole", "clusterroles"),
    Row::namespaced(RBAC, "v1", "RoleBinding", "rolebindings"),
    Row::namespaced(RBAC, "v1", "Role", "roles"),
    Row::cluster(STORAGE, "v1", "CSIDriver", "csidrivers"),
    Row::cluster(STORAGE, "v1", "CSINode", "csinodes"),
    Row::namespaced(STORAGE, "v1", "CSIStorageCapacity", "csistoragecapacities"),
    Row::cluster(STORAGE, "v1", "StorageClass", "storageclasses").short(&["sc"]),
    Row::cluster(STORAGE, "v1", "VolumeAttachment", "volumeattachments").with(&[STATUS]),
    Row::cluster(
        ADMISSION,
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    )
    .extensions(),
    Row::cluster(
        ADMISSION,
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    )
    .extensions(),
    Row::cluster(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    )
    .short(&["crd", "crds"])
    .extensions()
    .with(&[STATUS]),
    Row::cluster("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses").short(&["pc"]),
    Row::namespaced("coordination.k8s.io", "v1", "Lease", "leases"),
    Row::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Row::namespaced(APPS, "v1", "ControllerRevision", "controllerrevisions"),
    Row::namespaced(APPS, "v1", "DaemonSet", "daemonsets")
        .short(&["ds"])
        .all()
        .with(&[STATUS]),
    Row::namespaced(APPS, "v1", "Deployment", "deployments")
        .short(&["deploy"])
        .all()
        .with(&[SCALE, STATUS]),
    Row::namespaced(APPS, "v1", "ReplicaSet", "replicasets")
        .short(&["rs"])
        .all()
        .with(&[SCALE, STATUS]),
    Row::namespaced(APPS, "v1", "StatefulSet", "statefulsets")
        .short(&["sts"])
        .all()
        .with(&[SCALE, STATUS]),
    Row::cluster("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes").verbs(READ),
    Row::namespaced("metrics.k8s.io", "v1beta1", "PodMetrics", "pods").verbs(READ),
];
