//! Pods that the API server does not admit for want of quota or for their size: the words name the rule, the rule is read.

use std::collections::BTreeMap;

use cluster::{ClusterView, Object, changes};
use domain::{ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::finding::{event_fact, signal};
use super::text::quantity;
use super::{Context, Detector};
use crate::wording::{Place, Words, captures};

pub(super) const DETECTOR: Detector = Detector {
    name: "quota",
    mechanisms: &[QUOTA, RANGE],
    run,
};

const QUOTA: &str = "resource-exhaustion/quota-exceeded";
const RANGE: &str = "resource-exhaustion/limit-range-violation";
/// Refusals longer ago than this may be over.
const RECENT: SignedDuration = SignedDuration::from_mins(61);

/// A refusal and the controller that met it.
struct Refusal<'a> {
    owner: &'a Object,
    event: &'a Object,
    words: Words<'a>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_rule: BTreeMap<(&'static str, ObjectRef), Vec<Refusal<'_>>> = BTreeMap::new();
    for kind in ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"] {
        for owner in view.of_kind(kind).filter(|owner| lacks_pods(owner)) {
            for refusal in refusals(view, owner) {
                if let Some(found) = rule(view, &refusal) {
                    by_rule.entry(found).or_default().push(refusal);
                }
            }
        }
    }
    by_rule
        .into_iter()
        .filter_map(|((mechanism, object), found)| explain(view, mechanism, &object, &found))
        .collect()
}

/// Whether a controller still wants pods that it does not have.
fn lacks_pods(owner: &Object) -> bool {
    match owner.kind() {
        "Job" => owner.int("status.active") == 0 && owner.at("status.completionTime").is_none(),
        "DaemonSet" => {
            owner.int("status.currentNumberScheduled") < owner.int("status.desiredNumberScheduled")
        }
        _ => owner.int("status.replicas") < owner.int("spec.replicas"),
    }
}

/// Warnings of late that a pod could not be created (`pkg/controller/controller_utils.go`).
fn refusals<'a>(view: &'a ClusterView, owner: &'a Object) -> Vec<Refusal<'a>> {
    let recent = |event: &&Object| {
        cluster::view::event_time(event).is_some_and(|at| view.now.duration_since(at) < RECENT)
    };
    view.in_namespace("Event", owner.namespace())
        .filter(|event| {
            event.str("reason") == "FailedCreate"
                && event.str("involvedObject.kind") == owner.kind()
                && event.str("involvedObject.name") == owner.name()
        })
        .filter(recent)
        .map(|event| Refusal {
            owner,
            event,
            words: Words {
                place: Place::Event,
                reason: event.str("reason"),
                message: event.str("message"),
            },
        })
        .collect()
}

/// The quota or limit range that the words speak of.
fn rule(view: &ClusterView, refusal: &Refusal<'_>) -> Option<(&'static str, ObjectRef)> {
    let namespace = refusal.owner.namespace();
    if let Some(found) = captures(refusal.words, QUOTA) {
        let name = ["quota", "failed", "unknown"]
            .iter()
            .find_map(|part| found.name(part))?
            .as_str();
        return Some((QUOTA, ObjectRef::of("ResourceQuota", namespace, name)));
    }
    let found = captures(refusal.words, RANGE)?;
    let part = |name: &str| found.name(name).map_or("", |text| text.as_str());
    let bound = if part("bound") == "minimum" { "min" } else { "max" };
    let ranges: Vec<&Object> = view.in_namespace("LimitRange", namespace).collect();
    let exact = ranges
        .iter()
        .find(|range| bounds(range, part("type"), bound, part("resource"), part("limit")));
    let only = ranges.first().filter(|_| ranges.len() == 1);
    let range = exact.or(only)?;
    Some((RANGE, range.reference().clone()))
}

/// Whether a limit range sets this bound.
fn bounds(range: &Object, kind: &str, bound: &str, resource: &str, limit: &str) -> bool {
    range.list("spec.limits").iter().any(|entry| {
        let set = entry
            .pointer(&format!("/{bound}/{}", resource.replace('/', "~1")))
            .and_then(Value::as_str);
        entry.get("type").and_then(Value::as_str) == Some(kind)
            && set.is_some_and(|set| set == limit || quantity(set) == quantity(limit))
    })
}

