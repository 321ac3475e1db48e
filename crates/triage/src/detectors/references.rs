//! References that lead nowhere: ConfigMaps, Secrets and keys that are not there. The kubelet names them; that they are
//! missing, a complete look proves.

use cluster::{ClusterView, Object, changes};
use domain::{LookupOutcome, ObjectRef, Severity, Signal};
use regex::Captures;

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::{event_fact, signal};
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "references",
    mechanisms: &[MAP, SECRET, KEY],
    run,
};

const MAP: &str = "config-and-secrets/configmap-missing";
const SECRET: &str = "config-and-secrets/secret-missing";
const KEY: &str = "config-and-secrets/key-missing";
const REASONS: &[&str] = &["Failed", "FailedMount", "CreateContainerConfigError"];

/// What was said of a pod that does not start, and by which event.
struct Spoken<'a> {
    pod: &'a Object,
    message: &'a str,
    place: Place,
    reason: &'a str,
    event: Option<&'a Object>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = Vec::new();
    for pod in view
        .of_kind("Pod")
        .filter(|pod| pod.str("status.phase") == "Pending")
    {
        for spoken in spoken(view, pod) {
            let words = Words {
                place: spoken.place,
                reason: spoken.reason,
                message: spoken.message,
            };
            let found = [("ConfigMap", MAP), ("Secret", SECRET)]
                .into_iter()
                .find_map(|(kind, mechanism)| {
                    let hit = wording::captures(words, mechanism)?;
                    missing(view, &spoken, kind, mechanism, hit.name("name")?.as_str())
                })
                .or_else(|| lacks_key(context, &spoken, &wording::captures(words, KEY)?));
            if let Some(found) = found {
                merge(&mut out, found);
            }
        }
    }
    out
}

fn merge(out: &mut Vec<Signal>, found: Signal) {
    match out
        .iter_mut()
        .find(|known| known.object == found.object && known.mechanism == found.mechanism)
    {
        Some(known) => {
            known.affects.extend(found.affects);
            known.affects.sort();
            known.affects.dedup();
            known.onset = [known.onset, found.onset].into_iter().flatten().min();
        }
        None => out.push(found),
    }
}

fn spoken<'a>(view: &'a ClusterView, pod: &'a Object) -> Vec<Spoken<'a>> {
    let mut out: Vec<Spoken<'a>> = containers::of(pod)
        .into_iter()
        .filter(|container| container.waiting() == "CreateContainerConfigError")
        .filter_map(|container| {
            Some(Spoken {
                pod,
                message: container.status.pointer("/state/waiting/message")?.as_str()?,
                place: Place::Waiting,
                reason: "CreateContainerConfigError",
                event: None,
            })
        })
        .collect();
    let events = view.events_of(pod.reference());
    let newest = events
        .into_iter()
        .rev()
        .filter(|event| REASONS.contains(&event.str("reason")));
    out.extend(newest.take(4).map(|event| Spoken {
        pod,
        message: event.str("message"),
        place: Place::Event,
        reason: event.str("reason"),
        event: Some(event),
    }));
    out
}

fn missing(
    view: &ClusterView,
    spoken: &Spoken<'_>,
    kind: &str,
    mechanism: &str,
    name: &str,
) -> Option<Signal> {
    let object = ObjectRef::of(kind, spoken.pod.namespace(), name);
    let workload = view.workload_of(spoken.pod);
    let used = cluster::topology::config_refs(spoken.pod, "spec").contains(&object);
    let absent = view.lookup(&object).outcome == LookupOutcome::Empty;
    if view.get_ref(&object).is_some() {
        return None;
    }
    let certainty = if absent && used { 0.96 } else { 0.6 };
    let message = format!(
        "{workload} needs {object}, which does not exist: {}",
        spoken.message
    );
    let built = signal("references", &object, &message)
        .mechanism(mechanism, certainty)
        .severity(Severity::Critical)
        .lookup(view, &object)
        .params("metadata.name", "no such object", Some(name));
    Some(said(built, view, spoken).build())
}

