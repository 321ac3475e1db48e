//! Running pods that the scheduler pushed out for others: which priority made that possible, and whether anybody asked
//! for it. A class that is the cluster's default gives priority to pods whose templates name none.

use std::collections::BTreeMap;

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};

use super::finding::{event_fact, signal};
use super::{Context, Detector};
use crate::wording::{Place, Words, captures};

pub(super) const DETECTOR: Detector = Detector {
    name: "priority",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/priority-preemption";

/// A pod that was pushed out.
struct Pushed<'a> {
    event: &'a Object,
    workload: ObjectRef,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_preemptor: BTreeMap<String, Vec<Pushed<'_>>> = BTreeMap::new();
    for event in view
        .of_kind("Event")
        .filter(|event| event.str("reason") == "Preempted")
    {
        let words = Words {
            place: Place::Event,
            reason: "Preempted",
            message: event.str("message"),
        };
        let named = captures(words, ID).and_then(|found| Some(found.name("pod")?.as_str().to_owned()));
        let pushed = Pushed {
            event,
            workload: owner(view, event),
        };
        by_preemptor
            .entry(named.unwrap_or_default())
            .or_default()
            .push(pushed);
    }
    by_preemptor
        .iter()
        .filter_map(|(uid, pushed)| explain(view, uid, pushed))
        .collect()
}

/// The workload of the pod that an Event is about; the pod is gone, but its ReplicaSet's name begins its name.
fn owner(view: &ClusterView, event: &Object) -> ObjectRef {
    let (namespace, name) = (
        event.str("involvedObject.namespace"),
        event.str("involvedObject.name"),
    );
    let pod = ObjectRef::of("Pod", namespace, name);
    if let Some(found) = view.get_ref(&pod) {
        return view.workload_of(found);
    }
    let stem = name.rsplit_once('-').map_or(name, |(stem, _)| stem);
    ["ReplicaSet", "StatefulSet"]
        .iter()
        .find_map(|kind| view.get(kind, namespace, stem))
        .map_or(pod, |set| view.workload_of(set))
}

/// The class that gave a pod its priority, and whether its template asked for it.
fn class_of<'a>(view: &'a ClusterView, preemptor: &'a Object) -> Option<(&'a Object, bool)> {
    let class = view.get("PriorityClass", "", preemptor.str("spec.priorityClassName"))?;
    let template = preemptor.controller().and_then(|owner| view.get_ref(&owner));
    let is_asked =
        template.is_none_or(|template| template.str("spec.template.spec.priorityClassName") == class.name());
    Some((class, is_asked))
}

fn explain(view: &ClusterView, uid: &str, pushed: &[Pushed<'_>]) -> Option<Signal> {
    let preemptor = view
        .of_kind("Pod")
        .find(|pod| !uid.is_empty() && pod.str("metadata.uid") == uid)?;
    let (class, is_asked) = class_of(view, preemptor)?;
    let first = pushed
        .iter()
        .filter_map(|pushed| cluster::view::event_start(pushed.event))
        .min();
    let is_default = class.is("globalDefault") && class.int("value") > 0;
    let is_before = class.created() <= preemptor.created();
    // A class that a template names was meant; whether rightly so is for people to say.
    let certainty = match (is_default, is_asked) {
        (true, false) if is_before => 0.92,
        (_, true) => 0.6,
        _ => 0.5,
    };
    let preempting = view.workload_of(preemptor);
    let how = if is_asked {
        format!("its template names {}", class.reference())
    } else {
        format!(
            "its template names no class, but {} is the cluster's default",
            class.reference()
        )
    };
    let message = format!(
        "{} running pods of {} were pushed out for {preempting}: {how}, with priority {}",
        pushed.len(),
        count(pushed),
        class.int("value")
    );
    let mut built = signal("priority", class.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Warning)
        .onset(first)
        .affects(pushed.iter().map(|pushed| pushed.workload.clone()))
        .params("globalDefault", if is_default { "true" } else { "false" }, None)
        .param("preemptor", &preempting.to_string())
        .facts(class, ["globalDefault", "value", "metadata.creationTimestamp"])
        .facts(
            preemptor,
            ["metadata.uid", "spec.priority", "spec.priorityClassName"],
        );
    for pushed in pushed.iter().take(4) {
        built = built.fact(Some(event_fact(pushed.event)));
    }
    Some(built.build())
}

/// How many workloads lost pods, in words.
fn count(pushed: &[Pushed<'_>]) -> String {
    let mut workloads: Vec<&ObjectRef> = pushed.iter().map(|pushed| &pushed.workload).collect();
    workloads.sort();
    workloads.dedup();
    match workloads.as_slice() {
        [one] => one.to_string(),
        many => format!("{} workloads", many.len()),
    }
}
