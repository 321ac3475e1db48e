//! Nightly backup runs end in errors, so the last good copy grows old: the destination was renamed, or the login is
//! refused. Must not know how it is found.
//! `params.kind`: `destination` or `login`; `params.nights`: failed nights.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::bare;
use crate::build::json::{items, set, text, unset};
use crate::build::log::Lines;
use crate::build::object::KUBECTL_EDIT;
use crate::build::service::cluster_ip;
use crate::build::template::credentials;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Symptom, Truth, key};
use crate::shop::Shop;
use crate::shop::batch::{add_run, job_pod, run_end};
use crate::simulate::pods::{FAILED, complete};
use crate::simulate::settle::keys;
use crate::world::{ObjectKey, World};

/// `storage-and-persistence/backup-failed`.
pub struct BackupFailed;

const ID: &str = "storage-and-persistence/backup-failed";
const ENV: &str = "/spec/jobTemplate/spec/template/spec/containers/0/env";

impl Fault for BackupFailed {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        stage(world, ctx).unwrap_or_else(|| Truth::without_cause("inconclusive"))
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(cron) = world.get("CronJob", &cause.object.namespace, &cause.object.name) else {
            return false;
        };
        // The image brings the password that is refused; one in the environment wins over it.
        if text(&cause.params, "/kind") == "login" {
            return !brings_password(world, cron);
        }
        // No bucket is known but the one of before.
        !items(cron, ENV).iter().any(|variable| {
            text(variable, "/name") == "BUCKET"
                && text(variable, "/value") == text(&cause.params, "/expected")
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(cron) = world.get("CronJob", &cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let mut job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": { "name": "manual-rerun", "namespace": cause.object.namespace }
        });
        let spec = cron
            .pointer("/spec/jobTemplate/spec")
            .cloned()
            .unwrap_or_default();
        set(&mut job, "/spec", spec);
        let failed = text(&cause.params, "/job");
        let mut out = vec![
            Remedy::fails("rerun", vec![Step::Create(job)]),
            Remedy::fails(
                "delete-failed-job",
                vec![Step::Delete(key("batch", "Job", &cause.object.namespace, failed))],
            ),
        ];
        if text(&cause.params, "/kind") == "login" {
            out.extend(logins(shop, cron));
        } else {
            let mut env = Value::Array(items(cron, ENV).to_vec());
            for variable in env.as_array_mut().into_iter().flatten() {
                if text(variable, "/name") == "BUCKET" {
                    set(variable, "/value", json!(text(&cause.params, "/expected")));
                }
            }
            let patch = json!([{ "op": "replace", "path": ENV, "value": env }]);
            let mut again = bare(cron);
            set(&mut again, ENV, env);
            let object = cause.object.clone();
            out.push(Remedy::heals(
                "restore-destination",
                vec![Step::JsonPatch { object, patch }],
            ));
            let steps = vec![Step::Delete(cause.object.clone()), Step::Create(again)];
            out.push(Remedy::heals("replace-cronjob", steps));
        }
        out
    }
}

/// Whether the runs of a CronJob get a password from their environment (libpq's `PGPASSWORD`).
fn brings_password(world: &World, cron: &Value) -> bool {
    items(cron, ENV)
        .iter()
        .filter(|variable| text(variable, "/name") == "PGPASSWORD")
        .any(|variable| {
            let reference = variable
                .pointer("/valueFrom/secretKeyRef")
                .unwrap_or(&Value::Null);
            let held = world.get(
                "Secret",
                text(cron, "/metadata/namespace"),
                text(reference, "/name"),
            );
            let key = text(reference, "/key");
            !text(variable, "/value").is_empty()
                || held.is_some_and(|held| !text(held, &format!("/data/{key}")).is_empty())
        })
}

