//! The objects that an investigation is about: the subject's names, resolved, and what they depend on.

pub(crate) mod intent;
mod vanished;

use std::collections::{BTreeMap, VecDeque};

use cluster::resolve::{self, Resolution};
use cluster::{ClusterView, Object};
use domain::{Existence, ObjectRef, Redacted, ResolvedObject, Topology};

use crate::focus::intent::{Intent, Named};

/// What the investigation is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Focus {
    /// What became of the subject's names.
    pub resolved: Vec<ResolvedObject>,
    /// Existing objects to start from.
    pub objects: Vec<ObjectRef>,
    /// True when nothing was named and whole namespaces are looked at.
    pub whole: bool,
}

impl Focus {
    /// True when something was named and none of it is there.
    pub fn is_missing(&self) -> bool {
        !self.resolved.is_empty()
            && self
                .resolved
                .iter()
                .all(|found| found.existence != Existence::Exists)
    }
}

pub(crate) fn of(view: &ClusterView, intent: &Intent) -> Focus {
    let mut focus = Focus::default();
    for named in &intent.named {
        resolve_named(view, named, &mut focus);
    }
    if focus.objects.is_empty() && !focus.is_missing() {
        mentioned(view, intent, &mut focus);
    }
    if focus.objects.is_empty() && !focus.is_missing() {
        for named in vanished::named(view, intent) {
            gone(view, &named, &[], existence(view, &named), &mut focus);
        }
    }
    let by_text = intent.named.is_empty() && intent.asks_for_all();
    if (focus.objects.is_empty() && !focus.is_missing()) || by_text {
        focus.whole = true;
        focus.objects.extend(leaving(view, intent));
        for kind in [
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "Job",
            "CronJob",
            "Ingress",
            "Service",
        ] {
            let objects = view.of_kind(kind).filter(|object| in_scope(view, intent, object));
            focus
                .objects
                .extend(objects.map(|object| object.reference().clone()));
        }
    }
    focus.objects.sort();
    focus.objects.dedup();
    focus
}

/// The namespaces of the subject that are being deleted: then they are what it is about.
fn leaving<'a>(view: &'a ClusterView, intent: &'a Intent) -> impl Iterator<Item = ObjectRef> + 'a {
    intent
        .namespaces
        .iter()
        .filter_map(|name| view.get("Namespace", "", name))
        .filter(|namespace| namespace.str("status.phase") == "Terminating")
        .map(|namespace| namespace.reference().clone())
}

fn in_scope(view: &ClusterView, intent: &Intent, object: &Object) -> bool {
    if intent.namespaces.is_empty() {
        view.namespaces.contains(object.namespace())
    } else {
        intent
            .namespaces
            .iter()
            .any(|namespace| namespace == object.namespace())
    }
}

fn resolve_named(view: &ClusterView, named: &Named, focus: &mut Focus) {
    let reference = named
        .kind
        .map(|kind| ObjectRef::of(kind, &named.namespace, &named.name));
    let resolution = match &reference {
        Some(reference) => resolve::by_kind(view, reference),
        None => resolve::by_name(view, &named.namespace, &named.name),
    };
    match resolution {
        Resolution::One(found) => {
            if let Some(object) = view.get_ref(&found.object) {
                let workload = view.workload_of(object);
                if workload != found.object {
                    focus.objects.push(workload);
                }
                if found.object.kind == "PersistentVolumeClaim" {
                    focus.objects.extend(users(view, &found.object));
                }
            }
            focus.objects.push(found.object.clone());
            focus.resolved.push(found);
        }
        Resolution::Ambiguous(candidates) => {
            for object in candidates {
                focus.objects.push(object.clone());
                let how = Redacted::trusted(&format!("one of several objects named {}", named.name));
                focus.resolved.push(ResolvedObject {
                    object,
                    existence: Existence::Exists,
                    how,
                });
            }
        }
        Resolution::None { similar, existence } => gone(view, named, &similar, existence, focus),
    }
}

/// The workloads whose pods mount a claim.
fn users(view: &ClusterView, claim: &ObjectRef) -> Vec<ObjectRef> {
    view.in_namespace("Pod", &claim.namespace)
        .filter(|pod| {
            pod.list("spec.volumes").iter().any(|volume| {
                volume
                    .pointer("/persistentVolumeClaim/claimName")
                    .and_then(serde_json::Value::as_str)
                    == Some(&claim.name)
            })
        })
        .map(|pod| view.workload_of(pod))
        .collect()
}

