//! Look-ups that the detectors of volumes share: claims of pods, volumes of claims, who waits, what was said of it.
//! Must not know which mechanism is meant.

use cluster::view::event_time;
use cluster::{ClusterView, LogLine, Look, Object};
use domain::ObjectRef;
use jiff::{SignedDuration, Timestamp};
use regex::Captures;
use serde_json::Value;

use crate::wording::{self, Place, Words};

/// Log lines older than this tell of the past.
const RECENT: SignedDuration = SignedDuration::from_mins(15);

/// Names of the claims that a pod mounts.
pub(crate) fn claims(pod: &Object) -> impl Iterator<Item = &str> {
    pod.list("spec.volumes")
        .iter()
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
}

/// The pods that mount a claim.
pub(crate) fn users<'a>(view: &'a ClusterView, claim: &'a ObjectRef) -> impl Iterator<Item = &'a Object> {
    view.in_namespace("Pod", &claim.namespace)
        .filter(|pod| claims(pod).any(|name| name == claim.name))
}

/// A claim, the pods that mount it and their workloads.
pub(crate) fn sufferers(view: &ClusterView, claim: &ObjectRef) -> Vec<ObjectRef> {
    users(view, claim)
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)])
        .chain([claim.clone()])
        .collect()
}

/// Pods that have a node and whose containers have not started.
pub(crate) fn waiting(view: &ClusterView) -> impl Iterator<Item = &Object> {
    view.of_kind("Pod").filter(|pod| {
        pod.str("status.phase") == "Pending"
            && !pod.str("spec.nodeName").is_empty()
            && pod.at("metadata.deletionTimestamp").is_none()
            && claims(pod).next().is_some()
    })
}

/// The claim of a pod that is bound to a volume.
pub(crate) fn claim_of<'a>(view: &'a ClusterView, pod: &'a Object, volume: &str) -> Option<&'a Object> {
    claims(pod)
        .filter_map(|name| view.get("PersistentVolumeClaim", pod.namespace(), name))
        .find(|claim| claim.str("spec.volumeName") == volume)
}

/// Words of an event.
pub(crate) fn words(event: &Object) -> Words<'_> {
    Words {
        place: Place::Event,
        reason: event.str("reason"),
        message: event.str("message"),
    }
}

/// The newest event about an object in which a wording of the mechanism names a part.
pub(crate) fn said<'a>(
    view: &'a ClusterView,
    object: &'a ObjectRef,
    mechanism: &str,
    part: &str,
) -> Option<(&'a Object, Captures<'a>)> {
    view.events_of(object).into_iter().rev().find_map(|event| {
        let captures = wording::captures(words(event), mechanism)?;
        captures.name(part).is_some().then_some((event, captures))
    })
}

/// Whether an event was last seen within a quarter of an hour.
pub(crate) fn is_recent(view: &ClusterView, event: &Object) -> bool {
    event_time(event).is_some_and(|at| view.now.duration_since(at) < RECENT)
}

/// Recent lines of a pod's current logs that a test admits.
pub(crate) fn recent_lines<'a>(
    view: &'a ClusterView,
    pod: &Object,
    admits: impl Fn(&str) -> bool,
) -> Vec<&'a LogLine> {
    view.logs
        .iter()
        .filter(|(source, _)| {
            !source.previous && source.namespace == pod.namespace() && source.pod == pod.name()
        })
        .filter_map(|(_, log)| match log {
            Look::Found(lines) => Some(lines),
            _ => None,
        })
        .flatten()
        .filter(|line| line.at.is_some_and(|at| view.now.duration_since(at) < RECENT))
        .filter(|line| admits(line.text.as_str()))
        .collect()
}

/// Whether a line may mean the mechanism.
pub(crate) fn line_means(line: &str, mechanism: &str) -> bool {
    let words = Words {
        place: Place::Log,
        reason: "",
        message: line,
    };
    wording::means(words, mechanism)
}

/// The time of the first of some lines.
pub(crate) fn first_at(lines: &[&LogLine]) -> Option<Timestamp> {
    lines.iter().filter_map(|line| line.at).min()
}

/// Texts of a list.
pub(crate) fn texts<'a>(object: &'a Object, path: &str) -> Vec<&'a str> {
    object.list(path).iter().filter_map(Value::as_str).collect()
}