/// A Secret with the password that the server accepts, or the login of the database itself.
fn logins(shop: &Shop, cron: &Value) -> Vec<Remedy> {
    let (Some(object), Some(database)) = (ObjectKey::of(cron), shop.role("postgres")) else {
        return Vec::new();
    };
    let from = |name: &str, secret: &str, key: &str| json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } });
    let with = |variables: Vec<Value>| {
        let env: Vec<Value> = items(cron, ENV)
            .iter()
            .filter(|known| variables.iter().all(|new| new.get("name") != known.get("name")))
            .cloned()
            .chain(variables.iter().cloned())
            .collect();
        Step::JsonPatch {
            object: object.clone(),
            patch: json!([{ "op": "replace", "path": ENV, "value": env }]),
        }
    };
    let name = format!("{}-login", object.name);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": name, "namespace": object.namespace },
        "stringData": { "password": "what-the-server-accepts" }
    });
    let own = credentials(database);
    let renewed = vec![
        Step::Create(secret),
        with(vec![from("PGPASSWORD", &name, "password")]),
    ];
    let borrowed = vec![with(vec![
        from("PGUSER", &own, "username"),
        from("PGPASSWORD", &own, "password"),
    ])];
    vec![
        Remedy::heals("login-in-secret", renewed),
        Remedy::heals("login-of-database", borrowed),
    ]
}

fn stage(world: &mut World, ctx: &mut FaultContext) -> Option<Truth> {
    let shop = ctx.shop.clone();
    let namespace = shop.names.namespace("data");
    let name = shop.names.workload("backup");
    let login = match ctx.text_param("kind") {
        Some(kind) => kind == "login",
        None => ctx.rng.chance(40),
    };
    let nights = ctx.int_param("nights").unwrap_or_else(|| ctx.rng.range(2, 5));
    let cron = world.get("CronJob", &namespace, &name)?.clone();
    let last = time::parse(text(&cron, "/status/lastScheduleTime"))?;
    let good = cron.pointer("/spec/jobTemplate/spec")?.clone();
    let right = items(&cron, ENV)
        .iter()
        .find(|variable| text(variable, "/name") == "BUCKET")
        .map(|variable| text(variable, "/value").to_owned())?;
    let wrong = format!("{right}-archive");
    forget_runs(world, &namespace, &name);
    for night in (nights..nights + 3).rev() {
        let due = time::days_before(last, night);
        let end = run_end(&shop, &name, due);
        add_run(world, &shop, (&namespace, &name), &good, (due, end));
    }
    let edited = time::before(time::days_before(last, nights - 1), 30_000);
    let object = world.get_mut("CronJob", &namespace, &name)?;
    let success = run_end(&shop, &name, time::days_before(last, nights));
    set(
        object,
        "/status/lastSuccessfulTime",
        json!(time::seconds(success)),
    );
    if !login {
        for variable in object
            .pointer_mut(ENV)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter(|variable| text(variable, "/name") == "BUCKET")
        {
            set(variable, "/value", json!(wrong));
        }
        shop.stamp
            .touch(object, KUBECTL_EDIT, edited, &["/spec/jobTemplate"]);
    }
    let spec = object.pointer("/spec/jobTemplate/spec")?.clone();
    let bucket = if login { &right } else { &wrong };
    let (job, pod) = fail_run(world, &shop, (&namespace, &name), &spec, login, bucket, last)?;
    let found = if login { "password refused" } else { wrong.as_str() };
    let object = key("batch", "CronJob", &namespace, &name);
    ctx.symptom = Some(Symptom {
        workload: object.clone(),
        pod: Some(pod),
        front: None,
        onset: time::after(last, 150),
        labels: [("job_name", job.clone())].into(),
    });
    let params = json!({
        "field": if login { "login of the backup" } else { "spec.jobTemplate env BUCKET" },
        "found": found, "expected": right, "kind": if login { "login" } else { "destination" }, "job": job
    });
    let victims = vec![key("batch", "Job", &namespace, &job)];
    Some(Truth::cause(object, ID, params, victims))
}

