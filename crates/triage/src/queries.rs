//! What triage asks the metrics source: one row per question. Must not know what the answers mean; detectors do.

use cluster::ClusterView;
use cluster::read::Query;

/// A question; `{namespaces}` stands for a regular expression of the namespaces that were read.
pub(crate) struct Metric {
    /// Name under which [`ClusterView::series`] gives the answer.
    pub(crate) name: &'static str,
    /// PromQL.
    pub(crate) promql: &'static str,
    /// Hours before now; 0 for the value at now.
    pub(crate) hours: i64,
}

/// All questions. Names of series and labels are those of cAdvisor, kube-state-metrics, node-exporter, the kubelet
/// and the DCGM exporter.
pub(crate) const METRICS: &[Metric] = &[
    // The kubelet's figures of volumes (pkg/kubelet/server/stats, volume_stats).
    Metric {
        name: "volume_available_bytes",
        promql: "kubelet_volume_stats_available_bytes{namespace=~\"{namespaces}\"}",
        hours: 0,
    },
    Metric {
        name: "volume_capacity_bytes",
        promql: "kubelet_volume_stats_capacity_bytes{namespace=~\"{namespaces}\"}",
        hours: 0,
    },
    // ingress-nginx, `internal/ingress/metric/collectors/socket.go`; crates/triage/src/vitals.rs reads them.
    Metric {
        name: "edge-requests",
        promql: "sum by (exported_namespace, exported_service, namespace, service) (rate(nginx_ingress_controller_requests[4m]))",
        hours: 2,
    },
    Metric {
        name: "edge-failing",
        promql: "sum by (exported_namespace, exported_service, namespace, service) (rate(nginx_ingress_controller_requests{status=~\"5..\"}[4m]))",
        hours: 2,
    },
    Metric {
        name: "edge-latency",
        promql: "sum by (exported_namespace, exported_service, namespace, service) (rate(nginx_ingress_controller_request_duration_seconds_sum[4m])) / sum by (exported_namespace, exported_service, namespace, service) (rate(nginx_ingress_controller_request_duration_seconds_count[4m]))",
        hours: 2,
    },
];

/// The questions for what was read.
pub(crate) fn queries(view: &ClusterView) -> Vec<Query> {
    let namespaces: Vec<&str> = view.namespaces.iter().map(String::as_str).collect();
    let namespaces = namespaces.join("|");
    METRICS
        .iter()
        .map(|metric| Query {
            name: metric.name,
            promql: metric.promql.replace("{namespaces}", &namespaces),
            hours: metric.hours,
        })
        .collect()
}
