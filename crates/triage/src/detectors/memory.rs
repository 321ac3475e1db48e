//! Containers killed for memory: was the limit lowered, or does the process grow?

pub(super) mod growth;

use std::collections::BTreeMap;

use cluster::changes::{self, Revisions};
use cluster::{ClusterView, Object};
use domain::{FieldDiff, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::signal;
use crate::detectors::text::{ago, quantity};

pub(super) const DETECTOR: Detector = Detector {
    name: "memory",
    mechanisms: &[
        "resource-exhaustion/memory-limit-too-low",
        "resource-exhaustion/memory-leak",
        "resource-exhaustion/oom-by-webhook-or-job",
    ],
    run,
};

/// A kill longer ago than this is history, unless the container waits to be restarted.
const RECENT: SignedDuration = SignedDuration::from_hours(12);

/// A container that was killed for memory.
struct Kill<'a> {
    container: Container<'a>,
    path: &'static str,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_container: BTreeMap<(ObjectRef, &str), Vec<Kill<'_>>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        for container in containers::of(pod) {
            if let Some(kill) = kill(view, container) {
                by_container
                    .entry((view.workload_of(pod), container.name))
                    .or_default()
                    .push(kill);
            }
        }
    }
    by_container
        .into_iter()
        .map(|((workload, name), kills)| explain(view, &workload, name, &kills))
        .collect()
}

fn kill<'a>(view: &ClusterView, container: Container<'a>) -> Option<Kill<'a>> {
    let (path, terminated) = container.terminated()?;
    let finished = container.terminated_time("finishedAt");
    let recent = finished.is_none_or(|at| view.now.duration_since(at) < RECENT);
    let killed = terminated.get("reason").and_then(Value::as_str) == Some("OOMKilled");
    (killed && (recent || !container.ready())).then(|| Kill {
        container,
        path,
        started: container.terminated_time("startedAt"),
        finished,
    })
}

