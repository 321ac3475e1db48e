//! A one-off Job that failed days ago and was left behind.

use serde_json::json;

use crate::build::json::{set, text};
use crate::build::object::PIPELINE;
use crate::build::time;
use crate::rng::Rng;
use crate::shop::{Shop, batch};
use crate::simulate::pods::{FAILED, complete};
use crate::world::World;

/// Adds it.
pub fn add(world: &mut World, shop: &Shop, namespace: &str, rng: &mut Rng) {
    let start = time::before(shop.now(), rng.range(4 * 86_400, 9 * 86_400));
    let end = time::after(start, 31);
    let name = format!("{}-once", shop.names.workload("migration"));
    let mut spec = batch::job_spec(shop, &shop.names.workload("migration"), "platform");
    set(&mut spec, "/backoffLimit", json!(0));
    let uid = shop.stamp.uid("Job", namespace, &name);
    let labels = json!({ "batch.kubernetes.io/job-name": name, "batch.kubernetes.io/controller-uid": uid, "job-name": name });
    set(
        &mut spec,
        "/selector",
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }),
    );
    set(&mut spec, "/template/metadata/labels", labels.clone());
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit",
            "lastProbeTime": time::seconds(end), "lastTransitionTime": time::seconds(end)
        })
    };
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": shop.stamp.labelled("Job", namespace, &name, start, &labels),
        "spec": spec,
        "status": {
            "startTime": time::seconds(start), "failed": 1, "ready": 0, "terminating": 0,
            "uncountedTerminatedPods": {}, "conditions": [condition("FailureTarget"), condition("Failed")]
        }
    });
    let template = job.pointer("/spec/template").cloned().unwrap_or_default();
    shop.stamp.put(world, job, PIPELINE, end);
    let pod = batch::job_pod(world, shop, (namespace, &name), &template, start);
    complete(world, shop, namespace, &pod, FAILED, (time::after(start, 2), end));
    let container = text(&template, "/spec/containers/0/name").to_owned();
    let line = format!("{} export failed: no rows for 2025-02-30\n", time::nanos(end));
    world.log_mut(namespace, &pod, &container).current = Some(line);
}
