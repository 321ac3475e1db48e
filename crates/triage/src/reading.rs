//! What triage reads: the namespaces that the subject names, those that their workloads call, the logs of pods in
//! trouble and of the subject, the memory of containers that were killed for it.

mod chain;
pub(crate) mod neighbours;
pub(crate) mod queries;
mod rights;

use std::collections::BTreeSet;

use cluster::calls;
use cluster::{ClusterReader, ClusterView, LogSource, MetricsReader, Object, Selectors, kinds, read};
use domain::ObjectRef;
use serde_json::Value;

use crate::containers;
use crate::focus::Focus;
use crate::focus::intent::Intent;
use crate::wording::{Place, Words, means};

/// Most namespaces that are read whole.
const NAMESPACE_LIMIT: usize = 24;
/// Most containers whose logs are read.
const LOG_LIMIT: usize = 28;
/// The same where nothing is named and everything may be meant.
const WHOLE_LOG_LIMIT: usize = 48;
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
    neighbours(reader, view).await;
    node_events(reader, view).await;
    short_agents(reader, view).await;
}

/// Pods that share a node with one that crashes, and the namespaces of those among them that crash too: what they share
/// may be the cause.
async fn neighbours(reader: &ClusterReader, view: &mut ClusterView) {
    let crashing = |pod: &&Object| {
        containers::of(pod)
            .iter()
            .any(|container| container.waiting() == "CrashLoopBackOff")
    };
    let nodes: BTreeSet<String> = view
        .of_kind("Pod")
        .filter(crashing)
        .map(|pod| pod.str("spec.nodeName").to_owned())
        .filter(|node| !node.is_empty())
        .collect();
    let Some(pods) = kinds::find("Pod") else { return };
    for node in nodes.iter().take(3) {
        read::selected(reader, view, pods, "", &Selectors::field("spec.nodeName", node)).await;
    }
    let fresh: BTreeSet<String> = view
        .of_kind("Pod")
        .filter(|pod| !view.namespaces.contains(pod.namespace()) && crashing(pod))
        .map(|pod| pod.namespace().to_owned())
        .collect();
    let fresh: Vec<String> = fresh.into_iter().take(4).collect();
    read::namespaces(reader, view, &fresh).await;
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
        // What the text names comes first, even where it asks for everything.
        let named = focus.resolved.iter().map(|found| &found.object);
        named.chain(near).cloned().collect()
    } else {
        focus.objects.clone()
    };
    // The youngest pod of every workload comes before the oldest of any.
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for workload in own.iter().chain(near) {
        let mut pods = youngest_and_oldest(view, workload).into_iter();
        let sources = |pod: &Object| sources_of(pod, restarted_lately(view, pod));
        first.extend(pods.next().map(sources).into_iter().flatten());
        second.extend(pods.next().map(sources).into_iter().flatten());
    }
    if focus.whole {
        sources.append(&mut first);
    } else {
        // Of what was named, both are wanted before anything else.
        for workload in &own {
            for pod in youngest_and_oldest(view, workload) {
                sources.extend(sources_of(pod, restarted_lately(view, pod)));
            }
        }
        sources.append(&mut first);
    }
    sources.append(&mut second);
    let mut seen = BTreeSet::new();
    sources.retain(|source| seen.insert(source.clone()));
    sources.truncate(if focus.whole { WHOLE_LOG_LIMIT } else { LOG_LIMIT });
    read::logs(reader, view, sources, LOG_TAIL).await;
    chain::follow(reader, view).await;
    rights::read_denied(reader, view).await;
}

/// The youngest and the oldest healthy pod of a workload: what one knows and the other does not, their ages tell.
fn youngest_and_oldest<'a>(view: &'a ClusterView, workload: &'a ObjectRef) -> Vec<&'a Object> {
    let mut pods: Vec<&Object> = view
        .pods_of(workload)
        .filter(|pod| containers::is_healthy(pod))
        .collect();
    pods.sort_by_key(|pod| std::cmp::Reverse(pod.created()));
    match pods.as_slice() {
        [youngest, .., oldest] => vec![youngest, oldest],
        few => few.to_vec(),
    }
}

