//! Containers short of CPU by their own doing: throttled at a limit below their need, or busier since a release.

use std::collections::BTreeMap;

use cluster::changes::{self, Revisions};
use cluster::{ClusterView, Object, Series};
use domain::{FieldDiff, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

use super::finding::{SignalBuilder, signal};
use super::text::{ago, quantity};
use super::{Context, Detector};
use crate::reading::neighbours;
use crate::vitals;

pub(super) const DETECTOR: Detector = Detector {
    name: "cpu",
    mechanisms: &[LIMIT, SATURATION],
    run,
};

const LIMIT: &str = "resource-exhaustion/cpu-limit-throttling";
const SATURATION: &str = "resource-exhaustion/cpu-saturation";

/// Share of throttled periods from which the mixin's `CPUThrottlingHigh` complains.
const THROTTLED: f64 = 0.25;
/// What must hold for so long is no burst.
const STEADY: SignedDuration = SignedDuration::from_mins(10);
/// A rollout longer ago than this does not explain what began of late.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Use that grew by this factor is no drift.
const JUMP: f64 = 2.5;

/// The series of one container name of a workload.
#[derive(Default)]
struct Load<'a> {
    throttled: Vec<&'a Series>,
    used: Vec<&'a Series>,
    pods: Vec<&'a Object>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut loads: BTreeMap<(ObjectRef, &str), Load<'_>> = BTreeMap::new();
    for (query, is_throttled) in [("throttled", true), ("pod_cpu", false)] {
        for series in view.series(query) {
            let Some(pod) = view.get("Pod", series.label("namespace"), series.label("pod")) else {
                continue;
            };
            let load = loads
                .entry((view.workload_of(pod), series.label("container")))
                .or_default();
            if is_throttled {
                load.throttled.push(series);
                load.pods.push(pod);
            } else {
                load.used.push(series);
            }
        }
    }
    loads
        .iter()
        .filter_map(|((workload, container), load)| {
            let busier = saturated(context, workload, container, load);
            let held = throttled(context, workload, container, load);
            // A process that burns more than before meets its limit too: then the limit is not to blame.
            match (held, busier) {
                (Some(held), Some(busier)) if busier.certainty > held.certainty => Some(busier),
                (Some(held), _) => Some(held),
                (None, busier) => busier,
            }
        })
        .collect()
}

/// The least and the greatest value of the last ten minutes.
fn recent(view: &ClusterView, series: &Series) -> Option<(f64, f64)> {
    let values: Vec<f64> = series
        .samples
        .iter()
        .filter(|(at, value)| view.now.duration_since(*at) <= STEADY && value.is_finite())
        .map(|(_, value)| *value)
        .collect();
    let least = values.iter().copied().reduce(f64::min)?;
    Some((least, values.iter().copied().fold(least, f64::max)))
}

/// The mean of what a container of any pod of a workload used before a moment, by the names of its pods.
fn used_before(view: &ClusterView, workload: &ObjectRef, container: &str, at: Timestamp) -> Option<f64> {
    let own = |series: &&Series| {
        series.label("namespace") == workload.namespace
            && series.label("container") == container
            && series.label("pod").starts_with(&workload.name)
    };
    let means: Vec<f64> = view
        .series("pod_cpu")
        .iter()
        .filter(own)
        .filter_map(|series| {
            let values: Vec<f64> = series
                .samples
                .iter()
                .filter(|(moment, _)| *moment < at)
                .map(|(_, value)| *value)
                .collect();
            mean(&values)
        })
        .collect();
    mean(&means)
}

fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

fn used_now(view: &ClusterView, load: &Load<'_>) -> Option<f64> {
    let values: Vec<f64> = load
        .used
        .iter()
        .filter_map(|series| Some(recent(view, series)?.1))
        .collect();
    mean(&values)
}

