//! The kinds that dogwatch reads: group, version, plural, scope. The allow-list of resources is this table.

/// Where a kind lives in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Kind in CamelCase.
    pub kind: &'static str,
    /// API group, empty for core.
    pub group: &'static str,
    /// Version that is read.
    pub version: &'static str,
    /// Plural as in URLs.
    pub plural: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether the kind belongs to an add-on that a cluster may lack without anything being amiss.
    pub optional: bool,
}

const fn namespaced(
    kind: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
) -> Kind {
    Kind {
        kind,
        group,
        version,
        plural,
        namespaced: true,
        optional: false,
    }
}

const fn clusterwide(
    kind: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
) -> Kind {
    Kind {
        kind,
        group,
        version,
        plural,
        namespaced: false,
        optional: false,
    }
}

/// A kind of an add-on.
const fn optional(kind: Kind) -> Kind {
    Kind {
        optional: true,
        ..kind
    }
}

const SNAPSHOT: &str = "snapshot.storage.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Everything that may be read (get and list); `pods/log` is the one subresource besides.
pub const KINDS: &[Kind] = &[
    namespaced("Pod", "", "v1", "pods"),
    namespaced("Service", "", "v1", "services"),
    namespaced("Event", "", "v1", "events"),
    namespaced("ConfigMap", "", "v1", "configmaps"),
    namespaced("Secret", "", "v1", "secrets"),
    namespaced("ServiceAccount", "", "v1", "serviceaccounts"),
    namespaced("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"),
    namespaced("ResourceQuota", "", "v1", "resourcequotas"),
    namespaced("LimitRange", "", "v1", "limitranges"),
    clusterwide("Namespace", "", "v1", "namespaces"),
    clusterwide("Node", "", "v1", "nodes"),
    clusterwide("PersistentVolume", "", "v1", "persistentvolumes"),
    namespaced("Deployment", "apps", "v1", "deployments"),
    namespaced("ReplicaSet", "apps", "v1", "replicasets"),
    namespaced("StatefulSet", "apps", "v1", "statefulsets"),
    namespaced("DaemonSet", "apps", "v1", "daemonsets"),
    namespaced("ControllerRevision", "apps", "v1", "controllerrevisions"),
    namespaced("Job", "batch", "v1", "jobs"),
    namespaced("CronJob", "batch", "v1", "cronjobs"),
    namespaced("Ingress", "networking.k8s.io", "v1", "ingresses"),
    clusterwide("IngressClass", "networking.k8s.io", "v1", "ingressclasses"),
    namespaced("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    namespaced("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices"),
    clusterwide("StorageClass", "storage.k8s.io", "v1", "storageclasses"),
    clusterwide("CSINode", "storage.k8s.io", "v1", "csinodes"),
    clusterwide("CSIDriver", "storage.k8s.io", "v1", "csidrivers"),
    clusterwide("VolumeAttachment", "storage.k8s.io", "v1", "volumeattachments"),
    namespaced(
        "HorizontalPodAutoscaler",
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
    ),
    namespaced("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    clusterwide("PriorityClass", "scheduling.k8s.io", "v1", "priorityclasses"),
    namespaced("Role", RBAC, "v1", "roles"),
    namespaced("RoleBinding", RBAC, "v1", "rolebindings"),
    clusterwide("ClusterRole", RBAC, "v1", "clusterroles"),
    clusterwide("ClusterRoleBinding", RBAC, "v1", "clusterrolebindings"),
    clusterwide(
        "MutatingWebhookConfiguration",
        ADMISSION,
        "v1",
        "mutatingwebhookconfigurations",
    ),
    clusterwide(
        "ValidatingWebhookConfiguration",
        ADMISSION,
        "v1",
        "validatingwebhookconfigurations",
    ),
    namespaced("Lease", "coordination.k8s.io", "v1", "leases"),
    optional(namespaced("VolumeSnapshot", SNAPSHOT, "v1", "volumesnapshots")),
    optional(clusterwide(
        "VolumeSnapshotContent",
        SNAPSHOT,
        "v1",
        "volumesnapshotcontents",
    )),
    optional(clusterwide(
        "VolumeSnapshotClass",
        SNAPSHOT,
        "v1",
        "volumesnapshotclasses",
    )),
    optional(namespaced(
        "Application",
        "argoproj.io",
        "v1alpha1",
        "applications",
    )),
    optional(namespaced(
        "Kustomization",
        "kustomize.toolkit.fluxcd.io",
        "v1",
        "kustomizations",
    )),
    optional(namespaced(
        "HelmRelease",
        "helm.toolkit.fluxcd.io",
        "v2",
        "helmreleases",
    )),
    optional(namespaced("Certificate", "cert-manager.io", "v1", "certificates")),
    optional(namespaced("ScaledObject", "keda.sh", "v1alpha1", "scaledobjects")),
    optional(namespaced("Backup", "velero.io", "v1", "backups")),
];

/// Finds a kind by its name, plural, singular or usual short name, in any case.
pub fn find(name: &str) -> Option<&'static Kind> {
    let name = name.to_ascii_lowercase();
    let short = match name.as_str() {
        "po" => "pods",
        "svc" => "services",
        "ev" => "events",
        "cm" => "configmaps",
        "sa" => "serviceaccounts",
        "pvc" => "persistentvolumeclaims",
        "pv" => "persistentvolumes",
        "ns" => "namespaces",
        "no" => "nodes",
        "deploy" => "deployments",
        "rs" => "replicasets",
        "sts" => "statefulsets",
        "ds" => "daemonsets",
        "cj" => "cronjobs",
        "ing" => "ingresses",
        "netpol" => "networkpolicies",
        "sc" => "storageclasses",
        "hpa" => "horizontalpodautoscalers",
        "pdb" => "poddisruptionbudgets",
        "quota" => "resourcequotas",
        other => other,
    };
    KINDS
        .iter()
        .find(|kind| kind.plural == short || kind.kind.eq_ignore_ascii_case(short))
}

impl Kind {
    /// `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// URL path of the collection (`namespace` empty: of all namespaces) or of one object in it.
    pub fn path(&self, namespace: &str, name: Option<&str>) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        path.push('/');
        path.push_str(self.plural);
        if let Some(name) = name {
            path.push('/');
            path.push_str(name);
        }
        path
    }
}