/// A name that is not there: a pod that was replaced leads to its workload, everything else is said plainly.
fn gone(view: &ClusterView, named: &Named, similar: &[ObjectRef], existence: Existence, focus: &mut Focus) {
    let object = ObjectRef::of(named.kind.unwrap_or("Deployment"), &named.namespace, &named.name);
    if matches!(named.kind, Some("Pod" | "ReplicaSet") | None)
        && let Some(workload) = owner_by_name(view, &named.namespace, &named.name)
    {
        let how = Redacted::trusted(&format!(
            "{object} is gone; its name is that of a pod of {workload}"
        ));
        focus.resolved.push(ResolvedObject {
            object: workload.clone(),
            existence: Existence::Exists,
            how,
        });
        focus.objects.push(workload);
        return;
    }
    let near = similar
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let how = match (existence, near.is_empty()) {
        (Existence::Unknown, _) => "it could not be looked for".to_owned(),
        (_, true) => "no such object".to_owned(),
        (_, false) => format!("no such object; similar: {near}"),
    };
    focus.resolved.push(ResolvedObject {
        object,
        existence,
        how: Redacted::trusted(&how),
    });
}

/// Whether the lists of its namespace prove that a named workload is not there.
fn existence(view: &ClusterView, named: &Named) -> Existence {
    let kind = named.kind.unwrap_or("Deployment");
    if view.has_list(kind, &named.namespace) {
        Existence::Absent
    } else {
        Existence::Unknown
    }
}

/// The workload whose name, followed by generated suffixes, makes up a pod's name.
fn owner_by_name(view: &ClusterView, namespace: &str, pod: &str) -> Option<ObjectRef> {
    ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, namespace))
        .filter(|workload| {
            pod.strip_prefix(workload.name())
                .is_some_and(|rest| is_suffix(workload.kind(), rest))
        })
        .max_by_key(|workload| workload.name().len())
        .map(|workload| workload.reference().clone())
}

/// `-5d9f7c6b8-x2x9z`, `-0`, `-x2x9z`: what controllers append.
fn is_suffix(kind: &str, rest: &str) -> bool {
    let parts: Vec<&str> = rest.split('-').collect();
    let generated = |part: &&str| {
        !part.is_empty()
            && part.len() <= 10
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    match (kind, parts.as_slice()) {
        ("StatefulSet", ["", ordinal]) => ordinal.parse::<u32>().is_ok(),
        ("Deployment", ["", hash, random]) => generated(hash) && random.len() == 5 && generated(random),
        ("Deployment", ["", hash]) => generated(hash) && hash.len() >= 8,
        (_, ["", random]) => random.len() >= 5 && generated(random),
        ("CronJob", ["", time, random]) => time.parse::<u64>().is_ok() && generated(random),
        _ => false,
    }
}

/// Objects whose names stand as words in the text.
fn mentioned(view: &ClusterView, intent: &Intent, focus: &mut Focus) {
    let words: Vec<&str> = intent
        .words
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| word.len() > 2)
        .collect();
    for kind in [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Service",
        "Ingress",
        "CronJob",
        "Pod",
        "PersistentVolumeClaim",
    ] {
        for object in view.of_kind(kind) {
            if words.contains(&object.name()) && in_scope(view, intent, object) {
                let how = Redacted::trusted("named in the text");
                focus.resolved.push(ResolvedObject {
                    object: object.reference().clone(),
                    existence: Existence::Exists,
                    how,
                });
                focus.objects.push(object.reference().clone());
            }
        }
    }
}

/// Everything that the focus depends on, with its distance in hops.
pub fn closure(topology: &Topology, focus: &[ObjectRef]) -> BTreeMap<ObjectRef, usize> {
    let mut needs: BTreeMap<&ObjectRef, Vec<&ObjectRef>> = BTreeMap::new();
    for edge in &topology.edges {
        needs.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut hops: BTreeMap<ObjectRef, usize> = focus.iter().map(|object| (object.clone(), 0)).collect();
    let mut queue: VecDeque<ObjectRef> = focus.iter().cloned().collect();
    while let Some(at) = queue.pop_front() {
        let next = hops.get(&at).copied().unwrap_or_default() + 1;
        for to in needs.get(&at).into_iter().flatten() {
            if !hops.contains_key(*to) {
                hops.insert((*to).clone(), next);
                queue.push_back((*to).clone());
            }
        }
    }
    hops
}