fn throttled(
    context: &Context<'_>,
    workload: &ObjectRef,
    container: &str,
    load: &Load<'_>,
) -> Option<Signal> {
    let view = context.view;
    let shares: Vec<f64> = load
        .throttled
        .iter()
        .filter_map(|series| Some(recent(view, series)?.0))
        .filter(|least| *least >= THROTTLED)
        .collect();
    let share = mean(&shares)?;
    let owner = view.get_ref(workload);
    let revisions = owner.and_then(|owner| changes::revisions(view, owner));
    let lowered = revisions.as_ref().and_then(|found| lowered(found, container));
    let limit = load
        .pods
        .first()
        .map(|pod| pod.str(&format!("spec.containers[{container}].resources.limits.cpu")))
        .unwrap_or_default();
    let used = used_now(view, load);
    let built = base(workload, container, load, share, used, limit);
    let (Some(change), Some(revisions)) = (lowered, &revisions) else {
        return Some(built.mechanism(LIMIT, 0.5).build());
    };
    let rolled_out = revisions.current.created();
    let need = rolled_out.and_then(|at| used_before(view, workload, container, at));
    let certainty = certainty(view, &change, revisions, container, need);
    Some(
        blame_limit(
            built, workload, container, &change, revisions, need, certainty, view,
        )
        .build(),
    )
}

/// The lowering of the container's CPU limit in the last rollout (a first limit counts as lowered).
fn lowered(revisions: &Revisions<'_>, container: &str) -> Option<FieldDiff> {
    let field = format!("spec.template.spec.containers[{container}].resources.limits.cpu");
    revisions.diff().into_iter().find(|diff| {
        diff.field == field
            && match (&diff.before, &diff.after) {
                (Some(before), Some(after)) => quantity(after.as_str()) < quantity(before.as_str()),
                (None, Some(_)) => true,
                (_, None) => false,
            }
    })
}

/// Sure when the limit went below what was used before it, and nothing else changed that burns CPU.
fn certainty(
    view: &ClusterView,
    change: &FieldDiff,
    revisions: &Revisions<'_>,
    container: &str,
    need: Option<f64>,
) -> f64 {
    let image = format!("spec.template.spec.containers[{container}].image");
    let new_image = revisions.diff().iter().any(|diff| diff.field == image);
    let of_late = revisions
        .current
        .created()
        .is_some_and(|at| view.now.duration_since(at) < DAY);
    let after = change.after.as_ref().and_then(|value| quantity(value.as_str()));
    match (need, after) {
        _ if new_image || !of_late => 0.6,
        (Some(need), Some(after)) if after < need => 0.95,
        (Some(need), Some(after)) if after > need * 2.0 => 0.55,
        _ => 0.82,
    }
}

fn base(
    workload: &ObjectRef,
    container: &str,
    load: &Load<'_>,
    share: f64,
    used: Option<f64>,
    limit: &str,
) -> SignalBuilder {
    let cores = used.map_or_else(String::new, |used| format!(", it uses {:.0}m", used * 1_000.0));
    let message = format!(
        "{workload} [{container}] is throttled in {:.0}% of its CPU periods at its limit of {limit}{cores}",
        share * 100.0
    );
    let mut built = signal("cpu", workload, &message)
        .severity(Severity::Warning)
        .affects(
            load.pods
                .iter()
                .map(|pod| pod.reference().clone())
                .chain([workload.clone()]),
        )
        .computed(
            workload,
            &format!("metrics[{container}].throttled_periods"),
            &format!("{:.0}%", share * 100.0),
            None,
        );
    if let Some(used) = used {
        let path = format!("metrics[{container}].cpu");
        built = built.computed(workload, &path, &format!("{:.0}m", used * 1_000.0), None);
    }
    let path = format!("spec.containers[{container}].resources.limits.cpu");
    for pod in load.pods.iter().take(2) {
        built = built.facts(pod, [path.as_str()]);
    }
    built
}

#[expect(clippy::too_many_arguments, reason = "the facts of one sentence")]
fn blame_limit(
    built: SignalBuilder,
    workload: &ObjectRef,
    container: &str,
    change: &FieldDiff,
    revisions: &Revisions<'_>,
    need: Option<f64>,
    certainty: f64,
    view: &ClusterView,
) -> SignalBuilder {
    let text = |value: &Option<domain::Redacted>| {
        value
            .as_ref()
            .map_or("no limit", |value| value.as_str())
            .to_owned()
    };
    let (before, after) = (text(&change.before), text(&change.after));
    let at = revisions.current.created();
    let mut built = built
        .say(&format!(
            "{workload} [{container}] is throttled since its CPU limit went from {before} to {after}{}; it needs {}",
            at.map_or_else(String::new, |at| format!(" {} ago", ago(view.now.duration_since(at)))),
            need.map_or_else(|| "more".to_owned(), |need| format!("{:.0}m", need * 1_000.0)),
        ))
        .mechanism(LIMIT, certainty)
        .onset(at)
        .params(&change.field, &after, Some(&before))
        .param("container", container)
        .computed(
            workload,
            &format!("changes[rollout].{}", change.field),
            &format!("{before} -> {after}"),
            at,
        );
    if let Some(need) = need {
        let path = format!("metrics[{container}].cpu.before");
        built = built.computed(workload, &path, &format!("{:.0}m", need * 1_000.0), at);
    }
    if let Some(owner) = view.get_ref(workload) {
        built = built.facts(owner, [change.field.as_str()]);
    }
    let field = changes::in_revision(revisions.current, &change.field);
    built = built.facts(revisions.current, [field.as_str(), "metadata.creationTimestamp"]);
    let busy = revisions_nodes(view, workload)
        .into_iter()
        .filter_map(|node| Some((node, neighbours::busy(view, node)?)));
    for (node, busy) in busy.take(2) {
        let share = format!("{:.0}%", busy * 100.0);
        built = built.computed(node.reference(), "metrics.cpu.busy", &share, None);
    }
    built
}

