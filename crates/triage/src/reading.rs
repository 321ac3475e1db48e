//! What triage reads: the namespaces that the subject names, those that their workloads call, the logs of pods in
//! trouble and of the subject, the memory of containers that were killed for it.

use std::collections::BTreeSet;

use cluster::calls;
use cluster::{ClusterReader, ClusterView, LogSource, MetricsReader, Object, Selectors, kinds, read};
use domain::ObjectRef;
use serde_json::Value;

use crate::containers;
use crate::focus::Focus;
use crate::intent::Intent;

/// Most namespaces that are read whole.
const NAMESPACE_LIMIT: usize = 24;
/// Most containers whose logs are read.
const LOG_LIMIT: usize = 28;
/// Lines read per log.
const LOG_TAIL: usize = 120;
/// Rounds of following calls into further namespaces.
const CALL_ROUNDS: usize = 3;
/// Hours of memory samples: a leak may take a day from restart to restart.
const MEMORY_HOURS: i64 = 24;

/// Reads the namespaces of the subject, then those that it calls.
pub(crate) async fn objects(reader: &ClusterReader, view: &mut ClusterView, intent: &Intent) {
    let mut wanted = intent.namespaces.clone();
    if wanted.is_empty() {
        wanted = read::all_namespaces(view);
        wanted.truncate(NAMESPACE_LIMIT);
    }
    read::namespaces(reader, view, &wanted).await;
    for _ in 0..CALL_ROUNDS {
        let next = next_namespaces(view);
        if next.is_empty() || view.namespaces.len() + next.len() > NAMESPACE_LIMIT {
            break;
        }
        read::namespaces(reader, view, &next).await;
    }
    node_services(reader, view).await;
    node_events(reader, view).await;
    short_agents(reader, view).await;
}

/// Events about nodes stand in `default`, whatever the subject's namespace.
async fn node_events(reader: &ClusterReader, view: &mut ClusterView) {
    let Some(events) = kinds::find("Event") else {
        return;
    };
    if !view.namespaces.contains("default") {
        let about = Selectors::field("involvedObject.kind", "Node");
        read::selected(reader, view, events, "default", &about).await;
    }
}

/// Pods of DaemonSets that lack ready ones: node agents live in namespaces that nobody names.
async fn short_agents(reader: &ClusterReader, view: &mut ClusterView) {
    let short: Vec<(String, String)> = view
        .of_kind("DaemonSet")
        .filter(|set| set.int("status.numberReady") < set.int("status.desiredNumberScheduled"))
        .filter(|set| !view.namespaces.contains(set.namespace()))
        .map(|set| {
            let labels = set.pairs("spec.selector.matchLabels");
            let selector: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
            (set.namespace().to_owned(), selector.join(","))
        })
        .collect();
    let Some(pods) = kinds::find("Pod") else { return };
    for (namespace, selector) in short.into_iter().take(4) {
        read::selected(reader, view, pods, &namespace, &Selectors::labels(&selector)).await;
    }
}

/// Namespaces that calls lead to and that were not read; also those whose workloads reach in through Ingresses.
fn next_namespaces(view: &ClusterView) -> Vec<String> {
    let called: BTreeSet<String> = calls::calls(view)
        .into_iter()
        .map(|call| call.service.namespace)
        .filter(|namespace| {
            !view.namespaces.contains(namespace) && view.get("Namespace", "", namespace).is_some()
        })
        .collect();
    called.into_iter().collect()
}

/// Pods of DaemonSets on nodes where a pod waits for a volume: the CSI plugin is one of them.
async fn node_services(reader: &ClusterReader, view: &mut ClusterView) {
    let nodes: BTreeSet<String> = view
        .of_kind("Pod")
        .filter(|pod| pod.str("status.phase") == "Pending" && pod.at("spec.volumes").is_some())
        .map(|pod| pod.str("spec.nodeName").to_owned())
        .filter(|node| !node.is_empty())
        .collect();
    let Some(pods) = kinds::find("Pod") else { return };
    for node in nodes.into_iter().take(4) {
        read::selected(reader, view, pods, "", &Selectors::field("spec.nodeName", &node)).await;
    }
}

/// Reads logs: first of pods in trouble near the focus, then of the focus itself, then of its callers.
pub(crate) async fn logs(
    reader: &ClusterReader,
    view: &mut ClusterView,
    focus: &Focus,
    near: &BTreeSet<ObjectRef>,
) {
    let mut sources: Vec<LogSource> = Vec::new();
    let workload_near = |view: &ClusterView, pod: &Object| near.contains(&view.workload_of(pod));
    let troubled = view
        .of_kind("Pod")
        .filter(|pod| !containers::is_healthy(pod))
        .filter(|pod| pod.str("status.phase") != "Failed" || workload_near(view, pod));
    let mut taken: BTreeSet<(ObjectRef, usize)> = BTreeSet::new();
    let mut ranked: Vec<&Object> = troubled.collect();
    ranked.sort_by_key(|pod| !workload_near(view, pod));
    for pod in ranked {
        let workload = view.workload_of(pod);
        let count = taken.iter().filter(|(owner, _)| owner == &workload).count();
        if count < 2 {
            taken.insert((workload, count));
            sources.extend(sources_of(pod, true));
        }
    }
    let own: Vec<ObjectRef> = if focus.whole {
        near.iter().cloned().collect()
    } else {
        focus.objects.clone()
    };
    for workload in own.iter().chain(near) {
        for pod in view
            .pods_of(workload)
            .filter(|pod| containers::is_healthy(pod))
            .take(2)
        {
            sources.extend(sources_of(pod, false));
        }
    }
    let mut seen = BTreeSet::new();
    sources.retain(|source| seen.insert(source.clone()));
    sources.truncate(LOG_LIMIT);
    read::logs(reader, view, sources, LOG_TAIL).await;
}

fn sources_of(pod: &Object, troubled: bool) -> Vec<LogSource> {
    let source = |container: &str, previous: bool| LogSource {
        namespace: pod.namespace().to_owned(),
        pod: pod.name().to_owned(),
        container: container.to_owned(),
        previous,
    };
    let mut out = Vec::new();
    for container in containers::of(pod)
        .into_iter()
        .filter(|container| !container.init || troubled)
    {
        let started =
            container.status.pointer("/state/running").is_some() || container.terminated().is_some();
        if started {
            out.push(source(container.name, false));
        }
        if troubled && container.status.pointer("/lastState/terminated").is_some() {
            out.push(source(container.name, true));
        }
    }
    out
}

/// Reads the memory of pods with containers that were killed for it.
pub(crate) async fn memory(metrics: &MetricsReader, view: &mut ClusterView) {
    let mut by_namespace: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for pod in view.of_kind("Pod") {
        let killed = containers::of(pod).iter().any(|container| {
            container
                .terminated()
                .and_then(|(_, state)| state.get("reason"))
                .and_then(Value::as_str)
                == Some("OOMKilled")
        });
        if killed {
            by_namespace
                .entry(pod.namespace().to_owned())
                .or_default()
                .push(pod.name().to_owned());
        }
    }
    for (namespace, mut pods) in by_namespace {
        pods.truncate(20);
        read::memory(metrics, view, &namespace, &pods, MEMORY_HOURS).await;
    }
}
