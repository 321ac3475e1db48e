//! Reads a part of a cluster into a [`ClusterView`]: whole namespaces, the cluster-scoped kinds that they
//! lean on, logs of chosen containers. Every failed read becomes a gap.

use domain::{Gap, LookupOutcome, NotLooked, ObjectRef};
use futures::future::join_all;
use jiff::Timestamp;

use crate::api::client::{ClusterReader, Selectors};
use crate::api::kinds::{self, Kind};
use crate::api::logs::LogSource;
use crate::api::look::Look;
use crate::api::metrics::MetricsReader;
use crate::view::ClusterView;

/// Kinds read in every namespace of interest.
const NAMESPACED: &[&str] = &[
    "Pod",
    "Deployment",
    "ReplicaSet",
    "ControllerRevision",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Service",
    "EndpointSlice",
    "Ingress",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Event",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "HorizontalPodAutoscaler",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "VolumeSnapshot",
    "Certificate",
];

/// Cluster-scoped kinds that namespaces lean on.
const CLUSTERWIDE: &[&str] = &[
    "Namespace",
    "Node",
    "PersistentVolume",
    "StorageClass",
    "CSINode",
    "CSIDriver",
    "VolumeAttachment",
    "IngressClass",
    "PriorityClass",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "VolumeSnapshotClass",
];

/// Newest revisions of a Helm release that are decoded.
const RELEASE_DEPTH: usize = 3;

/// Reads the cluster-scoped kinds, all DaemonSets (node services live in namespaces nobody names) and the Applications of
/// Argo CD, which live in its own.
pub async fn clusterwide(reader: &ClusterReader, view: &mut ClusterView) {
    let kinds = CLUSTERWIDE
        .iter()
        .chain(&["DaemonSet", "Application"])
        .filter_map(|kind| kinds::find(kind));
    let everything = &Selectors::default();
    let lists =
        join_all(kinds.map(|kind| async move { (kind, reader.list(kind, "", everything).await) })).await;
    for (kind, list) in lists {
        take(view, kind, "", list);
    }
}

/// Reads whole namespaces that the view does not have yet.
pub async fn namespaces(reader: &ClusterReader, view: &mut ClusterView, names: &[String]) {
    let fresh: Vec<&String> = names
        .iter()
        .filter(|name| !view.namespaces.contains(*name))
        .collect();
    let everything = &Selectors::default();
    let lists = join_all(fresh.iter().flat_map(|namespace| {
        let kinds = NAMESPACED.iter().filter_map(|kind| kinds::find(kind));
        kinds.map(
            move |kind| async move { (*namespace, kind, reader.list(kind, namespace, everything).await) },
        )
    }));
    let releases = join_all(
        fresh
            .iter()
            .map(|namespace| async { (*namespace, reader.releases(namespace, RELEASE_DEPTH).await) }),
    );
    let (lists, releases) = tokio::join!(lists, releases);
    for (namespace, kind, list) in lists {
        take(view, kind, namespace, list);
    }
    for (namespace, releases) in releases {
        match releases {
            Look::Found(found) => view.releases.extend(found),
            Look::Empty => {}
            Look::CouldNotLook(blind) => {
                let command = format!("helm list --all --namespace {namespace}");
                view.note_gap(blind.gap(&format!("Helm releases in {namespace}"), Some(command)));
            }
        }
    }
    view.namespaces.extend(fresh.into_iter().cloned());
}

/// Lists kinds in namespaces (`""` for cluster-scoped kinds) into the view, as complete looks.
pub async fn lists(reader: &ClusterReader, view: &mut ClusterView, wanted: &[(&str, &str)]) {
    let everything = &Selectors::default();
    let known = wanted
        .iter()
        .filter_map(|(kind, namespace)| Some((kinds::find(kind)?, *namespace)));
    let read = join_all(known.map(|(kind, namespace)| async move {
        (kind, namespace, reader.list(kind, namespace, everything).await)
    }))
    .await;
    for (kind, namespace, list) in read {
        take(view, kind, namespace, list);
    }
}

