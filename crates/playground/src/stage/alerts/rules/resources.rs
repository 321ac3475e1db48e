//! Alert rules about CPU, memory, disk and quotas. Must not know causes.

use super::{APPS, Rule};

/// The rules.
pub(super) const RULES: &[Rule] = &[
    // kubernetes-mixin, alerts/resource_alerts.libsonnet.
    Rule {
        name: "CPUThrottlingHigh",
        severity: "info",
        labels: &[
            ("namespace", "{namespace}"),
            ("pod", "{pod}"),
            ("container", "{workload}"),
        ],
        state_metrics: false,
        summary: "Processes experience elevated CPU throttling.",
        description: "{percent} throttling of CPU in namespace {namespace} for container {workload} in pod {pod} on cluster {cluster}.",
        expression: "sum(increase(container_cpu_cfs_throttled_periods_total{container!=\"\"}[5m])) by (container, pod, namespace) / sum(increase(container_cpu_cfs_periods_total{}[5m])) by (container, pod, namespace) > ( 25 / 100 )",
        ..APPS
    },
    Rule {
        name: "KubeQuotaFullyUsed",
        severity: "info",
        labels: &[("namespace", "{namespace}"), ("resource", "{resource}")],
        summary: "Namespace quota is fully used.",
        description: "Namespace {namespace} is using 100% of its {resource} quota on cluster {cluster}.",
        expression: "kube_resourcequota{job=\"kube-state-metrics\", type=\"used\"} / ignoring(instance, job, type) (kube_resourcequota{job=\"kube-state-metrics\", type=\"hard\"} > 0) == 1",
        ..APPS
    },
    // kubernetes-mixin, alerts/kubelet.libsonnet.
    Rule {
        name: "KubeNodePressure",
        severity: "info",
        labels: &[
            ("node", "{node}"),
            ("condition", "{condition}"),
            ("status", "true"),
        ],
        summary: "Node has as active Condition.",
        description: "{node} on cluster {cluster} has active Condition {condition}. This is caused by resource usage exceeding eviction thresholds.",
        after_s: 630,
        expression: "kube_node_status_condition{job=\"kube-state-metrics\", condition=~\"(MemoryPressure|DiskPressure|PIDPressure)\", status=\"true\"} == 1 and on (cluster, node) kube_node_spec_unschedulable{job=\"kube-state-metrics\"} == 0",
        ..APPS
    },
];
