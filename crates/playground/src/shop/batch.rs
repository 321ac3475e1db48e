//! A nightly CronJob with its finished Jobs, and a one-off Job. Must not know of failures.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shop;
use crate::build::json::{set, text};
use crate::build::object::{CONTROLLER, PIPELINE, annotate, owner};
use crate::build::pod::{Placement, running};
use crate::build::time;
use crate::build::workload::Workload;
use crate::simulate::pods::{Exit, complete};
use crate::world::World;

const COMPLETED: Exit = Exit {
    code: 0,
    reason: "Completed",
};

/// Adds the CronJob, its last three Jobs and a Job that ran once.
pub fn build(world: &mut World, shop: &Shop) {
    let namespace = shop.names.namespace("data");
    let name = shop.names.workload("backup");
    let created = time::days_before(shop.now(), 240);
    let midnight = shop.now().as_second() - shop.now().as_second() % 86_400 + 2 * 3_600 + 900;
    let last = Timestamp::from_second(midnight).unwrap_or(shop.now());
    let last = if last > time::before(shop.now(), 1_800) {
        time::days_before(last, 1)
    } else {
        last
    };
    let spec = dump_spec(shop, &name);
    let cron = json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": shop.stamp.labelled("CronJob", &namespace, &name, created, &json!({ "app": name })),
        "spec": {
            "schedule": "15 2 * * *", "concurrencyPolicy": "Forbid", "suspend": false,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1, "jobTemplate": { "spec": spec }
        },
        "status": {
            "lastScheduleTime": time::seconds(last), "lastSuccessfulTime": time::seconds(run_end(shop, &name, last))
        }
    });
    shop.stamp.put(world, cron, PIPELINE, created);
    for days in [2, 1, 0] {
        let due = time::days_before(last, days);
        let end = run_end(shop, &name, due);
        add_run(world, shop, (&namespace, &name), &spec, (due, end));
    }
    let once = shop.names.workload("migration");
    let front = shop.names.namespace("shop");
    let start = time::days_before(shop.now(), 13);
    let spec = job_spec(shop, &once, "shop");
    add_job(
        world,
        shop,
        (&front, &once),
        &spec,
        (start, time::after(start, 37)),
    );
}

/// The spec of the nightly dump of the database to a bucket.
fn dump_spec(shop: &Shop, name: &str) -> Value {
    let mut spec = job_spec(shop, name, "data");
    let container = "/template/spec/containers/0";
    let script = "set -o pipefail; pg_dump --format=custom --no-password \"$PGDATABASE\" | \
                  aws s3 cp - \"s3://$BUCKET/$(date +%F).dump\"";
    set(
        &mut spec,
        &format!("{container}/command"),
        json!(["/bin/bash", "-ec"]),
    );
    set(&mut spec, &format!("{container}/args"), json!([script]));
    let host = shop.role("postgres").map(Workload::host).unwrap_or_default();
    let bucket = format!("{}-{}", shop.names.cluster, name);
    let env = json!([
        { "name": "PGHOST", "value": host }, { "name": "PGDATABASE", "value": "main" },
        { "name": "PGUSER", "value": "dump" }, { "name": "BUCKET", "value": bucket }
    ]);
    set(&mut spec, &format!("{container}/env"), env);
    spec
}

/// The spec of a Job whose container has the image of its name.
pub fn job_spec(shop: &Shop, name: &str, namespace_role: &str) -> Value {
    let repository = format!(
        "{}/{}/{name}",
        shop.names.registry,
        shop.names.namespace(namespace_role)
    );
    json!({
        "backoffLimit": 3, "completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "suspend": false,
        "template": {
            "metadata": { "labels": { "app": name } },
            "spec": {
                "restartPolicy": "Never", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                "serviceAccountName": "default", "serviceAccount": "default", "securityContext": {},
                "schedulerName": "default-scheduler",
                "containers": [{
                    "name": name, "image": format!("{repository}:1.3.0"), "imagePullPolicy": "IfNotPresent",
                    "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "512Mi" } },
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"
                }]
            }
        }
    })
}

/// The name of the run of a CronJob that is due at a moment (`pkg/controller/cronjob/utils.go`, `getJobName`).
pub fn run_name(cron: &str, due: Timestamp) -> String {
    format!("{cron}-{}", due.as_second() / 60)
}