/// Most Secrets that are looked into.
const SECRET_LIMIT: usize = 16;

/// Looks into the Secrets of workloads, near the focus or heard, whose logs or events speak of logins, encodings, keys or
/// certificates, and into those of the Ingresses near the focus that serve TLS.
pub(crate) async fn secrets(reader: &ClusterReader, view: &mut ClusterView, near: &BTreeSet<ObjectRef>) {
    let mut wanted: Vec<ObjectRef> = Vec::new();
    let heard: BTreeSet<ObjectRef> = view
        .logs
        .keys()
        .map(|source| ObjectRef::of("Pod", &source.namespace, &source.pod))
        .filter_map(|pod| view.get_ref(&pod))
        .map(|pod| view.workload_of(pod))
        .collect();
    let looked_at: BTreeSet<&ObjectRef> = near.iter().chain(&heard).collect();
    for workload in looked_at.into_iter().filter_map(|object| view.get_ref(object)) {
        let is_spoken_of = || {
            view.pods_of(workload.reference())
                .any(|pod| speaks_of_secrets(view, pod))
        };
        if matches!(workload.kind(), "Deployment" | "StatefulSet" | "DaemonSet") && is_spoken_of() {
            let used = cluster::topology::config_refs(workload, "spec.template.spec");
            wanted.extend(used.into_iter().filter(|used| used.kind == "Secret"));
        }
        if workload.kind() == "Ingress" {
            let named = workload
                .list("spec.tls")
                .iter()
                .filter_map(|tls| tls.get("secretName")?.as_str());
            wanted.extend(named.map(|name| ObjectRef::of("Secret", workload.namespace(), name)));
        }
    }
    wanted.sort();
    wanted.dedup();
    wanted.retain(|secret| view.get_ref(secret).is_some());
    wanted.truncate(SECRET_LIMIT);
    read::secrets(reader, view, wanted).await;
}

/// Mechanisms that the inside of a Secret settles.
const SETTLED_INSIDE: &[&str] = &[
    "config-and-secrets/credentials-rejected",
    "config-and-secrets/secret-encoding-wrong",
    "config-and-secrets/key-missing",
    "config-and-secrets/env-injection-failed",
    "config-and-secrets/certificate-expired",
];

fn speaks_of_secrets(view: &ClusterView, pod: &Object) -> bool {
    use crate::wording::{Place, Words, means};
    let settled = |place: Place, reason: &str, message: &str| {
        let words = Words {
            place,
            reason,
            message,
        };
        SETTLED_INSIDE.iter().any(|mechanism| means(words, mechanism))
    };
    let waits = containers::of(pod).iter().any(|container| {
        settled(
            Place::Waiting,
            container.waiting(),
            container.status_str("/state/waiting/message"),
        )
    });
    let events = || {
        view.events_of(pod.reference())
            .iter()
            .any(|event| settled(Place::Event, event.str("reason"), event.str("message")))
    };
    let logs = || {
        view.logs
            .iter()
            .filter(|(source, _)| source.namespace == pod.namespace() && source.pod == pod.name())
            .any(|(_, look)| match look {
                cluster::Look::Found(lines) => lines
                    .iter()
                    .rev()
                    .take(40)
                    .any(|line| settled(Place::Log, "", line.text.as_str())),
                _ => false,
            })
    };
    waits || events() || logs()
}

/// Rounds of following blame from the logs of callers to the logs of those that they call.
const BLAME_ROUNDS: usize = 3;
/// Most containers whose logs are read because a caller blames them.
const BLAMED_LIMIT: usize = 16;

