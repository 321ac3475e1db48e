//! Alert rules as data: those of kube-prometheus with their labels and annotations, and a few of the shop's own.
//! Texts may name `{namespace}`, `{workload}`, `{kind}`, `{controller}` (label of the workload's kind), `{pod}`,
//! `{front}`, `{front_namespace}`, `{ingress}`, `{cluster}` and whatever the fault noted (`{node}`, …). A label whose text
//! stays empty is left out.

mod resources;

/// An alert rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// `alertname`.
    pub name: &'static str,
    /// `severity`.
    pub severity: &'static str,
    /// Further labels.
    pub labels: &'static [(&'static str, &'static str)],
    /// Whether kube-state-metrics is the source.
    pub state_metrics: bool,
    /// Annotation.
    pub summary: &'static str,
    /// Annotation.
    pub description: &'static str,
    /// Section of the runbooks of kube-prometheus, `""` for the shop's own rules.
    pub book: &'static str,
    /// Seconds from the onset to the alert: `for:` and an evaluation.
    pub after_s: i64,
    /// PromQL.
    pub expression: &'static str,
}

/// A rule of the kubernetes-mixin's `alerts/apps_alerts.libsonnet`, which waits for 15 minutes.
const APPS: Rule = Rule {
    name: "",
    severity: "warning",
    labels: &[],
    state_metrics: true,
    summary: "",
    description: "",
    book: "kubernetes",
    after_s: 930,
    expression: "",
};

