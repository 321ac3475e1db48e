//! Jobs that used up their retries on an error of their own script.

use std::collections::BTreeSet;

use cluster::{ClusterView, LogLine, LogSource, Look, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;

use super::init::{first_error, is_outside};
use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "job",
    mechanisms: &[FAILING],
    run,
};

const FAILING: &str = "image-and-deployment/job-failing";
/// A Job that failed longer before the notice than this was left behind.
const RECENT: SignedDuration = SignedDuration::from_hours(6);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("Job")
        .filter_map(|job| failed(context, view, job))
        .collect()
}

/// A Job that failed recently: certain where all of its pods ended with the same error, which speaks of nothing outside of
/// the script.
fn failed(context: &Context<'_>, view: &ClusterView, job: &Object) -> Option<Signal> {
    if job.str("status.conditions[Failed].status") != "True" {
        return None;
    }
    let at = job.time("status.conditions[Failed].lastTransitionTime")?;
    let noticed = context.noticed.unwrap_or(view.now);
    if noticed.duration_since(at).abs() > RECENT {
        return None;
    }
    let pods: Vec<&Object> = view
        .in_namespace("Pod", job.namespace())
        .filter(|pod| pod.controller().as_ref() == Some(job.reference()))
        .collect();
    let lines: Vec<Vec<LogLine>> = pods.iter().filter_map(|pod| log_of(view, pod)).collect();
    let errors: Vec<&LogLine> = lines.iter().filter_map(|lines| first_error(lines)).collect();
    let first = *errors.first()?;
    let same: BTreeSet<String> = errors.iter().map(|line| shape(line.text.as_str())).collect();
    let outside = lines.iter().flatten().any(is_outside);
    let owner = view.workload_of(job);
    let changed = changed_since_success(view, &owner);
    let certainty = match (same.len() == 1 && errors.len() > 1, outside) {
        (_, true) => 0.45,
        (true, false) if changed => 0.92,
        (true, false) => 0.85,
        (false, false) => 0.65,
    };
    let since = if changed {
        "; it was changed after its last success"
    } else {
        ""
    };
    let message = format!(
        "{} failed for good after {} tries{since}: {}",
        job.reference(),
        pods.len(),
        first.text.truncated(200)
    );
    let mut built = signal("job", &owner, &message)
        .mechanism(FAILING, certainty)
        .severity(Severity::Warning)
        .onset(Some(at))
        .affects([job.reference().clone(), owner.clone()])
        .affects(pods.iter().map(|pod| pod.reference().clone()))
        .params("spec", first.text.truncated(120).as_str(), None)
        .facts(
            job,
            [
                "status.failed",
                "spec.backoffLimit",
                "status.conditions[Failed].reason",
                "status.conditions[Failed].message",
            ],
        );
    if let Some(owner) = view.get_ref(&owner) {
        built = built.facts(owner, ["status.lastSuccessfulTime"]);
    }
    for pod in pods.iter().take(2) {
        built = built.facts(pod, ["status.phase"]).computed(
            pod.reference(),
            "log.line",
            first.text.truncated(300).as_str(),
            first.at,
        );
    }
    Some(built.build())
}

fn log_of(view: &ClusterView, pod: &Object) -> Option<Vec<LogLine>> {
    containers::of(pod).iter().find_map(|container| {
        let source = LogSource {
            namespace: pod.namespace().to_owned(),
            pod: pod.name().to_owned(),
            container: container.name.to_owned(),
            previous: false,
        };
        match view.logs.get(&source) {
            Some(Look::Found(lines)) if !lines.is_empty() => Some(lines.clone()),
            _ => None,
        }
    })
}

/// A line without its numbers: times and ids differ from try to try.
fn shape(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Whether a CronJob was edited after its last success.
fn changed_since_success(view: &ClusterView, owner: &ObjectRef) -> bool {
    let Some(owner) = view.get_ref(owner).filter(|owner| owner.kind() == "CronJob") else {
        return false;
    };
    let edited = owner.last_write("spec").and_then(|write| write.time);
    edited
        .zip(owner.time("status.lastSuccessfulTime"))
        .is_some_and(|(edited, success)| edited > success)
}
