//! What unrelated pods that fail at once have in common: a node, or a volume that several of them write to.

use std::collections::{BTreeMap, BTreeSet};

use cluster::{ClusterView, LogLine, LogSource, Object};
use domain::{Fact, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::complaints;
use super::finding::signal;
use super::{Context, Detector};
use crate::containers;

const PODS: &str = "cascading-failure/shared-cause-multi-pod";
const VOLUME: &str = "cascading-failure/shared-pvc-corruption";

pub(super) const DETECTOR: Detector = Detector {
    name: "shared",
    mechanisms: &[PODS, VOLUME],
    run,
};

/// Workloads from which on a coincidence is none.
const SEVERAL: usize = 3;
/// Longest time between the first failures of pods that fail at once.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(6);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = view
        .of_kind("Node")
        .filter_map(|node| on_node(view, node))
        .collect();
    out.extend(volumes(context));
    out
}

/// A pod that fails, since when, and whose it is.
struct Failing<'a> {
    pod: &'a Object,
    workload: ObjectRef,
    since: Timestamp,
    ended: String,
}

/// Containers that end again and again. Those killed for memory have a cause of their own.
fn failing<'a>(view: &ClusterView, pod: &'a Object) -> Option<Failing<'a>> {
    let container = containers::of(pod).into_iter().find(|container| {
        container.restarts() > 1
            && (container.waiting() == "CrashLoopBackOff" || container.terminated().is_some())
    })?;
    let (_, terminated) = container.terminated()?;
    let reason = terminated
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let code = terminated.get("exitCode").and_then(Value::as_i64)?;
    let finished = container.terminated_time("finishedAt")?;
    if code == 0 || reason == "OOMKilled" || view.now.duration_since(finished) > SignedDuration::from_mins(30)
    {
        return None;
    }
    Some(Failing {
        pod,
        workload: view.workload_of(pod),
        since: began(view, pod).unwrap_or(finished),
        ended: format!("{code} {reason}"),
    })
}

/// When the kubelet first started the container again, by its events.
fn began(view: &ClusterView, pod: &Object) -> Option<Timestamp> {
    view.events_of(pod.reference())
        .into_iter()
        .filter(|event| matches!(event.str("reason"), "BackOff" | "Started" | "Created"))
        .filter_map(cluster::view::event_start)
        .min()
}

/// Pods of several workloads crash on one node that is ready, while the same workloads are well on other nodes.
fn on_node(view: &ClusterView, node: &Object) -> Option<Signal> {
    if node.str("status.conditions[Ready].status") != "True" {
        return None;
    }
    let here: Vec<Failing<'_>> = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name())
        .filter_map(|pod| failing(view, pod))
        .collect();
    let workloads: BTreeSet<&ObjectRef> = here.iter().map(|failing| &failing.workload).collect();
    let first = here.iter().map(|failing| failing.since).min()?;
    let together: BTreeSet<&ObjectRef> = here
        .iter()
        .filter(|failing| failing.since.duration_since(first) <= AT_ONCE)
        .map(|failing| &failing.workload)
        .collect();
    let elsewhere = |workload: &&&ObjectRef| {
        let siblings: Vec<&Object> = view
            .pods_of(workload)
            .filter(|pod| pod.str("spec.nodeName") != node.name())
            .collect();
        !siblings.is_empty() && siblings.iter().all(|pod| containers::is_healthy(pod))
    };
    let fine = together.iter().filter(elsewhere).count();
    if together.len() < SEVERAL || fine < SEVERAL {
        return None;
    }
    let spared = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name() && containers::is_healthy(pod))
        .count();
    let same: BTreeSet<&str> = here.iter().map(|failing| failing.ended.as_str()).collect();
    let certainty = match (fine == workloads.len(), same.len()) {
        (true, 1) => 0.88,
        (true, _) => 0.82,
        (false, _) => 0.6,
    };
    let message = format!(
        "pods of {} workloads on {} began to crash at once, while pods of the same workloads on other nodes are well ({spared} pods on it are well too)",
        together.len(),
        node.reference()
    );
    let mut built = signal("shared", node.reference(), &message)
        .mechanism(PODS, certainty)
        .severity(Severity::Critical)
        .onset(Some(first))
        .affects(
            here.iter()
                .flat_map(|failing| [failing.pod.reference().clone(), failing.workload.clone()]),
        )
        .params("spec.nodeName", node.name(), None)
        .facts(node, ["status.conditions[Ready].status"]);
    for failing in here.iter().take(6) {
        built = built.facts(failing.pod, ["spec.nodeName"]);
        for container in containers::of(failing.pod) {
            if let Some((path, _)) = container.terminated() {
                let paths = [
                    container.status_path(&format!("{path}.exitCode")),
                    container.status_path("restartCount"),
                ];
                built = built.facts(failing.pod, paths.iter().map(String::as_str));
            }
        }
    }
    Some(built.build())
}

