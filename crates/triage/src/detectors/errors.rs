//! Logs full of errors and states that stand plainly in the API: symptoms that forbid to call something healthy.

use std::sync::LazyLock;

use cluster::{LogLine, Look, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;
use regex::Regex;

use super::finding::signal;
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "errors",
    mechanisms: &[
        "image-and-deployment/scaled-to-zero",
        "image-and-deployment/job-failing",
    ],
    run,
};

/// Errors older than this are over.
const RECENT: SignedDuration = SignedDuration::from_mins(15);
/// Fewer recent error lines than this are everyday life.
const MANY: usize = 8;

static ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i:"level"\s*:\s*"(?:error|fatal|critical))|\b(?:ERROR|FATAL|CRITICAL|SEVERE)\b|\bpanic: |Traceback \(most recent|" 5\d\d \d"#).ok()
});

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = logs(context);
    out.extend(
        view.of_kind("Deployment")
            .filter_map(|deployment| scaled_to_zero(context, deployment)),
    );
    out.extend(view.of_kind("Job").filter_map(failed_job));
    out.extend(view.of_kind("PersistentVolumeClaim").filter_map(lost_claim));
    out.extend(
        view.of_kind("HorizontalPodAutoscaler")
            .filter_map(limited_scaling),
    );
    out
}

/// Containers whose recent log holds many error lines.
fn logs(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for (source, log) in view.logs.iter().filter(|(source, _)| !source.previous) {
        let (Look::Found(lines), Some(pattern)) = (log, ERROR.as_ref()) else {
            continue;
        };
        let recent = |line: &&LogLine| line.at.is_some_and(|at| view.now.duration_since(at) < RECENT);
        let errors: Vec<&LogLine> = lines
            .iter()
            .filter(recent)
            .filter(|line| pattern.is_match(line.text.as_str()))
            .collect();
        let (Some(last), true) = (errors.last(), errors.len() >= MANY) else {
            continue;
        };
        let pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
        let workload = view
            .get_ref(&pod)
            .map_or_else(|| pod.clone(), |found| view.workload_of(found));
        let message = format!(
            "{pod} [{}] logged {} errors within 15 minutes; last: {}",
            source.container,
            errors.len(),
            last.text.truncated(200)
        );
        out.push(
            signal("errors", &workload, &message)
                .onset(errors.first().and_then(|line| line.at))
                .affects([pod.clone(), workload.clone()])
                .computed(
                    &pod,
                    &format!("log[{}].errors", source.container),
                    &errors.len().to_string(),
                    last.at,
                )
                .computed(
                    &pod,
                    &format!("log[{}].line", source.container),
                    last.text.truncated(300).as_str(),
                    last.at,
                )
                .build(),
        );
    }
    out
}

/// A Deployment without replicas that somebody calls. Recently scaled, that is the cause; else it may be meant.
fn scaled_to_zero(context: &Context<'_>, deployment: &Object) -> Option<Signal> {
    if deployment.at("spec.replicas").and_then(serde_json::Value::as_i64) != Some(0) {
        return None;
    }
    let view = context.view;
    let services: Vec<&Object> = view
        .in_namespace("Service", deployment.namespace())
        .filter(|service| {
            let wanted = service.at("spec.selector").unwrap_or(&serde_json::Value::Null);
            cluster::selector::map_selects(wanted, cluster::selector::template_labels(deployment))
        })
        .collect();
    let callers: Vec<ObjectRef> = context
        .calls
        .iter()
        .filter(|call| {
            services
                .iter()
                .any(|service| service.reference() == &call.service)
                && &call.from != deployment.reference()
        })
        .map(|call| call.from.clone())
        .collect();
    let writer = deployment
        .managers()
        .iter()
        .filter(|manager| {
            manager.subresource == "scale" || manager.fields.iter().any(|field| field == "spec.replicas")
        })
        .max_by_key(|manager| manager.time);
    let at = writer.and_then(|manager| manager.time);
    let recent = at.is_some_and(|at| view.now.duration_since(at) < SignedDuration::from_hours(48));
    let by = writer.map_or_else(String::new, |manager| format!("; {} wrote it last", manager.name));
    let message = format!("{} is scaled to zero{by}", deployment.reference());
    Some(
        signal("errors", deployment.reference(), &message)
            .mechanism(
                "image-and-deployment/scaled-to-zero",
                if recent && !callers.is_empty() { 0.85 } else { 0.5 },
            )
            .severity(if callers.is_empty() {
                Severity::Info
            } else {
                Severity::Warning
            })
            .onset(at)
            .affects(
                callers
                    .into_iter()
                    .chain(services.iter().map(|service| service.reference().clone())),
            )
            .facts(deployment, ["spec.replicas", "status.replicas"])
            .params("spec.replicas", "0", None)
            .build(),
    )
}

fn failed_job(job: &Object) -> Option<Signal> {
    if job.str("status.conditions[Failed].status") != "True" {
        return None;
    }
    let message = format!(
        "{} failed: {}",
        job.reference(),
        job.str("status.conditions[Failed].message")
    );
    Some(
        signal("errors", job.reference(), &message)
            .mechanism("image-and-deployment/job-failing", 0.5)
            .onset(job.time("status.conditions[Failed].lastTransitionTime"))
            .facts(
                job,
                [
                    "status.failed",
                    "status.conditions[Failed].reason",
                    "status.conditions[Failed].message",
                ],
            )
            .build(),
    )
}

fn lost_claim(claim: &Object) -> Option<Signal> {
    if claim.str("status.phase") != "Lost" {
        return None;
    }
    let message = format!(
        "{} has lost its volume {}",
        claim.reference(),
        claim.str("spec.volumeName")
    );
    Some(
        signal("errors", claim.reference(), &message)
            .severity(Severity::Critical)
            .facts(claim, ["status.phase", "spec.volumeName"])
            .build(),
    )
}

/// An autoscaler that wants more than it may, or cannot act.
fn limited_scaling(scaler: &Object) -> Option<Signal> {
    let maxed = scaler.int("status.desiredReplicas") >= scaler.int("spec.maxReplicas")
        && scaler.int("spec.maxReplicas") > 0;
    let inactive = scaler.str("status.conditions[ScalingActive].status") == "False";
    if !(maxed || inactive) {
        return None;
    }
    let why = if inactive {
        scaler.str("status.conditions[ScalingActive].message")
    } else {
        "it runs at its maximum"
    };
    let message = format!("{}: {why}", scaler.reference());
    Some(
        signal("errors", scaler.reference(), &message)
            .facts(
                scaler,
                [
                    "spec.maxReplicas",
                    "status.desiredReplicas",
                    "status.currentReplicas",
                    "status.conditions[ScalingActive].reason",
                ],
            )
            .build(),
    )
}
