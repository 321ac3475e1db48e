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
/// and the DCGM exporter; those of applications follow OpenTelemetry's semantic conventions, and kafka_exporter.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "served_rate",
        promql: "sum by (namespace, pod) (rate(http_server_request_duration_seconds_count{namespace=~\"{namespaces}\"}[6m]))",
        hours: 2,
    },
    Metric {
        name: "served_seconds",
        promql: "sum by (namespace, pod) (rate(http_server_request_duration_seconds_sum{namespace=~\"{namespaces}\"}[6m])) / sum by (namespace, pod) (rate(http_server_request_duration_seconds_count{namespace=~\"{namespaces}\"}[6m]))",
        hours: 2,
    },
    Metric {
        name: "called_rate",
        promql: "sum by (namespace, pod, server_address) (rate(http_client_request_duration_seconds_count{namespace=~\"{namespaces}\"}[6m]))",
        hours: 2,
    },
    Metric {
        name: "called_seconds",
        promql: "sum by (namespace, pod, server_address) (rate(http_client_request_duration_seconds_sum{namespace=~\"{namespaces}\"}[9m])) / sum by (namespace, pod, server_address) (rate(http_client_request_duration_seconds_count{namespace=~\"{namespaces}\"}[9m]))",
        hours: 2,
    },
    Metric {
        name: "queried_seconds",
        promql: "sum by (namespace, pod, server_address) (rate(db_client_operation_duration_seconds_sum{namespace=~\"{namespaces}\"}[9m])) / sum by (namespace, pod, server_address) (rate(db_client_operation_duration_seconds_count{namespace=~\"{namespaces}\"}[9m]))",
        hours: 2,
    },
    Metric {
        name: "cpu_used",
        promql: "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{namespace=~\"{namespaces}\",container!=\"\",container!=\"POD\"}[6m]))",
        hours: 2,
    },
    Metric {
        name: "consumer_lag",
        promql: "sum by (consumergroup, topic, partition) (kafka_consumergroup_lag)",
        hours: 1,
    },
    Metric {
        name: "consumer_offset",
        promql: "max by (consumergroup, topic, partition) (kafka_consumergroup_current_offset)",
        hours: 1,
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