/// Follows blame: where a log that was read names the host of a call in an error, the logs of the callee are read too.
pub(crate) async fn blamed_logs(reader: &ClusterReader, view: &mut ClusterView) {
    for _ in 0..BLAME_ROUNDS {
        let mut sources: Vec<LogSource> = Vec::new();
        for workload in blamed(view) {
            let pods = view.pods_of(&workload).take(2);
            sources.extend(pods.flat_map(|pod| sources_of(pod, !containers::is_healthy(pod))));
        }
        sources.retain(|source| !view.logs.contains_key(source));
        sources.truncate(BLAMED_LIMIT);
        if sources.is_empty() {
            return;
        }
        read::logs(reader, view, sources, LOG_TAIL).await;
    }
}

/// Workloads that the last lines of their callers' logs name beside words of failure.
fn blamed(view: &ClusterView) -> BTreeSet<ObjectRef> {
    const FAILURE: &[&str] = &[
        "fail",
        "rror",
        "refused",
        "timed out",
        "timeout",
        "unexpected",
        "ECONN",
        "retry",
    ];
    let all = calls::calls(view);
    let mut out = BTreeSet::new();
    for (source, log) in &view.logs {
        let cluster::Look::Found(lines) = log else {
            continue;
        };
        let Some(pod) = view.get("Pod", &source.namespace, &source.pod) else {
            continue;
        };
        let caller = view.workload_of(pod);
        for line in lines.iter().rev().take(60).map(|line| line.text.as_str()) {
            if !FAILURE.iter().any(|word| line.contains(word)) {
                continue;
            }
            let named = all
                .iter()
                .filter(|call| call.from == caller && names_callee(view, call, line));
            out.extend(named.flat_map(|call| workloads_behind(view, &call.service)));
        }
    }
    out
}

fn workloads_behind(view: &ClusterView, service: &ObjectRef) -> Vec<ObjectRef> {
    let Some(wanted) = view
        .get_ref(service)
        .and_then(|service| service.at("spec.selector"))
    else {
        return Vec::new();
    };
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, &service.namespace))
        .filter(|workload| {
            cluster::selector::map_selects(wanted, cluster::selector::template_labels(workload))
        })
        .map(|workload| workload.reference().clone())
        .collect()
}

/// Where logs tell of names that do not resolve, cluster DNS is part of the matter: its namespace and its logs.
pub(crate) async fn name_service(reader: &ClusterReader, view: &mut ClusterView) {
    let unresolved = view.logs.values().any(|log| {
        let cluster::Look::Found(lines) = log else {
            return false;
        };
        lines.iter().rev().take(60).any(|line| {
            let words = Words {
                place: Place::Log,
                reason: "",
                message: line.text.as_str(),
            };
            means(words, "cascading-failure/dns-broken")
        })
    });
    if !unresolved {
        return;
    }
    let homes: Vec<String> = ["kube-system", "openshift-dns"]
        .into_iter()
        .filter(|name| view.get("Namespace", "", name).is_some())
        .map(str::to_owned)
        .collect();
    read::namespaces(reader, view, &homes).await;
    let servers: Vec<LogSource> = homes
        .iter()
        .flat_map(|home| view.in_namespace("Pod", home))
        .filter(|pod| {
            pod.str("metadata.labels[k8s-app]") == "kube-dns"
                || pod.str("metadata.labels[dns.operator.openshift.io/daemonset-dns]") == "default"
        })
        .take(4)
        .flat_map(|pod| sources_of(pod, !containers::is_healthy(pod)))
        .collect();
    read::logs(reader, view, servers, LOG_TAIL).await;
}

/// A pod that runs now may have ended minutes ago: what it said then is in the log before.
fn restarted_lately(view: &ClusterView, pod: &Object) -> bool {
    containers::of(pod).iter().any(|container| {
        container.restarts() >= 2
            && container
                .terminated_time("finishedAt")
                .is_some_and(|at| view.now.duration_since(at) < jiff::SignedDuration::from_mins(30))
    })
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

/// Whether a line names the callee of a call, by host or by cluster address.
fn names_callee(view: &ClusterView, call: &calls::Call, line: &str) -> bool {
    let address = view
        .get_ref(&call.service)
        .map_or("", |service| service.str("spec.clusterIP"));
    line.contains(&call.host) || (address.len() > 6 && line.contains(&format!("{address}:")))
}