/// Claims that several workloads mount for writing and of whose content more than one of them complains.
fn volumes(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let sayings = sayings(context);
    let mut by_claim: BTreeMap<ObjectRef, BTreeSet<ObjectRef>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        for claim in written_claims(pod) {
            let claim = ObjectRef::of("PersistentVolumeClaim", pod.namespace(), claim);
            by_claim.entry(claim).or_default().insert(view.workload_of(pod));
        }
    }
    by_claim
        .into_iter()
        .filter_map(|(claim, writers)| {
            let heard: Vec<_> = writers
                .iter()
                .filter_map(|writer| Some((writer, sayings.get(writer)?)))
                .collect();
            let (_, lines) = heard.first()?;
            let (certainty, pods) = match (writers.len(), heard.len()) {
                (2.., 2..) => (0.93, 0),
                (2.., _) => (0.65, 0),
                _ => (
                    0.5,
                    writers.iter().map(|writer| view.pods_of(writer).count()).sum(),
                ),
            };
            if writers.len() < 2 && pods < 2 {
                return None;
            }
            let names: Vec<String> = writers.iter().map(ToString::to_string).collect();
            let message = format!(
                "{claim} is written by {} and {} of them report damaged or locked files on it",
                names.join(" and "),
                heard.len()
            );
            let first = heard
                .iter()
                .flat_map(|(_, lines)| lines.iter())
                .filter_map(|(_, line)| line.at)
                .min();
            let mut built = signal("shared", &claim, &message)
                .mechanism(VOLUME, certainty)
                .severity(Severity::Critical)
                .onset(first)
                .affects(writers.iter().cloned())
                .params("writers", &names.join(", "), Some("one"))
                .fact(lines.last().map(|line| fact(*line)));
            for (_, lines) in heard.iter().skip(1) {
                built = built.fact(lines.last().map(|line| fact(*line)));
            }
            if let Some(object) = view.get_ref(&claim) {
                built = built.facts(object, ["spec.accessModes", "status.phase"]);
            }
            for writer in writers.iter().filter_map(|writer| view.get_ref(writer)) {
                built = built.facts(writer, ["spec.template.spec.volumes"]);
            }
            Some(built.build())
        })
        .collect()
}

type Line<'a> = (&'a LogSource, &'a LogLine);

fn fact((source, line): Line<'_>) -> Fact {
    Fact {
        object: ObjectRef::of("Pod", &source.namespace, &source.pod),
        path: format!("log[{}].line", source.container),
        value: line.text.truncated(300),
        time: line.at,
    }
}

/// Lines of damaged or locked files, by workload, where there are several.
fn sayings<'a>(context: &Context<'a>) -> BTreeMap<ObjectRef, Vec<Line<'a>>> {
    let mut out: BTreeMap<ObjectRef, Vec<Line<'a>>> = BTreeMap::new();
    for (workload, source, lines) in complaints::logs_of_workloads(context) {
        let found = lines
            .into_iter()
            .filter(|line| complaints::says(line.text.as_str(), VOLUME))
            .map(|line| (source, line));
        out.entry(workload).or_default().extend(found);
    }
    out.retain(|_, lines| lines.len() >= 3);
    out
}

/// Claims that a pod mounts for writing.
fn written_claims(pod: &Object) -> Vec<&str> {
    let writable = |volume: &str| {
        pod.list("spec.containers").iter().any(|container| {
            let mounts = container.get("volumeMounts").and_then(Value::as_array);
            mounts.into_iter().flatten().any(|mount| {
                mount.get("name").and_then(Value::as_str) == Some(volume)
                    && mount.get("readOnly") != Some(&Value::Bool(true))
            })
        })
    };
    pod.list("spec.volumes")
        .iter()
        .filter(|volume| volume.pointer("/persistentVolumeClaim/readOnly") != Some(&Value::Bool(true)))
        .filter(|volume| volume.get("name").and_then(Value::as_str).is_some_and(writable))
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
        .collect()
}