/// All rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "KubePodCrashLooping",
        labels: &[
            ("namespace", "{namespace}"),
            ("pod", "{pod}"),
            ("container", "{workload}"),
            ("reason", "CrashLoopBackOff"),
        ],
        summary: "Pod is crash looping.",
        description: "Pod {namespace}/{pod} ({workload}) is in waiting state (reason: \"CrashLoopBackOff\") on cluster {cluster}.",
        expression: "max_over_time(kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\", job=\"kube-state-metrics\"}[5m]) >= 1",
        ..APPS
    },
    Rule {
        name: "KubePodNotReady",
        labels: &[("namespace", "{namespace}"), ("pod", "{pod}")],
        state_metrics: false,
        summary: "Pod has been in a non-ready state for more than 15 minutes.",
        description: "Pod {namespace}/{pod} has been in a non-ready state for longer than 15 minutes on cluster {cluster}.",
        expression: "sum by (namespace, pod, cluster) (kube_pod_status_phase{job=\"kube-state-metrics\", phase=~\"Pending|Unknown|Failed\"}) > 0",
        ..APPS
    },
    Rule {
        name: "KubeDeploymentReplicasMismatch",
        labels: &[("namespace", "{namespace}"), ("deployment", "{workload}")],
        summary: "Deployment has not matched the expected number of replicas.",
        description: "Deployment {namespace}/{workload} has not matched the expected number of replicas for longer than 15 minutes on cluster {cluster}.",
        expression: "kube_deployment_status_replicas_ready{job=\"kube-state-metrics\"} != kube_deployment_spec_replicas{job=\"kube-state-metrics\"}",
        ..APPS
    },
    Rule {
        name: "KubeStatefulSetReplicasMismatch",
        labels: &[("namespace", "{namespace}"), ("statefulset", "{workload}")],
        summary: "StatefulSet has not matched the expected number of replicas.",
        description: "StatefulSet {namespace}/{workload} has not matched the expected number of replicas for longer than 15 minutes on cluster {cluster}.",
        expression: "kube_statefulset_status_replicas_ready{job=\"kube-state-metrics\"} != kube_statefulset_spec_replicas{job=\"kube-state-metrics\"}",
        ..APPS
    },
    Rule {
        name: "KubeDeploymentRolloutStuck",
        labels: &[("namespace", "{namespace}"), ("deployment", "{workload}")],
        summary: "Deployment rollout is not progressing.",
        description: "Rollout of deployment {namespace}/{workload} is not progressing for longer than 15 minutes on cluster {cluster}.",
        expression: "kube_deployment_status_condition{condition=\"Progressing\", status=\"false\", job=\"kube-state-metrics\"} != 0",
        ..APPS
    },
    Rule {
        name: "HighErrorRate",
        severity: "critical",
        labels: &[
            ("namespace", "{front_namespace}"),
            ("service", "{front}"),
            ("ingress", "{ingress}"),
        ],
        state_metrics: false,
        summary: "High error rate on {front}",
        description: "More than 5% of the requests to {front_namespace}/{front} are answered with 5xx for 5 minutes.",
        book: "",
        after_s: 360,
        expression: "sum by (namespace, service, ingress) (rate(nginx_ingress_controller_requests{status=~\"5..\"}[5m])) / sum by (namespace, service, ingress) (rate(nginx_ingress_controller_requests[5m])) > 0.05",
    },
    Rule {
        name: "HighLatency",
        labels: &[
            ("namespace", "{front_namespace}"),
            ("service", "{front}"),
            ("ingress", "{ingress}"),
        ],
        state_metrics: false,
        summary: "High latency on {front}",
        description: "Requests to {front_namespace}/{front} take more than twice as long as usual for 5 minutes.",
        book: "",
        after_s: 360,
        expression: "sum by (namespace, service, ingress) (rate(nginx_ingress_controller_request_duration_seconds_sum[5m])) / sum by (namespace, service, ingress) (rate(nginx_ingress_controller_request_duration_seconds_count[5m])) > 0.5",
        ..APPS
    },
    // kubernetes-mixin, `alerts/apps_alerts.libsonnet`.
    Rule {
        name: "KubeJobFailed",
        labels: &[("namespace", "{namespace}"), ("job_name", "{job_name}")],
        summary: "Job failed to complete.",
        description: "Job {namespace}/{job_name} failed to complete. Removing failed job after investigation should clear this alert on cluster {cluster}.",
        expression: "kube_job_failed{job=\"kube-state-metrics\"} > 0",
        ..APPS
    },
    Rule {
        name: "KubeContainerWaiting",
        labels: &[
            ("namespace", "{namespace}"),
            ("pod", "{pod}"),
            ("container", "{workload}"),
            ("reason", "{reason}"),
        ],
        summary: "Pod container waiting longer than 1 hour",
        description: "pod/{pod} in namespace {namespace} on container {workload} has been in waiting state for longer than 1 hour. (reason: \"{reason}\") on cluster {cluster}.",
        after_s: 3_630,
        expression: "kube_pod_container_status_waiting_reason{reason!=\"CrashLoopBackOff\", job=\"kube-state-metrics\"} > 0",
        ..APPS
    },
    Rule {
        name: "KubeHpaMaxedOut",
        labels: &[
            ("namespace", "{namespace}"),
            ("horizontalpodautoscaler", "{horizontalpodautoscaler}"),
        ],
        summary: "HPA is running at max replicas",
        description: "HPA {namespace}/{horizontalpodautoscaler} has been running at max replicas for longer than 15 minutes on cluster {cluster}.",
        expression: "(kube_horizontalpodautoscaler_status_current_replicas{job=\"kube-state-metrics\"} == kube_horizontalpodautoscaler_spec_max_replicas{job=\"kube-state-metrics\"}) and kube_horizontalpodautoscaler_spec_max_replicas{job=\"kube-state-metrics\"} > 1",
        ..APPS
    },
    // kubernetes-mixin, `alerts/kubelet.libsonnet`.
    Rule {
        name: "KubeNodeNotReady",
        labels: &[("node", "{node}"), ("condition", "Ready"), ("status", "true")],
        summary: "Node is not ready.",
        description: "{node} has been unready for more than 15 minutes on cluster {cluster}.",
        expression: "kube_node_status_condition{job=\"kube-state-metrics\",condition=\"Ready\",status=\"true\"} == 0 and on (cluster, node) kube_node_spec_unschedulable{job=\"kube-state-metrics\"} == 0",
        ..APPS
    },
    Rule {
        name: "KubeNodeUnreachable",
        labels: &[
            ("node", "{node}"),
            ("key", "node.kubernetes.io/unreachable"),
            ("effect", "NoSchedule"),
        ],
        summary: "Node is unreachable.",
        description: "{node} is unreachable and some workloads may be rescheduled on cluster {cluster}.",
        expression: "(kube_node_spec_taint{job=\"kube-state-metrics\",key=\"node.kubernetes.io/unreachable\",effect=\"NoSchedule\"} unless ignoring(key,value) kube_node_spec_taint{job=\"kube-state-metrics\",key=~\"ToBeDeletedByClusterAutoscaler|cloud.google.com/impending-node-termination|aws-node-termination-handler/spot-itn\"}) == 1",
        ..APPS
    },
    Rule {
        name: "KubeDaemonSetRolloutStuck",
        labels: &[
            ("namespace", "{daemonset_namespace}"),
            ("daemonset", "{daemonset}"),
        ],
        summary: "DaemonSet rollout is stuck.",
        description: "DaemonSet {daemonset_namespace}/{daemonset} has not finished or progressed for at least 15m on cluster {cluster}.",
        expression: "kube_daemonset_status_number_available{job=\"kube-state-metrics\"} != kube_daemonset_status_desired_number_scheduled{job=\"kube-state-metrics\"}",
        ..APPS
    },
    // kubernetes-mixin, `alerts/kube_apiserver.libsonnet`.
    Rule {
        name: "KubeAPITerminatedRequests",
        state_metrics: false,
        summary: "The kubernetes apiserver has terminated {percent} of its incoming requests.",
        description: "The kubernetes apiserver has terminated {percent} of its incoming requests on cluster {cluster}.",
        after_s: 330,
        expression: "sum by(cluster) (rate(apiserver_request_terminations_total{job=\"apiserver\"}[10m])) / ( sum by(cluster) (rate(apiserver_request_total{job=\"apiserver\"}[10m])) + sum by(cluster) (rate(apiserver_request_terminations_total{job=\"apiserver\"}[10m])) ) > 0.20",
        ..APPS
    },
    // node-mixin (prometheus/node_exporter, `docs/node-mixin/alerts/alerts.libsonnet`).
    Rule {
        name: "NodeNetworkReceiveErrs",
        labels: &[
            ("instance", "{node}"),
            ("device", "eth0"),
            ("job", "node-exporter"),
        ],
        state_metrics: false,
        summary: "Network interface is reporting many receive errors.",
        description: "{node} interface eth0 has encountered 4122 receive errors in the last two minutes.",
        book: "node",
        after_s: 3_630,
        expression: "rate(node_network_receive_errs_total{job=\"node-exporter\"}[2m]) / rate(node_network_receive_packets_total{job=\"node-exporter\"}[2m]) > 0.01",
        ..APPS
    },
    Rule {
        name: "NodeClockSkewDetected",
        labels: &[("instance", "{node}"), ("job", "node-exporter")],
        state_metrics: false,
        summary: "Clock skew detected.",
        description: "Clock at {node} is out of sync by more than 0.05s. Ensure NTP is configured correctly on this host.",
        book: "node",
        after_s: 630,
        expression: "(node_timex_offset_seconds{job=\"node-exporter\"} > 0.05 and deriv(node_timex_offset_seconds{job=\"node-exporter\"}[5m]) >= 0) or (node_timex_offset_seconds{job=\"node-exporter\"} < -0.05 and deriv(node_timex_offset_seconds{job=\"node-exporter\"}[5m]) <= 0)",
        ..APPS
    },
    Rule {
        name: "ConsumerLagGrowing",
        labels: &[
            ("namespace", "{namespace}"),
            ("consumergroup", "{consumergroup}"),
            ("topic", "{topic}"),
            ("deployment", "{workload}"),
        ],
        state_metrics: false,
        summary: "Consumer group {consumergroup} falls behind",
        description: "The lag of consumer group {consumergroup} on topic {topic} has grown for 15 minutes.",
        book: "",
        expression: "sum by (consumergroup, topic) (deriv(kafka_consumergroup_lag[15m])) > 0",
        ..APPS
    },
    // kubernetes-mixin, `alerts/storage_alerts.libsonnet`.
    Rule {
        name: "KubePersistentVolumeFillingUp",
        severity: "critical",
        labels: &[
            ("namespace", "{namespace}"),
            ("persistentvolumeclaim", "{persistentvolumeclaim}"),
        ],
        state_metrics: false,
        summary: "PersistentVolume is filling up.",
        description: "The PersistentVolume claimed by {persistentvolumeclaim} in Namespace {namespace} on Cluster {cluster} is only 0.01% free.",
        after_s: 90,
        expression: "kubelet_volume_stats_available_bytes{job=\"kubelet\", namespace=~\".*\"} / kubelet_volume_stats_capacity_bytes{job=\"kubelet\", namespace=~\".*\"} < 0.03 and kubelet_volume_stats_used_bytes{job=\"kubelet\", namespace=~\".*\"} > 0",
        ..APPS
    },
    // kube-prometheus, general_rules.libsonnet: always fires.
    Rule {
        name: "Watchdog",
        severity: "none",
        state_metrics: false,
        summary: "An alert that should always be firing to certify that Alertmanager is working properly.",
        description: "This is an alert meant to ensure that the entire alerting pipeline is functional.\nThis alert is always firing, therefore it should always be firing in Alertmanager\nand always fire against a receiver. There are integrations with various notification\nmechanisms that send a notification when this alert is not firing. For example the\n\"DeadMansSnitch\" integration in PagerDuty.\n",
        book: "general",
        after_s: -11 * 86_400,
        expression: "vector(1)",
        labels: &[],
    },
];

/// The rule of that name.
pub(super) fn by_name(name: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .chain(resources::RULES)
        .find(|known| known.name == name)
}

impl Rule {
    /// Address of the rule's runbook.
    pub fn runbook(&self) -> String {
        if self.book.is_empty() {
            let words: String = self.name.chars().fold(String::new(), |mut text, c| {
                if c.is_ascii_uppercase() && !text.is_empty() {
                    text.push('-');
                }
                text.push(c.to_ascii_lowercase());
                text
            });
            return format!("https://wiki.example.com/runbooks/{words}");
        }
        format!(
            "https://runbooks.prometheus-operator.dev/runbooks/{}/{}",
            self.book,
            self.name.to_lowercase()
        )
    }
}
