//! What a subject names: objects, namespaces, words. Pure; whether they exist is for [`crate::focus`].

use std::sync::LazyLock;

use cluster::kinds;
use domain::{Alert, AlertStatus, ObjectRef, Subject};
use regex::Regex;

/// An object that the subject names, kind known or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) namespace: String,
    /// `None` when only a name was given.
    pub(crate) kind: Option<&'static str>,
    pub(crate) name: String,
}

/// What the subject asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) named: Vec<Named>,
    /// Namespaces to read first; empty: all.
    pub(crate) namespaces: Vec<String>,
    /// Free text whose words may be names of objects.
    pub(crate) words: String,
    /// The alert that fires always, to show that alerting works.
    pub(crate) heartbeat: bool,
    /// The sender says that it is over.
    pub(crate) resolved: bool,
    /// True when the condition is one of Kubernetes' own object states, which a look at the API settles.
    pub(crate) about_state: bool,
    /// True when every alert is about CPU throttling.
    pub(crate) about_throttling: bool,
    /// Services that an alert's metrics are about, by namespace and name.
    pub(crate) services: Vec<(String, String)>,
    /// True when an alert says that something is wrong; a person who asks may just want to know.
    pub(crate) by_alert: bool,
}

/// Labels of kube-state-metrics and kubelet metrics that name an object, most specific first.
const LABELS: &[(&str, &str)] = &[
    ("pod", "Pod"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("job_name", "Job"),
    ("cronjob", "CronJob"),
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("replicaset", "ReplicaSet"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("node", "Node"),
    ("ingress", "Ingress"),
    ("exported_service", "Service"),
];

/// Labels that name a workload or a scrape target; read only when no object is named.
const LOOSE: &[&str] = &[
    "service",
    "workload",
    "owner_name",
    "app_kubernetes_io_name",
    "app",
    "service_name",
    "destination_workload",
    "job",
    "container",
];

/// Labels that name the Service which requests go to.
const SERVICES: &[&str] = &[
    "exported_service",
    "destination_service_name",
    "service_name",
    "service",
];

/// Alerts that fire always, or only mute others, by the rules that kube-prometheus ships.
const HEARTBEATS: &[&str] = &["Watchdog", "InfoInhibitor", "DeadMansSwitch", "DeadMansSnitch"];

/// Alerts of kubernetes-mixin on states of objects: a look at the object tells whether the condition still holds.
const STATES: &[&str] = &[
    "KubePodCrashLooping",
    "KubePodNotReady",
    "KubeContainerWaiting",
    "KubeDeploymentReplicasMismatch",
    "KubeDeploymentRolloutStuck",
    "KubeDeploymentGenerationMismatch",
    "KubeStatefulSetReplicasMismatch",
    "KubeStatefulSetGenerationMismatch",
    "KubeStatefulSetUpdateNotRolledOut",
    "KubeDaemonSetRolloutStuck",
    "KubeDaemonSetNotScheduled",
    "KubeDaemonSetMisScheduled",
    "KubeNodeReadinessFlapping",
    "KubeNodeNotReady",
    "KubeNodeUnreachable",
    "KubePersistentVolumeErrors",
    "KubeJobFailed",
    "KubeJobNotCompleted",
    "KubeHpaReplicasMismatch",
    "KubeHpaMaxedOut",
];

const NAMESPACES: &[&str] = &[
    "exported_namespace",
    "kubernetes_namespace",
    "destination_workload_namespace",
    "namespace",
];

/// Words by which a person asks about more than the workload that they name.
static ALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:(?:with|in|on) the cluster|(?:whole|entire|all of the) (?:cluster|namespace)|all (?:services|workloads|teams)|everything else)\b",
    )
    .ok()
});