/// A key that an existing object lacks. Whoever changed last is to be mended: the template, or the object.
fn lacks_key(context: &Context<'_>, spoken: &Spoken<'_>, hit: &Captures<'_>) -> Option<Signal> {
    let view = context.view;
    let key = hit.name("key").or(hit.name("volume_key"))?.as_str().to_owned();
    let workload = view.workload_of(spoken.pod);
    let object = match (hit.name("kind"), hit.name("name")) {
        (Some(kind), Some(name)) => ObjectRef::of(kind.as_str(), spoken.pod.namespace(), name.as_str()),
        _ => volume_source(view, spoken, &key)?,
    };
    let held = view.get_ref(&object)?;
    let asked = asked_since(view, &workload, &key);
    let changed = held
        .last_write("data")
        .and_then(|manager| manager.time)
        .zip(held.created())
        .is_some_and(|(written, created)| written > created + jiff::SignedDuration::from_mins(1));
    let keys = key_names(view, held);
    let lacks = keys.as_ref().is_some_and(|keys| !keys.contains(&key));
    let offered = keys.map_or_else(String::new, |keys| format!("; it has {}", keys.join(", ")));
    let (root, field, certainty) = match (&asked, changed) {
        (Some(field), _) => (workload.clone(), field.clone(), if lacks { 0.94 } else { 0.85 }),
        (None, true) => (
            object.clone(),
            format!("data.{key}"),
            if lacks { 0.93 } else { 0.82 },
        ),
        (None, false) => (
            workload.clone(),
            format!("key {key}"),
            if lacks { 0.7 } else { 0.55 },
        ),
    };
    let whose = match (&asked, changed) {
        (Some(_), _) => "the last rollout asks for it",
        (None, true) => "the object was changed since the workload began to ask for it",
        (None, false) => "neither changed lately",
    };
    let message =
        format!("{workload} asks for key {key} of {object}, which has none of that name{offered}; {whose}");
    let built = signal("references", &root, &message)
        .mechanism(KEY, certainty)
        .severity(Severity::Critical)
        .affects([object.clone()])
        .lookup(view, &object)
        .params(&field, &key, None)
        .computed(
            &object,
            "metadata.managedFields[data].time",
            &held
                .last_write("data")
                .and_then(|manager| manager.time)
                .map_or_else(|| "unknown".to_owned(), |at| at.to_string()),
            None,
        );
    Some(said(built, view, spoken).build())
}

/// The field of the template which asks for the key since the last rollout.
fn asked_since(view: &ClusterView, workload: &ObjectRef, key: &str) -> Option<String> {
    let owner = view.get_ref(workload)?;
    changes::revisions(view, owner)?
        .diff()
        .into_iter()
        .find(|diff| diff.after.as_ref().is_some_and(|after| after.as_str() == key))
        .map(|diff| diff.field)
}

/// Names of the keys of a ConfigMap, or of a Secret that was looked into or whose writers own them.
fn key_names(view: &ClusterView, held: &Object) -> Option<Vec<String>> {
    if held.kind() == "ConfigMap" {
        return Some(held.pairs("data").map(|(key, _)| key.to_owned()).collect());
    }
    let facts = view.secret_facts(held.reference())?;
    Some(facts.keys.iter().map(|key| key.name.clone()).collect())
}

/// The object of a volume that projects the key.
fn volume_source(view: &ClusterView, spoken: &Spoken<'_>, key: &str) -> Option<ObjectRef> {
    let is_secret = spoken.message.contains("secret key");
    let volumes = spoken.pod.list("spec.volumes").iter().filter_map(|volume| {
        let (source, name) = if is_secret {
            let source = volume.get("secret")?;
            (source, source.get("secretName")?)
        } else {
            let source = volume.get("configMap")?;
            (source, source.get("name")?)
        };
        let asks = source
            .get("items")?
            .as_array()?
            .iter()
            .any(|item| item.get("key").and_then(serde_json::Value::as_str) == Some(key));
        asks.then(|| name.as_str()).flatten()
    });
    let kind = if is_secret { "Secret" } else { "ConfigMap" };
    volumes
        .map(|name| ObjectRef::of(kind, spoken.pod.namespace(), name))
        .find(|object| view.get_ref(object).is_some())
}

fn said(
    built: super::finding::SignalBuilder,
    view: &ClusterView,
    spoken: &Spoken<'_>,
) -> super::finding::SignalBuilder {
    let paths: Vec<String> = containers::of(spoken.pod)
        .iter()
        .flat_map(|container| {
            ["state.waiting.reason", "state.waiting.message"].map(|field| container.status_path(field))
        })
        .collect();
    built
        .onset(spoken.pod.created())
        .affects([spoken.pod.reference().clone(), view.workload_of(spoken.pod)])
        .facts(spoken.pod, paths.iter().map(String::as_str))
        .fact(spoken.event.map(event_fact))
}
