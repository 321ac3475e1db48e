//! The Job controller (`pkg/controller/job`), as far as jobs that someone starts or mends need it. Must not know what
//! they compute.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note};
use super::pods::{RETRY, Wanted, create, generated, is_active};
use super::scene::Scene;
use crate::build::json::{flag, items, number, push, set, text};
use crate::build::template::with_label;
use crate::build::time;

const COMPONENT: &str = "job-controller";

/// One look at the job and its pods.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let job = cluster.get("Job", namespace, name)?;
    let is_over = items(&job, "/status/conditions").iter().any(|condition| {
        matches!(text(condition, "/type"), "Complete" | "Failed") && text(condition, "/status") == "True"
    });
    if is_over || flag(&job, "/spec/suspend") {
        return None;
    }
    let pods = cluster.owned("Pod", &job);
    let phase = |wanted: &str| {
        pods.iter()
            .filter(|pod| text(pod, "/status/phase") == wanted)
            .count()
    };
    let (done, failed) = (phase("Succeeded"), phase("Failed"));
    let active = pods.iter().filter(|pod| is_active(pod)).count();
    let wanted = usize::try_from(number(&job, "/spec/completions").max(1)).unwrap_or(1);
    let parallel = usize::try_from(number(&job, "/spec/parallelism").max(1)).unwrap_or(1);
    let limit = usize::try_from(
        job.pointer("/spec/backoffLimit")
            .and_then(Value::as_i64)
            .unwrap_or(6),
    )
    .unwrap_or(6);
    let mut again = None;
    if failed <= limit && done < wanted {
        for index in active..parallel.min(wanted - done) {
            if !add(cluster, scene, &job, index) {
                again = Some(RETRY);
            }
        }
    }
    write(cluster, &job, (active, done, failed), (wanted, limit));
    again
}

fn add(cluster: &mut Cluster<'_>, scene: &Scene, job: &Value, index: usize) -> bool {
    let stem = text(job, "/metadata/name");
    let name = generated(cluster, stem, index);
    let plain = job.pointer("/spec/template").cloned().unwrap_or_default();
    let uid = text(job, "/metadata/uid");
    let mut template = with_label(&plain, "batch.kubernetes.io/job-name", stem);
    for (key, value) in [
        ("job-name", stem),
        ("batch.kubernetes.io/controller-uid", uid),
        ("controller-uid", uid),
    ] {
        template = with_label(&template, key, value);
    }
    let wanted = Wanted {
        parent: job,
        name: &name,
        template: &template,
        node: "",
        component: COMPONENT,
        message: format!("Created pod: {name}"),
    };
    create(cluster, scene, &wanted)
}

fn write(
    cluster: &mut Cluster<'_>,
    job: &Value,
    (active, done, failed): (usize, usize, usize),
    (wanted, limit): (usize, usize),
) {
    let now = time::seconds(cluster.now());
    let mut status = job.get("status").cloned().unwrap_or_else(|| json!({}));
    for (field, count) in [
        ("active", active),
        ("succeeded", done),
        ("failed", failed),
        ("ready", active),
    ] {
        set(&mut status, &format!("/{field}"), json!(count));
    }
    if text(&status, "/startTime").is_empty() {
        set(&mut status, "/startTime", json!(now));
    }
    let end = if done >= wanted {
        Some((
            "Complete",
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        ))
    } else if failed > limit {
        Some((
            "Failed",
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ))
    } else {
        None
    };
    if let Some((kind, reason, message)) = end {
        push(
            &mut status,
            "/conditions",
            json!({
                "type": kind, "status": "True", "reason": reason, "message": message,
                "lastProbeTime": now, "lastTransitionTime": now
            }),
        );
        let (event, severity, words) = if kind == "Complete" {
            set(&mut status, "/completionTime", json!(now));
            ("Completed", "Normal", "Job completed")
        } else {
            (reason, "Warning", message)
        };
        cluster.note(&Note {
            object: job,
            kind: severity,
            reason: event,
            message: words,
            component: COMPONENT,
            field: "",
        });
    }
    cluster.update_status(job.clone(), status);
}