/// Words by which a person reports that a pod or a container ended against their will.
static ENDED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:was|were|been|being|get|gets|got|getting|keeps?|is|are)\b[^.?!]{0,40}\b(?:killed|oom-?killed|evicted|preempted|terminated|restart(?:ed|ing)|crash(?:ed|ing))\b|\b(?:crashed|died|disappeared|vanished)\b",
    )
    .ok()
});

impl Intent {
    /// Whether a question reports that something ended: what is healthy now does not answer it.
    pub(crate) fn reports_an_end(&self) -> bool {
        !self.by_alert && ENDED.as_ref().is_some_and(|words| words.is_match(&self.words))
    }

    /// Whether a question asks for everything, whatever it names besides.
    pub(crate) fn asks_for_all(&self) -> bool {
        !self.by_alert && ALL.as_ref().is_some_and(|words| words.is_match(&self.words))
    }
}

pub(crate) fn of(subject: &Subject) -> Intent {
    match subject {
        Subject::Alerts { alerts } => {
            let mut intent = Intent {
                about_state: !alerts.is_empty(),
                about_throttling: !alerts.is_empty(),
                by_alert: true,
                resolved: !alerts.is_empty(),
                heartbeat: !alerts.is_empty(),
                ..Intent::default()
            };
            for alert in alerts {
                of_alert(alert, &mut intent);
            }
            intent.namespaces.sort();
            intent.namespaces.dedup();
            intent
        }
        Subject::Workload { object } => Intent {
            named: vec![of_object(object)],
            namespaces: if object.namespace.is_empty() {
                Vec::new()
            } else {
                vec![object.namespace.clone()]
            },
            about_state: false,
            ..Intent::default()
        },
        Subject::Question { text, namespace } => Intent {
            namespaces: namespace.iter().cloned().collect(),
            words: text.as_str().to_owned(),
            ..Intent::default()
        },
    }
}

fn of_object(object: &ObjectRef) -> Named {
    Named {
        namespace: object.namespace.clone(),
        kind: kinds::find(&object.kind).map(|kind| kind.kind),
        name: object.name.clone(),
    }
}

fn of_alert(alert: &Alert, intent: &mut Intent) {
    intent.heartbeat &= HEARTBEATS.contains(&alert.name());
    intent.resolved &= alert.status == AlertStatus::Resolved;
    intent.about_throttling &= alert.name() == "CPUThrottlingHigh";
    intent.about_state &= STATES.contains(&alert.name());
    let namespace = NAMESPACES
        .iter()
        .find_map(|label| alert.label(label))
        .unwrap_or_default()
        .to_owned();
    if !namespace.is_empty() {
        intent.namespaces.push(namespace.clone());
    }
    if let Some(service) = SERVICES.iter().find_map(|label| alert.label(label)) {
        intent.services.push((namespace.clone(), service.to_owned()));
    }
    let before = intent.named.len();
    for (label, kind) in LABELS {
        if let Some(name) = alert.label(label) {
            let place = if *kind == "Node" {
                String::new()
            } else {
                namespace.clone()
            };
            intent.named.push(Named {
                namespace: place,
                kind: Some(kind),
                name: name.to_owned(),
            });
            break;
        }
    }
    if intent.named.len() == before
        && let Some(instance) = alert
            .label("instance")
            .filter(|_| alert.label("job") == Some("node-exporter"))
    {
        intent.named.push(Named {
            namespace: String::new(),
            kind: Some("Node"),
            name: instance.split(':').next().unwrap_or(instance).to_owned(),
        });
    }
    if intent.named.len() == before
        && let Some(name) = LOOSE
            .iter()
            .find_map(|label| alert.label(label).filter(|_| !namespace.is_empty()))
    {
        let name = name.rsplit('/').next().unwrap_or(name);
        intent.named.push(Named {
            namespace: namespace.clone(),
            kind: None,
            name: name.to_owned(),
        });
    }
    for text in alert.annotations.values() {
        intent.words.push(' ');
        intent.words.push_str(text.as_str());
    }
}

#[cfg(test)]
mod tests;