/// Lists one kind of all namespaces, limited by selectors, into the view.
pub async fn selected(
    reader: &ClusterReader,
    view: &mut ClusterView,
    kind: &Kind,
    namespace: &str,
    selectors: &Selectors,
) {
    match reader.list(kind, namespace, selectors).await {
        Look::Found(objects) => objects.into_iter().for_each(|object| view.insert(object)),
        Look::Empty => {}
        Look::CouldNotLook(blind) => view.note_gap(list_gap(&blind, kind, namespace)),
    }
}

fn take(view: &mut ClusterView, kind: &Kind, namespace: &str, list: Look<Vec<crate::Object>>) {
    view.note_list(kind.kind, namespace, list.outcome());
    match list {
        Look::Found(objects) => objects.into_iter().for_each(|object| view.insert(object)),
        Look::Empty => {}
        Look::CouldNotLook(blind) if kind.optional && blind.reason == NotLooked::NotConfigured => {}
        Look::CouldNotLook(blind) => view.note_gap(list_gap(&blind, kind, namespace)),
    }
}

fn list_gap(blind: &crate::api::look::Blind, kind: &Kind, namespace: &str) -> Gap {
    let (place, flag) = match (kind.namespaced, namespace) {
        (false, _) => (String::new(), String::new()),
        (true, "") => (" in all namespaces".to_owned(), " --all-namespaces".to_owned()),
        (true, name) => (format!(" in {name}"), format!(" --namespace {name}")),
    };
    blind.gap(
        &format!("{}{place}", kind.plural),
        Some(format!("kubectl get {}{flag}", kind.plural)),
    )
}

/// Reads the tails of logs. A log that is not there (`previous` of a container that never restarted) is no gap.
pub async fn logs(reader: &ClusterReader, view: &mut ClusterView, sources: Vec<LogSource>, tail: usize) {
    let fresh = sources
        .into_iter()
        .filter(|source| !view.logs.contains_key(source));
    let read = join_all(fresh.map(|source| async { (reader.log(&source, tail).await, source) })).await;
    for (look, source) in read {
        if let Look::CouldNotLook(blind) = &look
            && !(source.previous || is_waiting(blind.message.as_str()))
        {
            let LogSource {
                namespace,
                pod,
                container,
                ..
            } = &source;
            let command = format!("kubectl logs --namespace {namespace} {pod} --container {container}");
            view.note_gap(blind.gap(&format!("log of {namespace}/{pod} [{container}]"), Some(command)));
        }
        view.logs.insert(source, look);
    }
}

/// Reads logs again, with a longer tail, in the place of what was read of them.
pub async fn logs_again(
    reader: &ClusterReader,
    view: &mut ClusterView,
    sources: Vec<LogSource>,
    tail: usize,
) {
    for source in &sources {
        view.logs.remove(source);
    }
    logs(reader, view, sources, tail).await;
}

/// Looks into Secrets: key names, encodings and certificates, never values.
pub async fn secrets(reader: &ClusterReader, view: &mut ClusterView, secrets: Vec<ObjectRef>) {
    let fresh = secrets
        .into_iter()
        .filter(|secret| !view.secrets.contains_key(secret));
    let read = join_all(
        fresh.map(|secret| async { (reader.secret_facts(&secret.namespace, &secret.name).await, secret) }),
    )
    .await;
    for (look, secret) in read {
        if let Look::CouldNotLook(blind) = &look {
            let command = format!(
                "kubectl describe secret --namespace {} {}",
                secret.namespace, secret.name
            );
            view.note_gap(blind.gap(&format!("keys of {secret}"), Some(command)));
        }
        view.secrets.insert(secret, look);
    }
}