/// When an ordinary run ends.
pub fn run_end(shop: &Shop, cron: &str, due: Timestamp) -> Timestamp {
    let seconds = 171 + shop.stamp.hash(&format!("run/{}", run_name(cron, due))) % 83;
    time::after(due, i64::try_from(seconds).unwrap_or(171))
}

/// Notes on a Job by whom and for when it was made (`pkg/controller/cronjob/utils.go`, `getJobFromTemplate2`).
pub fn note_run(shop: &Shop, job: &mut Value, cron: &str, due: Timestamp) {
    let namespace = text(job, "/metadata/namespace").to_owned();
    let parent = owner(&shop.stamp, "batch/v1", "CronJob", &namespace, cron);
    set(job, "/metadata/ownerReferences", parent);
    annotate(
        job,
        "batch.kubernetes.io/cronjob-scheduled-timestamp",
        &time::seconds(due),
    );
}

/// Adds a finished run of a CronJob, from when it was due until it ended; returns the names of the Job and its pod.
pub fn add_run(
    world: &mut World,
    shop: &Shop,
    (namespace, cron): (&str, &str),
    spec: &Value,
    (due, end): (Timestamp, Timestamp),
) -> (String, String) {
    let job = run_name(cron, due);
    let pod = add_job(world, shop, (namespace, &job), spec, (due, end));
    if let Some(object) = world.get_mut("Job", namespace, &job) {
        note_run(shop, object, cron, due);
    }
    (job, pod)
}

/// Adds a finished Job with its pod and log, and returns the pod's name.
pub fn add_job(
    world: &mut World,
    shop: &Shop,
    (namespace, name): (&str, &str),
    spec: &Value,
    (start, end): (Timestamp, Timestamp),
) -> String {
    let uid = shop.stamp.uid("Job", namespace, name);
    let labels = json!({
        "app": text(spec, "/template/metadata/labels/app"), "batch.kubernetes.io/job-name": name,
        "batch.kubernetes.io/controller-uid": uid, "job-name": name, "controller-uid": uid
    });
    let mut job_spec = spec.clone();
    set(
        &mut job_spec,
        "/selector",
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }),
    );
    set(&mut job_spec, "/template/metadata/labels", labels.clone());
    let meta = shop.stamp.labelled("Job", namespace, name, start, &labels);
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "CompletionsReached",
            "message": "Reached expected number of succeeded pods",
            "lastProbeTime": time::seconds(end), "lastTransitionTime": time::seconds(end)
        })
    };
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": job_spec,
        "status": {
            "startTime": time::seconds(start), "completionTime": time::seconds(end), "succeeded": 1, "ready": 0,
            "terminating": 0, "uncountedTerminatedPods": {},
            "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]
        }
    });
    let template = job.pointer("/spec/template").cloned().unwrap_or_default();
    shop.stamp.put(world, job, CONTROLLER, end);
    let pod = job_pod(world, shop, (namespace, name), &template, start);
    let span = (time::after(start, 3), time::before(end, 2));
    complete(world, shop, namespace, &pod, COMPLETED, span);
    let container = text(&template, "/spec/containers/0/name").to_owned();
    let log = format!(
        "{} done in {} s\n",
        time::nanos(span.1),
        span.1.as_second() - span.0.as_second()
    );
    world.log_mut(namespace, &pod, &container).current = Some(log);
    pod
}

/// Adds a pod of a Job and returns its name.
pub fn job_pod(
    world: &mut World,
    shop: &Shop,
    (namespace, job): (&str, &str),
    template: &Value,
    start: Timestamp,
) -> String {
    let pod = format!(
        "{job}-{}",
        shop.stamp.suffix(&format!("job/{job}/{}", start.as_second()), 5)
    );
    if let Some(node) = shop.place(job, 1) {
        let address = shop.pod_address(world, &node.name, &pod);
        let place = Placement {
            namespace,
            name: &pod,
            owner: owner(&shop.stamp, "batch/v1", "Job", namespace, job),
            node: Some((node.name.as_str(), node.address.as_str())),
            address: &address,
            created: start,
        };
        let object = running(&shop.stamp, template, &place);
        shop.stamp.put(world, object, CONTROLLER, start);
    }
    pod
}
