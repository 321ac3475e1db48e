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
        name: "served_failing",
        promql: "sum by (namespace, pod) (rate(http_server_request_duration_seconds_count{namespace=~\"{namespaces}\", http_response_status_code=~\"5..\"}[6m]))",
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
        name: "consumer_lag",
        promql: "sum by (consumergroup, topic, partition) (kafka_consumergroup_lag)",
        hours: 1,
    },
    Metric {
        name: "consumer_offset",
        promql: "max by (consumergroup, topic, partition) (kafka_consumergroup_current_offset)",
        hours: 1,
    },
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
    // Busy share of each machine.
    Metric {
        name: "node_cpu",
        promql: "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[10m]))",
        hours: 3,
    },
    // Free share of each machine's memory.
    Metric {
        name: "node_memory_free",
        promql: "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        hours: 3,
    },
    // Used bytes of each machine's root disk.
    Metric {
        name: "node_disk_used",
        promql: "max by (instance) (node_filesystem_size_bytes{mountpoint=\"/\"} - node_filesystem_avail_bytes{mountpoint=\"/\"})",
        hours: 3,
    },
    // The containers that use most, wherever they run.
    Metric {
        name: "top_cpu",
        promql: "topk(60, sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{container!=\"\", container!=\"POD\"}[10m])))",
        hours: 0,
    },
    Metric {
        name: "top_memory",
        promql: "topk(60, sum by (namespace, pod, container) (container_memory_working_set_bytes{container!=\"\", container!=\"POD\"}))",
        hours: 0,
    },
    Metric {
        name: "top_writes",
        promql: "topk(60, sum by (namespace, pod, container) (rate(container_fs_writes_bytes_total{container!=\"\", container!=\"POD\"}[1h])))",
        hours: 0,
    },
    // GPUs: why clocks are held down (older exporters use the second name), temperature, clock.
    Metric {
        name: "gpu_clock_reasons",
        promql: "DCGM_FI_DEV_CLOCKS_EVENT_REASONS or DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
        hours: 2,
    },
    Metric {
        name: "gpu_temperature",
        promql: "DCGM_FI_DEV_GPU_TEMP",
        hours: 0,
    },
    Metric {
        name: "gpu_clock",
        promql: "DCGM_FI_DEV_SM_CLOCK",
        hours: 2,
    },
    // Share of a container's quota periods in which it was throttled, and what it used.
    Metric {
        name: "throttled",
        promql: "sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total{namespace=~\"{namespaces}\", container!=\"\"}[10m])) / sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total{namespace=~\"{namespaces}\", container!=\"\"}[10m]))",
        hours: 2,
    },
    Metric {
        name: "pod_cpu",
        promql: "sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{namespace=~\"{namespaces}\", container!=\"\", container!=\"POD\"}[10m]))",
        hours: 2,
    },
    // node-exporter: collectors netstat, netdev, timex.
    Metric {
        name: "node-retransmits",
        promql: "rate(node_netstat_Tcp_RetransSegs[6m]) / rate(node_netstat_Tcp_OutSegs[6m])",
        hours: 2,
    },
    Metric {
        name: "node-frame-errors",
        promql: "sum by (instance, node) (rate(node_network_receive_errs_total[6m])) + sum by (instance, node) (rate(node_network_transmit_errs_total[6m]))",
        hours: 2,
    },
    Metric {
        name: "node-clock-offset",
        promql: "node_timex_offset_seconds",
        hours: 2,
    },
    // client-go's `component-base/metrics/prometheus/restclient`, and the API server's priority and fairness.
    Metric {
        name: "api-client-rate",
        promql: "sum by (namespace, pod) (rate(rest_client_requests_total[6m]))",
        hours: 2,
    },
    Metric {
        name: "api-rejected",
        promql: "sum(rate(apiserver_flowcontrol_rejected_requests_total[6m]))",
        hours: 2,
    },
    // node-exporter: collector conntrack.
    Metric {
        name: "node-conntrack-used",
        promql: "node_nf_conntrack_entries / node_nf_conntrack_entries_limit",
        hours: 2,
    },
    // cAdvisor.
    Metric {
        name: "pod-disk-operations",
        promql: "sum by (namespace, pod) (rate(container_fs_reads_total{namespace=~\"{namespaces}\",container!=\"\"}[6m])) + sum by (namespace, pod) (rate(container_fs_writes_total{namespace=~\"{namespaces}\",container!=\"\"}[6m]))",
        hours: 2,
    },
    Metric {
        name: "pod-cpu",
        promql: "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{namespace=~\"{namespaces}\",container!=\"\"}[6m]))",
        hours: 2,
    },
    // NVIDIA/dcgm-exporter, `etc/default-counters.csv`.
    Metric {
        name: "gpu-xid",
        promql: "DCGM_FI_DEV_XID_ERRORS",
        hours: 2,
    },
];

const NAMESPACES: &str = "{namespaces}";

/// The questions about the whole cluster, which can be asked before any namespace was read.
pub(crate) fn of_cluster() -> Vec<Query> {
    METRICS
        .iter()
        .filter(|metric| !metric.promql.contains(NAMESPACES))
        .map(|metric| Query {
            name: metric.name,
            promql: metric.promql.to_owned(),
            hours: metric.hours,
        })
        .collect()
}

/// The questions for the namespaces that were read.
pub(crate) fn of_namespaces(view: &ClusterView) -> Vec<Query> {
    let namespaces: Vec<&str> = view.namespaces.iter().map(String::as_str).collect();
    let namespaces = namespaces.join("|");
    METRICS
        .iter()
        .filter(|metric| metric.promql.contains(NAMESPACES))
        .map(|metric| Query {
            name: metric.name,
            promql: metric.promql.replace(NAMESPACES, &namespaces),
            hours: metric.hours,
        })
        .collect()
}
