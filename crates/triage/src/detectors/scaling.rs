//! Autoscalers that do not scale: at their maximum under load, or without a metric to go by.

use cluster::{ClusterView, Object, changes};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;
use serde_json::Value;

use super::finding::signal;
use super::text::ago;
use super::{Context, Detector};
use crate::wording::{Place, Words, captures, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "scaling",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/hpa-cannot-scale";
/// Load above the target by this factor is more than the controller's tolerance of a tenth.
const OVERLOAD: f64 = 1.25;
/// A rollout or edit longer ago than this does not explain what began of late.
const DAYS: SignedDuration = SignedDuration::from_hours(48);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("HorizontalPodAutoscaler")
        .filter_map(|scaler| at_maximum(view, scaler).or_else(|| without_metric(view, scaler)))
        .collect()
}

fn target(scaler: &Object) -> ObjectRef {
    ObjectRef::of(
        scaler.str("spec.scaleTargetRef.kind"),
        scaler.namespace(),
        scaler.str("spec.scaleTargetRef.name"),
    )
}

/// The controller wants more replicas than it may have, and the load says why.
fn at_maximum(view: &ClusterView, scaler: &Object) -> Option<Signal> {
    let limited = scaler.str("status.conditions[ScalingLimited].status") == "True"
        && scaler.str("status.conditions[ScalingLimited].reason") == "TooManyReplicas";
    let most = scaler.int("spec.maxReplicas");
    let current = scaler.int("status.currentReplicas");
    if !limited || most == 0 || current < most {
        return None;
    }
    let load = load(scaler);
    let workload = target(scaler);
    let edited = scaler
        .last_write("spec")
        .and_then(|manager| Some((manager.name.clone(), manager.time?)))
        .filter(|(_, at)| view.now.duration_since(*at) < DAYS)
        .filter(|(_, at)| {
            scaler
                .created()
                .is_none_or(|created| at.duration_since(created) > SignedDuration::from_mins(5))
        });
    let released = view
        .get_ref(&workload)
        .and_then(|owner| changes::revisions(view, owner))
        .and_then(|revisions| revisions.current.created())
        .is_some_and(|at| view.now.duration_since(at) < DAYS);
    let overloaded = load.is_some_and(|(now, wanted)| now > wanted * OVERLOAD);
    let certainty = match (overloaded, released, &edited) {
        (true, false, Some(_)) => 0.92,
        (true, false, None) => 0.82,
        (true, true, _) => 0.55,
        (false, ..) => 0.4,
    };
    let by = edited.as_ref().map_or_else(String::new, |(name, at)| {
        format!("; {name} edited it {} ago", ago(view.now.duration_since(*at)))
    });
    let figures = load.map_or_else(String::new, |(now, wanted)| {
        format!(" at {now:.0}% of the requests, {wanted:.0}% is its target")
    });
    let message = format!(
        "{} may not scale {workload} beyond {most} replicas{figures}{by}",
        scaler.reference()
    );
    let onset = scaler.time("status.conditions[ScalingLimited].lastTransitionTime");
    Some(
        signal("scaling", scaler.reference(), &message)
            .mechanism(ID, certainty)
            .severity(Severity::Warning)
            .onset(onset)
            .affects([workload])
            .params("spec.maxReplicas", &most.to_string(), None)
            .facts(
                scaler,
                [
                    "spec.maxReplicas",
                    "status.currentReplicas",
                    "status.desiredReplicas",
                    "status.conditions[ScalingLimited].status",
                    "status.conditions[ScalingLimited].reason",
                    "status.conditions[ScalingLimited].message",
                    "status.currentMetrics",
                ],
            )
            .computed(
                scaler.reference(),
                "metrics.utilization",
                &load.map_or_else(|| "unknown".to_owned(), |(now, _)| format!("{now:.0}%")),
                None,
            )
            .build(),
    )
}

/// Utilization now and as wanted, of the resource metric that is farthest above.
fn load(scaler: &Object) -> Option<(f64, f64)> {
    let name = |metric: &Value| {
        metric
            .pointer("/resource/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let wanted = scaler.list("spec.metrics").iter().filter_map(|metric| {
        let target = metric.pointer("/resource/target/averageUtilization")?.as_f64()?;
        let now = scaler
            .list("status.currentMetrics")
            .iter()
            .find(|found| name(found) == name(metric))?
            .pointer("/resource/current/averageUtilization")?
            .as_f64()?;
        Some((now, target))
    });
    wanted.max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)))
}

/// The controller cannot compute a size: `ScalingActive` is false and says why.
fn without_metric(view: &ClusterView, scaler: &Object) -> Option<Signal> {
    if scaler.str("status.conditions[ScalingActive].status") != "False" {
        return None;
    }
    let words = Words {
        place: Place::Condition,
        reason: scaler.str("status.conditions[ScalingActive].reason"),
        message: scaler.str("status.conditions[ScalingActive].message"),
    };
    if !means(words, ID) {
        return None;
    }
    let workload = target(scaler);
    let missing = captures(words, ID).and_then(|found| {
        let container = found.name("container")?.as_str().to_owned();
        Some((found.name("resource")?.as_str().to_owned(), container))
    });
    let confirmed = missing.as_ref().is_some_and(|(resource, container)| {
        let path = format!("spec.template.spec.containers[{container}].resources.requests.{resource}");
        view.get_ref(&workload)
            .is_some_and(|owner| owner.at(&path).is_none())
    });
    let message = format!(
        "{} cannot scale {workload}: {}",
        scaler.reference(),
        words.message
    );
    let mut built = signal("scaling", scaler.reference(), &message)
        .mechanism(ID, if confirmed { 0.9 } else { 0.5 })
        .severity(Severity::Warning)
        .onset(scaler.time("status.conditions[ScalingActive].lastTransitionTime"))
        .affects([workload])
        .facts(
            scaler,
            [
                "status.conditions[ScalingActive].status",
                "status.conditions[ScalingActive].reason",
                "status.conditions[ScalingActive].message",
            ],
        );
    if let Some((resource, container)) = &missing {
        let field = format!("spec.template.spec.containers[{container}].resources.requests.{resource}");
        built = built.params(&field, "unset", None);
    }
    Some(built.build())
}