fn explain(view: &ClusterView, workload: &ObjectRef, name: &str, kills: &[Kill<'_>]) -> Signal {
    let onset = kills.iter().filter_map(|kill| kill.finished).min();
    let limit = kills[0]
        .container
        .spec
        .pointer("/resources/limits/memory")
        .and_then(Value::as_str)
        .unwrap_or("none");
    let owner = view.get_ref(workload);
    let revisions = owner.and_then(|owner| changes::revisions(view, owner));
    let lowered = revisions
        .as_ref()
        .and_then(|revisions| lowered_limit(revisions, name));
    let template_limit = owner.map(|owner| {
        owner.str(&format!(
            "spec.template.spec.containers[{name}].resources.limits.memory"
        ))
    });
    let altered =
        template_limit.is_some_and(|wanted| quantity(wanted) != quantity(limit) && !wanted.is_empty());
    let message = format!("{workload} [{name}] is killed for memory at its limit of {limit}");
    let built = base(view, workload, &message, kills, onset);
    if altered {
        let found = format!(
            "{message}, but its workload asks for {}: something alters the pods",
            template_limit.unwrap_or_default()
        );
        return base(view, workload, &found, kills, onset)
            .mechanism("resource-exhaustion/oom-by-webhook-or-job", 0.6)
            .build();
    }
    let growth = kills.iter().filter_map(|kill| {
        let pod = kill.container.pod;
        let series =
            view.memory
                .get(&(pod.namespace().to_owned(), pod.name().to_owned(), name.to_owned()))?;
        growth::longest_climb(&series.samples, &restarts(&kill.container))
    });
    let growth = growth.max_by(|a, b| a.duration.cmp(&b.duration));
    match (lowered, growth) {
        (Some(change), growth) if !growth.as_ref().is_some_and(growth::Climb::is_leak) => {
            limit_lowered(view, workload, name, kills, onset, &change, owner.zip(revisions))
        }
        (None, Some(climb)) if climb.is_leak() => leak(view, workload, name, kills, &climb, owner),
        (_, climb) => undecided(built, limit, kills, climb.as_ref()),
    }
}

fn base(
    view: &ClusterView,
    workload: &ObjectRef,
    message: &str,
    kills: &[Kill<'_>],
    onset: Option<Timestamp>,
) -> crate::detectors::finding::SignalBuilder {
    let waiting = kills.iter().any(|kill| !kill.container.ready());
    let recent = kills
        .iter()
        .filter_map(|kill| kill.finished)
        .any(|at| view.now.duration_since(at) < SignedDuration::from_mins(90));
    let mut built = signal("memory", workload, message)
        .severity(if waiting {
            Severity::Critical
        } else {
            Severity::Warning
        })
        .onset(onset)
        .ongoing(waiting || recent)
        .affects(
            kills
                .iter()
                .map(|kill| kill.container.pod.reference().clone())
                .chain([workload.clone()]),
        );
    for kill in kills.iter().take(3) {
        let field = |field: &str| kill.container.status_path(&format!("{}.{field}", kill.path));
        let paths = [
            field("reason"),
            field("exitCode"),
            field("startedAt"),
            field("finishedAt"),
            kill.container.status_path("restartCount"),
            kill.container.spec_path("resources.limits.memory"),
        ];
        built = built.facts(kill.container.pod, paths.iter().map(String::as_str));
    }
    built
}

/// Known beginnings of the container's instances.
fn restarts(container: &Container<'_>) -> Vec<Timestamp> {
    [
        "/state/running/startedAt",
        "/state/terminated/startedAt",
        "/lastState/terminated/startedAt",
    ]
    .iter()
    .filter_map(|pointer| container.status_str(pointer).parse().ok())
    .collect()
}

/// The lowering of the container's memory limit in the last rollout (a first limit counts as lowered).
fn lowered_limit(revisions: &Revisions<'_>, container: &str) -> Option<FieldDiff> {
    let field = format!("spec.template.spec.containers[{container}].resources.limits.memory");
    revisions.diff().into_iter().find(|diff| {
        diff.field == field
            && match (&diff.before, &diff.after) {
                (Some(before), Some(after)) => quantity(after.as_str()) < quantity(before.as_str()),
                (None, Some(_)) => true,
                (_, None) => false,
            }
    })
}

fn limit_lowered(
    view: &ClusterView,
    workload: &ObjectRef,
    name: &str,
    kills: &[Kill<'_>],
    onset: Option<Timestamp>,
    change: &FieldDiff,
    rollout: Option<(&Object, Revisions<'_>)>,
) -> Signal {
    let before = change.before.as_ref().map_or("no limit", |value| value.as_str());
    let after = change.after.as_ref().map_or("no limit", |value| value.as_str());
    let rolled_out = rollout
        .as_ref()
        .and_then(|(_, revisions)| revisions.current.created());
    let when = rolled_out.map_or_else(String::new, |at| {
        format!(" {} ago", ago(view.now.duration_since(at)))
    });
    let message = format!(
        "{workload} [{name}] is OOMKilled since its memory limit was lowered from {before} to {after}{when}"
    );
    let after_change = onset
        .zip(rolled_out)
        .is_none_or(|(onset, change)| onset >= change - SignedDuration::from_secs(60));
    let image = format!("spec.template.spec.containers[{name}].image");
    let new_image = rollout
        .as_ref()
        .is_some_and(|(_, revisions)| revisions.diff().iter().any(|diff| diff.field == image));
    let certainty = match kept_share(change) {
        _ if !after_change || is_old(view, kills, rolled_out) => 0.5,
        share if share > 0.85 => 0.5,
        share if share > 0.6 && new_image => 0.6,
        _ => 0.97,
    };
    let mut built = base(view, workload, &message, kills, onset)
        .mechanism("resource-exhaustion/memory-limit-too-low", certainty)
        .params(&change.field, after, Some(before))
        .param("container", name)
        .computed(
            workload,
            &format!("changes[rollout].{}", change.field),
            &format!("{before} -> {after}"),
            rolled_out,
        );
    if let Some((owner, revisions)) = rollout {
        built = built.facts(owner, [change.field.as_str()]);
        let field = changes::in_revision(revisions.current, &change.field);
        built = built.facts(revisions.current, [field.as_str(), "metadata.creationTimestamp"]);
        if let Some(previous) = revisions.previous {
            built = built.facts(previous, [field.as_str()]);
        }
    }
    built.build()
}

/// What share of the former limit is left; 0 when there was none before.
fn kept_share(change: &FieldDiff) -> f64 {
    let bytes = |value: &Option<domain::Redacted>| value.as_ref().and_then(|value| quantity(value.as_str()));
    match (bytes(&change.before), bytes(&change.after)) {
        (Some(before), Some(after)) if before > 0.0 => after / before,
        _ => 0.0,
    }
}

/// A limit that instances lived with for hours, days after it was set, is no sudden cause.
fn is_old(view: &ClusterView, kills: &[Kill<'_>], rolled_out: Option<Timestamp>) -> bool {
    let days = rolled_out.is_some_and(|at| view.now.duration_since(at) > SignedDuration::from_hours(48));
    let lives = kills
        .iter()
        .filter_map(|kill| Some(kill.finished?.duration_since(kill.started?)));
    days && lives
        .max()
        .is_some_and(|life| life > SignedDuration::from_hours(6))
}

fn leak(
    view: &ClusterView,
    workload: &ObjectRef,
    name: &str,
    kills: &[Kill<'_>],
    climb: &growth::Climb,
    owner: Option<&Object>,
) -> Signal {
    let mib = |bytes: f64| format!("{:.0} MiB", bytes / 1024.0 / 1024.0);
    let message = format!(
        "{workload} [{name}] grows steadily from {} to {} over {} until it is OOMKilled; its limit was not lowered",
        mib(climb.from_bytes),
        mib(climb.to_bytes),
        ago(climb.duration)
    );
    let revision = owner.and_then(|owner| changes::revisions(view, owner));
    let release = revision.as_ref().and_then(|revisions| {
        revisions
            .diff()
            .into_iter()
            .find(|diff| diff.field == format!("spec.template.spec.containers[{name}].image"))
    });
    let onset = revision
        .as_ref()
        .filter(|_| release.is_some())
        .and_then(|revisions| revisions.current.created());
    let first_kill = kills.iter().filter_map(|kill| kill.finished).min();
    let mut built = base(view, workload, &message, kills, onset.or(first_kill))
        .mechanism("resource-exhaustion/memory-leak", 0.92)
        .param("container", name)
        .computed(
            workload,
            &format!("metrics[{name}].working_set.from"),
            &mib(climb.from_bytes),
            Some(climb.start),
        )
        .computed(
            workload,
            &format!("metrics[{name}].working_set.to"),
            &mib(climb.to_bytes),
            Some(climb.start + climb.duration),
        )
        .computed(
            workload,
            &format!("metrics[{name}].working_set.climb"),
            &ago(climb.duration),
            None,
        );
    if let Some(image) = release {
        let text =
            |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        built = built.params(&image.field, &text(&image.after), Some(&text(&image.before)));
    }
    built.build()
}

/// Killed for memory, but neither a lowered limit nor a measured climb: long lives hint at a leak, short ones
/// at a limit that does not fit; neither is asserted.
fn undecided(
    built: crate::detectors::finding::SignalBuilder,
    limit: &str,
    kills: &[Kill<'_>],
    climb: Option<&growth::Climb>,
) -> Signal {
    let lives: Vec<SignedDuration> = kills
        .iter()
        .filter_map(|kill| Some(kill.finished?.duration_since(kill.started?)))
        .collect();
    let long = lives.iter().any(|life| *life > SignedDuration::from_hours(1)) || climb.is_some();
    if long {
        built.mechanism("resource-exhaustion/memory-leak", 0.55).build()
    } else {
        built
            .mechanism("resource-exhaustion/memory-limit-too-low", 0.55)
            .params("resources.limits.memory", limit, None)
            .build()
    }
}
