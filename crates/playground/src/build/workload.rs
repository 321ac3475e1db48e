//! What a workload is made of, before it becomes objects. Must not know of any fault.

use serde_json::{Value, json};

use super::object::{Author, HELM3, HELM4, PIPELINE};

/// The controller that owns the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Stateless replicas.
    Deployment,
    /// Numbered replicas with a volume each.
    StatefulSet,
    /// One per node.
    DaemonSet,
}

impl Kind {
    /// The `kind` field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }
}

/// The language or product that writes the log, and so how it words its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// Node.js with pino.
    Node,
    /// Go with `log/slog` in JSON.
    Go,
    /// Java with Logback, Spring Boot's pattern.
    Java,
    /// Python with the `logging` module.
    Python,
    /// ingress-nginx.
    Nginx,
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// Kafka.
    Kafka,
    /// OpenSearch.
    Search,
    /// Components of the cluster (klog).
    System,
}

impl Voice {
    /// Whether callers speak HTTP to it.
    pub fn speaks_http(self) -> bool {
        matches!(
            self,
            Self::Node | Self::Go | Self::Java | Self::Python | Self::Nginx
        )
    }
}

/// Who deploys a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// A pipeline with server-side apply.
    Pipeline,
    /// A Helm release written by Helm 3.
    Helm3,
    /// A Helm release written by Helm 4.
    Helm4,
}

impl Delivery {
    /// The field manager of that way of delivery.
    pub fn author(self) -> Author {
        match self {
            Self::Pipeline => PIPELINE,
            Self::Helm3 => HELM3,
            Self::Helm4 => HELM4,
        }
    }

    /// Whether a Helm release holds the workload.
    pub fn is_helm(self) -> bool {
        self != Self::Pipeline
    }
}

/// One workload of the shop.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Role in the shop, which no object shows.
    pub role: &'static str,
    /// Namespace.
    pub namespace: String,
    /// Name of the controller, its Service and its container.
    pub name: String,
    /// Kind of the controller.
    pub kind: Kind,
    /// How its log sounds.
    pub voice: Voice,
    /// Who deploys it.
    pub delivery: Delivery,
    /// Desired replicas.
    pub replicas: usize,
    /// Port that it listens on.
    pub port: u16,
    /// Image without tag.
    pub repository: String,
    /// Current version.
    pub version: (u64, u64, u64),
    /// CPU request in millicores.
    pub cpu_m: u64,
    /// Memory request in MiB.
    pub memory_request_mi: u64,
    /// Memory limit in MiB.
    pub memory_limit_mi: u64,
    /// Usual working set in MiB.
    pub memory_use_mi: u64,
    /// Roles that it calls.
    pub calls: &'static [&'static str],
    /// Size of its volume in GiB, if it has one.
    pub volume_gi: Option<u64>,
    /// Public path that the ingress routes to it.
    pub path: Option<&'static str>,
    /// Bounds of its HPA.
    pub scale: Option<(usize, usize)>,
    /// Image pull secret in its namespace.
    pub pull_secret: Option<String>,
}

impl Workload {
    /// Labels that its selector matches.
    pub fn selector(&self) -> Value {
        if self.delivery.is_helm() {
            json!({ "app.kubernetes.io/name": self.name, "app.kubernetes.io/instance": self.name })
        } else {
            json!({ "app": self.name })
        }
    }

    /// Labels of its objects and pods.
    pub fn labels(&self) -> Value {
        let mut labels = self.selector();
        if self.delivery.is_helm() {
            labels["app.kubernetes.io/version"] = json!(tag(self.version));
            labels["app.kubernetes.io/managed-by"] = json!("Helm");
            labels["helm.sh/chart"] = json!(format!("{}-{}", self.chart(), CHART_VERSION));
        } else {
            labels["app.kubernetes.io/part-of"] = json!(self.namespace);
        }
        labels
    }

    /// Name of the chart of its Helm release.
    pub fn chart(&self) -> &str {
        self.repository
            .rsplit_once('/')
            .map_or(self.repository.as_str(), |(_, last)| last)
    }

    /// DNS name of its Service.
    pub fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace)
    }

    /// Current image reference.
    pub fn image(&self) -> String {
        self.image_at(self.version)
    }

    /// Image reference of a version.
    pub fn image_at(&self, version: (u64, u64, u64)) -> String {
        format!("{}:{}", self.repository, tag(version))
    }

    /// The release `steps` before the current one.
    pub fn earlier_version(&self, steps: u64) -> (u64, u64, u64) {
        let (major, minor, patch) = self.version;
        if patch >= steps {
            (major, minor, patch - steps)
        } else {
            (major, minor.saturating_sub(steps - patch), 3)
        }
    }

    /// The next release.
    pub fn next_version(&self) -> (u64, u64, u64) {
        (self.version.0, self.version.1, self.version.2 + 1)
    }
}

/// Version of the charts that the shop uses.
pub const CHART_VERSION: &str = "2.4.1";

/// A version as an image tag.
pub fn tag((major, minor, patch): (u64, u64, u64)) -> String {
    format!("{major}.{minor}.{patch}")
}
