//! Rollouts that do not finish and for which no more exact cause is to be seen: paused ones, and new pods that run but do
//! not become ready while old ones do.

use cluster::{ClusterView, LogSource, Look, Object, changes};
use domain::{Severity, Signal};
use jiff::SignedDuration;
use serde_json::Value;

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::{event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "rollout",
    mechanisms: &[STUCK],
    run,
};

const STUCK: &str = "image-and-deployment/rollout-stuck";
/// A template that was changed longer ago than this waits for nobody.
const WAITED: SignedDuration = SignedDuration::from_mins(10);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let paused = view
        .of_kind("Deployment")
        .filter_map(|deployment| paused(context, deployment));
    let hanging = view
        .of_kind("Deployment")
        .filter_map(|deployment| hanging(view, deployment));
    paused.chain(hanging).collect()
}

/// A paused Deployment with a template that no ReplicaSet has (`pkg/controller/deployment/sync.go`). An alert of another
/// kind is not about it: pausing stops no pod.
fn paused(context: &Context<'_>, deployment: &Object) -> Option<Signal> {
    let view = context.view;
    if !deployment.is("spec.paused") {
        return None;
    }
    let newest = changes::revisions(view, deployment)?.current;
    let wanted = without_hash(deployment.at("spec.template"));
    if wanted == without_hash(newest.at("spec.template")) {
        return None;
    }
    let since = deployment
        .last_write("spec.template")
        .and_then(|write| write.time);
    let waits = since.is_some_and(|since| view.now.duration_since(since) > WAITED);
    let certainty = if waits && context.noticed.is_none() {
        0.88
    } else {
        0.6
    };
    let by = deployment
        .last_write("spec.paused")
        .map_or_else(String::new, |write| format!(" by {}", write.name));
    let message = format!(
        "{} is paused{by}: its changed template is not rolled out",
        deployment.reference()
    );
    Some(
        signal("rollout", deployment.reference(), &message)
            .mechanism(STUCK, certainty)
            .severity(Severity::Warning)
            .onset(since)
            .params("spec.paused", "true", Some("unset"))
            .facts(
                deployment,
                [
                    "spec.paused",
                    "status.conditions[Progressing].reason",
                    "status.updatedReplicas",
                ],
            )
            .build(),
    )
}

fn without_hash(template: Option<&Value>) -> Value {
    let mut template = template.cloned().unwrap_or_default();
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.shift_remove("pod-template-hash");
    }
    template
}

/// A rollout past its deadline whose pods run without restarts, answer the readiness probe that old pods pass with a 5xx,
/// and do not complain.
fn hanging(view: &ClusterView, deployment: &Object) -> Option<Signal> {
    if deployment.str("status.conditions[Progressing].reason") != "ProgressDeadlineExceeded" {
        return None;
    }
    let revisions = changes::revisions(view, deployment)?;
    let diff = revisions.diff();
    let set = revisions.current.reference();
    let of = |set: &domain::ObjectRef| -> Vec<&Object> {
        view.in_namespace("Pod", deployment.namespace())
            .filter(|pod| pod.controller().as_ref() == Some(set))
            .collect()
    };
    let new: Vec<&Object> = of(set)
        .into_iter()
        .filter(|pod| !containers::is_healthy(pod))
        .collect();
    let old = of(revisions.previous?.reference());
    let old_ready = old.iter().filter(|pod| containers::is_healthy(pod)).count();
    let runs = |pod: &&Object| {
        pod.str("status.phase") == "Running"
            && containers::of(pod)
                .iter()
                .all(|container| container.restarts() == 0 && container.waiting().is_empty())
    };
    let answer = new.iter().copied().find_map(|pod| refusing(view, pod));
    let (event, first) = (answer?, new.first()?);
    if !new.iter().all(runs) {
        return None;
    }
    let probe_kept = !diff.iter().any(|diff| diff.field.contains("Probe"));
    let image = diff.iter().find(|diff| diff.field.ends_with("].image"));
    let silent = new.iter().all(|pod| is_silent(view, pod));
    let certainty = if old_ready > 0 && probe_kept && image.is_some() && silent {
        0.84
    } else {
        0.6
    };
    let (field, found, before) = image.map_or_else(
        || ("spec.template".to_owned(), String::new(), None),
        |diff| {
            let text = |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string);
            (
                diff.field.clone(),
                text(&diff.after).unwrap_or_default(),
                text(&diff.before),
            )
        },
    );
    let message = format!(
        "{}: the new revision's pods run but do not become ready ({}), while {old_ready} old ones do; their logs do not \
         say why",
        deployment.reference(),
        event.str("message")
    );
    Some(
        signal("rollout", deployment.reference(), &message)
            .mechanism(STUCK, certainty)
            .severity(Severity::Warning)
            .onset(set_time(revisions.current))
            .affects(new.iter().map(|pod| pod.reference().clone()))
            .params(&field, &found, before.as_deref())
            .facts(
                deployment,
                [
                    "status.conditions[Progressing].reason",
                    "status.conditions[Progressing].message",
                ],
            )
            .facts(first, ["status.conditions[Ready].status"])
            .fact(Some(event_fact(event)))
            .build(),
    )
}

fn set_time(set: &Object) -> Option<jiff::Timestamp> {
    set.created()
}

/// The event of a readiness probe that the application itself answered with a 5xx (`pkg/probe/http/http.go`).
fn refusing<'a>(view: &'a ClusterView, pod: &'a Object) -> Option<&'a Object> {
    view.events_of(pod.reference()).into_iter().rev().find(|event| {
        event.str("reason") == "Unhealthy"
            && event
                .str("message")
                .starts_with("Readiness probe failed: HTTP probe failed with statuscode: 5")
    })
}

/// Whether the log of a pod was read and holds no complaint.
fn is_silent(view: &ClusterView, pod: &Object) -> bool {
    containers::of(pod)
        .iter()
        .filter(|container| !container.init)
        .all(|container| {
            let source = LogSource {
                namespace: pod.namespace().to_owned(),
                pod: pod.name().to_owned(),
                container: container.name.to_owned(),
                previous: false,
            };
            match view.logs.get(&source) {
                Some(Look::Found(lines)) => !lines.iter().any(|line| {
                    let lower = line.text.as_str().to_lowercase();
                    [
                        "error",
                        "fatal",
                        "exception",
                        "panic",
                        "fail",
                        "refused",
                        "denied",
                    ]
                    .iter()
                    .any(|words| lower.contains(words))
                }),
                Some(Look::Empty) => true,
                _ => false,
            }
        })
}