fn explain(
    view: &ClusterView,
    mechanism: &'static str,
    object: &ObjectRef,
    found: &[Refusal<'_>],
) -> Option<Signal> {
    let last = found.last()?;
    let workload = view.workload_of(last.owner);
    let onset = found
        .iter()
        .filter_map(|refusal| cluster::view::event_start(refusal.event))
        .min();
    let rule = view.get_ref(object);
    let sized = resized(view, &workload);
    let certainty = match (rule, mechanism, &sized) {
        (None, ..) => 0.4,
        (Some(quota), QUOTA, _) if is_spent(quota, last.words) => 0.95,
        (Some(_), QUOTA, _) => 0.6,
        (Some(_), _, Some(_)) => 0.6,
        (Some(_), _, None) => 0.95,
    };
    let message = format!(
        "{object} does not admit pods of {workload}: {}",
        last.words
            .message
            .rsplit_once(" is forbidden: ")
            .map_or(last.words.message, |(_, why)| why)
    );
    let owners = found
        .iter()
        .flat_map(|refusal| [refusal.owner.reference().clone(), view.workload_of(refusal.owner)]);
    let mut built = signal("quota", object, &message)
        .mechanism(mechanism, certainty)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(owners)
        .lookup(view, object)
        .fact(Some(event_fact(last.event)))
        .facts(
            last.owner,
            [
                "spec.replicas",
                "status.conditions[ReplicaFailure].message",
                "status.conditions[ReplicaFailure].reason",
            ],
        );
    if let Some((field, value)) = field(mechanism, last.words) {
        built = built.params(&field, &value, None);
    }
    if let Some(rule) = rule {
        let paths: Vec<String> = ["spec.hard", "status.used"]
            .iter()
            .flat_map(|base| {
                rule.pairs(base)
                    .map(|(key, _)| format!("{base}[{key}]"))
                    .collect::<Vec<_>>()
            })
            .collect();
        built = built.facts(rule, paths.iter().map(String::as_str));
        built = built.facts(rule, ["spec.limits"]);
        if let Some(edited) = edited(rule) {
            let at = edited.to_string();
            built = built.computed(object, "changes[edit].at", &at, Some(edited));
        }
    }
    Some(built.build())
}

/// Whether a quota is as full as the words say: `used` and `limited` of what was requested.
fn is_spent(quota: &Object, words: Words<'_>) -> bool {
    let Some(found) = captures(words, QUOTA) else {
        return false;
    };
    let (Some(requested), Some(limited)) = (found.name("requested"), found.name("limited")) else {
        return false;
    };
    let amounts = |text: &str| -> Vec<(String, f64)> {
        text.split(',')
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(resource, amount)| Some((resource.to_owned(), quantity(amount)?)))
            .collect()
    };
    let hard = amounts(limited.as_str());
    amounts(requested.as_str()).iter().any(|(resource, wanted)| {
        let used = quantity(quota.str(&format!("status.used[{resource}]")));
        let most = hard
            .iter()
            .find(|(name, _)| name == resource)
            .map(|(_, most)| *most);
        let now = quantity(quota.str(&format!("spec.hard[{resource}]")));
        used.zip(now).is_some_and(|(used, now)| used + wanted > now) && most.is_some()
    })
}

/// The field of a rule that is too tight.
fn field(mechanism: &str, words: Words<'_>) -> Option<(String, String)> {
    let found = captures(words, mechanism)?;
    if mechanism == QUOTA {
        let (resource, most) = found
            .name("limited")?
            .as_str()
            .split(',')
            .next()?
            .split_once('=')?;
        return Some((format!("spec.hard[{resource}]"), most.to_owned()));
    }
    let part = |name: &str| found.name(name).map(|text| text.as_str());
    let bound = if part("bound")? == "minimum" { "min" } else { "max" };
    Some((
        format!("spec.limits[{}].{bound}.{}", part("type")?, part("resource")?),
        part("limit")?.to_owned(),
    ))
}

/// A change of requests or limits in the workload's last rollout: then its own edit may be what is wrong.
fn resized(view: &ClusterView, workload: &ObjectRef) -> Option<String> {
    let owner = view.get_ref(workload)?;
    changes::revisions(view, owner)?
        .diff()
        .into_iter()
        .map(|diff| diff.field)
        .find(|field| field.contains(".resources."))
}

/// When somebody last wrote the rule's spec.
fn edited(rule: &Object) -> Option<Timestamp> {
    rule.last_write("spec").and_then(|manager| manager.time)
}