/// The kubelet's answer for a container that has not started: there is no log, so nothing was missed.
fn is_waiting(message: &str) -> bool {
    message.contains("is waiting to start") || message.contains("is not available")
}

/// Reads the working-set memory of pods' containers over the `hours` before now.
pub async fn memory(
    metrics: &MetricsReader,
    view: &mut ClusterView,
    namespace: &str,
    pods: &[String],
    hours: i64,
) {
    if pods.is_empty() {
        return;
    }
    let names = pods.join("|");
    let query = format!(
        "container_memory_working_set_bytes{{namespace=\"{namespace}\",pod=~\"{names}\",container!=\"\",container!=\"POD\"}}"
    );
    let from = view.now - jiff::SignedDuration::from_hours(hours);
    let step_s = u32::try_from(hours * 3600 / 240).unwrap_or(60).max(60);
    match metrics.range(&query, from, view.now, step_s).await {
        Look::Found(found) => {
            for series in found {
                let label = |name: &str| series.labels.get(name).cloned().unwrap_or_default();
                view.memory
                    .insert((label("namespace"), label("pod"), label("container")), series);
            }
        }
        Look::Empty => {}
        Look::CouldNotLook(blind) => {
            let command = format!("kubectl top pods --namespace {namespace} --containers");
            view.note_gap(blind.gap(&format!("memory over time of pods in {namespace}"), Some(command)));
        }
    }
}

/// A question to the metrics source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Name under which the view keeps the answer.
    pub name: &'static str,
    /// The expression.
    pub promql: String,
    /// Hours before now; 0 for the value at now.
    pub hours: i64,
}

/// Most samples of one series.
const SAMPLES: i64 = 240;

/// Asks the metrics source. Without one there is a single gap.
pub async fn metrics(metrics: &MetricsReader, view: &mut ClusterView, queries: Vec<Query>) {
    let now = view.now;
    let asked = queries.into_iter().map(|query| async move {
        let answer = if query.hours == 0 {
            metrics.instant(&query.promql, now).await
        } else {
            let from = now - jiff::SignedDuration::from_hours(query.hours);
            let step_s = u32::try_from(query.hours * 3600 / SAMPLES).unwrap_or(60).max(60);
            metrics.range(&query.promql, from, now, step_s).await
        };
        (query, answer)
    });
    for (query, answer) in join_all(asked).await {
        if let Look::CouldNotLook(blind) = &answer {
            let what = match blind.reason {
                NotLooked::NotConfigured | NotLooked::Unreachable => "metrics".to_owned(),
                _ => format!("metric {}", query.name),
            };
            view.note_gap(blind.gap(&what, None));
        }
        view.metrics.insert(query.name, answer);
    }
}

/// Names of all namespaces, when the list was permitted.
pub fn all_namespaces(view: &ClusterView) -> Vec<String> {
    view.of_kind("Namespace")
        .map(|namespace| namespace.name().to_owned())
        .collect()
}

/// A view with the cluster-scoped kinds read.
pub async fn start(reader: &ClusterReader, now: Timestamp) -> ClusterView {
    let mut view = ClusterView::new(reader.cluster(), now);
    clusterwide(reader, &mut view).await;
    view
}

/// True when nothing at all could be read: the cluster is unreachable or everything is forbidden.
pub fn is_blind(view: &ClusterView) -> bool {
    let looked = CLUSTERWIDE
        .iter()
        .filter(|kind| kinds::find(kind).is_some_and(|kind| view.has_list(kind.kind, "")));
    looked.count() == 0
        && view
            .namespaces
            .iter()
            .all(|namespace| !view.has_list("Pod", namespace))
}

/// How the list of a kind in a namespace ended, as text for evidence.
pub fn outcome_word(outcome: LookupOutcome) -> &'static str {
    match outcome {
        LookupOutcome::Found => "found",
        LookupOutcome::Empty => "none",
        LookupOutcome::CouldNotLook => "could not look",
    }
}