/// Removes the finished runs of a CronJob with their pods and logs.
fn forget_runs(world: &mut World, namespace: &str, name: &str) {
    let owned = |object: &Value, kind: &str, owner: &str| {
        text(object, "/metadata/namespace") == namespace
            && text(object, "/metadata/ownerReferences/0/kind") == kind
            && text(object, "/metadata/ownerReferences/0/name") == owner
    };
    let jobs: Vec<String> = keys(world, "Job")
        .into_iter()
        .filter(|key| {
            world
                .get("Job", &key.namespace, &key.name)
                .is_some_and(|job| owned(job, "CronJob", name))
        })
        .map(|key| key.name)
        .collect();
    for job in jobs {
        let pods: Vec<String> = world
            .of_kind("Pod")
            .filter(|pod| owned(pod, "Job", &job))
            .map(|pod| text(pod, "/metadata/name").to_owned())
            .collect();
        for pod in pods {
            world.remove("Pod", namespace, &pod);
            world
                .logs
                .retain(|log, _| log.namespace != namespace || log.pod != pod);
        }
        world.remove("Job", namespace, &job);
    }
}

/// The last run: four pods that fail with a growing delay (`pkg/controller/job/job_controller.go`), then the Job.
fn fail_run(
    world: &mut World,
    shop: &Shop,
    (namespace, cron): (&str, &str),
    spec: &Value,
    login: bool,
    bucket: &str,
    last: Timestamp,
) -> Option<(String, String)> {
    let end = time::after(last, 150);
    let (job, first) = add_run(world, shop, (namespace, cron), spec, (last, end));
    let object = world.get_mut("Job", namespace, &job)?;
    unset(object, "/status", "completionTime");
    unset(object, "/status", "succeeded");
    set(object, "/status/failed", json!(4));
    let conditions = ["FailureTarget", "Failed"].map(|kind| condition(kind, end));
    set(object, "/status/conditions", json!(conditions));
    shop.stamp.touch_status(object, end);
    let template = object.pointer("/spec/template")?.clone();
    let container = text(&template, "/spec/containers/0/name").to_owned();
    let mut pods = vec![(first, last)];
    for delay in [14, 37, 82] {
        let start = time::after(last, delay);
        pods.push((job_pod(world, shop, (namespace, &job), &template, start), start));
    }
    for (pod, start) in &pods {
        let end = time::after(*start, 4);
        complete(world, shop, namespace, pod, FAILED, (time::after(*start, 2), end));
        let mut lines = Lines::default();
        for text in words(shop, login, bucket, last) {
            lines.add(time::after(*start, 3), &text);
        }
        world.log_mut(namespace, pod, &container).current = Some(lines.to_text());
    }
    let newest = pods.pop().map(|(pod, _)| pod)?;
    shop.stamp
        .touch_status(world.get_mut("CronJob", namespace, cron)?, end);
    Some((job, newest))
}

/// `pkg/controller/job/job_controller.go`: a Job that spent its retries.
fn condition(kind: &str, at: Timestamp) -> Value {
    json!({
        "type": kind, "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit",
        "lastProbeTime": time::seconds(at), "lastTransitionTime": time::seconds(at)
    })
}

/// `pg_dump` (libpq's connection error) and the AWS command line (`aws s3 cp`).
fn words(shop: &Shop, login: bool, bucket: &str, at: Timestamp) -> Vec<String> {
    let Some(database) = shop.role("postgres") else {
        return Vec::new();
    };
    if login {
        let address = cluster_ip(&shop.stamp, &database.namespace, &database.name);
        return vec![format!(
            "pg_dump: error: connection to server at \"{}\" ({address}), port {} failed: FATAL:  password authentication \
             failed for user \"dump\"",
            database.host(),
            database.port
        )];
    }
    vec![
        format!(
            "upload failed: - to s3://{bucket}/{}.dump An error occurred (NoSuchBucket) when calling the \
             CreateMultipartUpload operation: The specified bucket does not exist",
            at.strftime("%Y-%m-%d")
        ),
        "pg_dump: error: could not write to output file: Broken pipe".to_owned(),
    ]
}