fn revisions_nodes<'a>(view: &'a ClusterView, workload: &'a ObjectRef) -> Vec<&'a Object> {
    view.pods_of(workload)
        .filter_map(|pod| view.get("Node", "", pod.str("spec.nodeName")))
        .collect()
}

/// Much more CPU per pod since a rollout of another image, with the same limit and the same traffic.
fn saturated(
    context: &Context<'_>,
    workload: &ObjectRef,
    container: &str,
    load: &Load<'_>,
) -> Option<Signal> {
    let view = context.view;
    let owner = view.get_ref(workload)?;
    let revisions = changes::revisions(view, owner)?;
    let at = revisions
        .current
        .created()
        .filter(|at| view.now.duration_since(*at) < DAY)?;
    let used = used_now(view, load)?;
    let before = used_before(view, workload, container, at)?;
    let request = owner.str(&format!(
        "spec.template.spec.containers[{container}].resources.requests.cpu"
    ));
    let full = quantity(request).is_some_and(|request| used > request * 1.5);
    if used < before * JUMP || !full {
        return None;
    }
    let image = format!("spec.template.spec.containers[{container}].image");
    let diff = revisions.diff();
    let change = diff.iter().find(|diff| diff.field == image);
    let certainty = match (change, traffic_grew(view, at)) {
        (Some(_), Some(false)) if diff.iter().all(|diff| is_release(&diff.field)) => 0.86,
        (Some(_), _) => 0.6,
        (None, _) => 0.4,
    };
    let message = format!(
        "{workload} [{container}] burns {:.0}m CPU per pod since the rollout {} ago; before it was {:.0}m",
        used * 1_000.0,
        ago(view.now.duration_since(at)),
        before * 1_000.0
    );
    let millis = |cores: f64| format!("{:.0}m", cores * 1_000.0);
    let mut built = signal("cpu", workload, &message)
        .mechanism(SATURATION, certainty)
        .onset(Some(at))
        .affects(
            view.pods_of(workload)
                .map(|pod| pod.reference().clone())
                .chain([workload.clone()]),
        )
        .param("container", container)
        .computed(
            workload,
            &format!("metrics[{container}].cpu"),
            &millis(used),
            None,
        )
        .computed(
            workload,
            &format!("metrics[{container}].cpu.before"),
            &millis(before),
            Some(at),
        )
        .facts(revisions.current, ["metadata.creationTimestamp"]);
    if let Some(change) = change {
        let text =
            |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        built = built
            .params(&change.field, &text(&change.after), Some(&text(&change.before)))
            .facts(owner, [change.field.as_str()]);
    }
    Some(built.build())
}

/// Fields that every release changes: image and version.
fn is_release(field: &str) -> bool {
    field.ends_with(".image") || field.to_lowercase().contains("version")
}

/// Whether more requests came in through the Ingresses after a moment than before; `None` when nobody counted.
fn traffic_grew(view: &ClusterView, at: Timestamp) -> Option<bool> {
    let routes = vitals::routes(view);
    let per_second = |after: bool| {
        let means = routes.iter().filter_map(|route| {
            let values: Vec<f64> = route
                .requests
                .iter()
                .filter(|(moment, _)| (*moment >= at + STEADY) == after)
                .map(|(_, value)| *value)
                .collect();
            mean(&values)
        });
        means.sum::<f64>()
    };
    let (before, after) = (per_second(false), per_second(true));
    (before > 0.0 && after > 0.0).then_some(after > before * 1.5)
}
