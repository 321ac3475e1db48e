//! A scheduled Job's script fails after a change of the script, until the retries are spent. Must not know how it is
//! found. `params.form`: `python`, `shell` or `flag`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::delete_all;
use crate::build::event::{Happening, record};
use crate::build::json::{items, set, text};
use crate::build::log::Lines;
use crate::build::object::{CONTROLLER, PIPELINE};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::storage_and_persistence::edits::bare;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key};
use crate::shop::{Shop, batch};
use crate::simulate::pods::{FAILED, complete};
use crate::simulate::rollout::controller_event;
use crate::world::World;

/// `image-and-deployment/job-failing`.
pub struct JobFailing;

const ID: &str = "image-and-deployment/job-failing";
const ARGS: &str = "/jobTemplate/spec/template/spec/containers/0/args";

impl Fault for JobFailing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let failed_at = ctx.minutes_ago(22, 40);
        let Some(workload) = ctx.pick_role(&["orders", "catalog", "ledger", "reports"]) else {
            return Truth::without_cause("inconclusive");
        };
        let name = format!("{}-export", workload.name);
        let (args, said) = draw(ctx);
        let start = whole_minute(time::before(failed_at, 200));
        let edited = time::before(start, ctx.rng.range(2_000, 9_000));
        let success = batch::run_end(&ctx.shop, &name, time::before(start, 86_400));
        let namespace = workload.namespace.clone();
        let spec = cron(
            world,
            &ctx.shop,
            &workload,
            &name,
            &args,
            (edited, success, start),
        );
        let job = batch::run_name(&name, start);
        let pods = attempts(world, &ctx.shop, (&namespace, &job, &name), &spec, start, &said);
        finish(
            world,
            &ctx.shop,
            (&namespace, &job, &name),
            &spec,
            (start, failed_at),
            pods.len(),
        );
        let mut shown = workload.clone();
        shown.name.clone_from(&name);
        ctx.shows(&shown, pods.last().map(String::as_str), failed_at);
        ctx.label("job_name", &job);
        let params = json!({
            "field": "spec.jobTemplate.spec.template.spec.containers[0].args", "found": args, "expected": ["--day", "yesterday"]
        });
        let victims = vec![key("batch", "Job", &namespace, &job)];
        Truth::cause(key("batch", "CronJob", &namespace, &name), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world
            .object(&cause.object)
            .is_some_and(|object| is_broken(items(object, &format!("/spec{ARGS}"))))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let edit = |patch: Value| Step::JsonPatch {
            object: cause.object.clone(),
            patch,
        };
        let path = format!("/spec{ARGS}");
        let fixed = json!([{ "op": "replace", "path": path, "value": ["--day", "yesterday"] }]);
        let retries =
            json!([{ "op": "replace", "path": "/spec/jobTemplate/spec/backoffLimit", "value": 12 }]);
        let mut out = vec![Remedy::heals("fix-script", vec![edit(fixed)])];
        if let Some(object) = world.object(&cause.object) {
            let mut again = bare(object);
            set(&mut again, &format!("/spec{ARGS}"), json!(["--day", "yesterday"]));
            let steps = vec![Step::Delete(cause.object.clone()), Step::Create(again)];
            out.push(Remedy::heals("replace-cronjob", steps));
        }
        out.push(Remedy::fails("raise-retries", vec![edit(retries)]));
        out.push(Remedy::fails("delete-job", delete_all(&truth.victims)));
        out
    }
}

/// Whether the script ends with one of its complaints: a format and a flag that it does not know, or words that the shell cannot
/// take apart; it needs to be told the day.
fn is_broken(args: &[Value]) -> bool {
    let words: Vec<&str> = args.iter().filter_map(Value::as_str).collect();
    let line = words.join(" ");
    let count = |letter: char| line.matches(letter).count();
    !line.contains("--day")
        || line.contains("parquet2")
        || line.contains("--compress-level")
        || count('"') % 2 != 0
        || count('(') != count(')')
}

/// A schedule is due at the full minute.
fn whole_minute(at: Timestamp) -> Timestamp {
    time::before(at, at.as_second().rem_euclid(60))
}

/// Arguments and what the script says of them (argparse, bash, pflag).
fn draw(ctx: &mut FaultContext) -> (Value, Vec<String>) {
    let form = ctx.text_param("form").map(str::to_owned);
    let line = ctx.rng.range(12, 88);
    match (form.as_deref(), ctx.rng.below(3)) {
        (Some("python"), _) | (None, 0) => (
            json!(["--day", "yesterday", "--format", "parquet2"]),
            vec![
                "Traceback (most recent call last):".to_owned(),
                format!("  File \"/app/export.py\", line {line}, in <module>"),
                "    writer = writer_for(args.format)".to_owned(),
                "ValueError: unsupported format: parquet2".to_owned(),
            ],
        ),
        (Some("shell"), _) | (None, 1) => (
            json!(["/app/export.sh --day yesterday --out \"$EXPORT_DIRECTORY/$(date +%F\""]),
            vec![format!(
                "/app/run.sh: line {line}: syntax error near unexpected token `newline'"
            )],
        ),
        _ => (
            json!(["--day", "yesterday", "--compress-level", "9"]),
            vec![
                "Error: unknown flag: --compress-level".to_owned(),
                "Usage:".to_owned(),
                "  export [flags]".to_owned(),
            ],
        ),
    }
}

/// The CronJob and its spec; the day before it succeeded with other arguments.
fn cron(
    world: &mut World,
    shop: &Shop,
    workload: &Workload,
    name: &str,
    args: &Value,
    (edited, success, start): (Timestamp, Timestamp, Timestamp),
) -> Value {
    let namespace = workload.namespace.as_str();
    let created = time::days_before(start, 120);
    let mut spec = batch::job_spec(shop, name, "shop");
    set(&mut spec, "/backoffLimit", json!(2));
    let image = format!(
        "{}:{}",
        workload.repository,
        crate::build::workload::tag(workload.version)
    );
    set(&mut spec, "/template/spec/containers/0/image", json!(image));
    set(
        &mut spec,
        "/template/spec/containers/0/args",
        json!(["--day", "yesterday"]),
    );
    let day_before = time::before(start, 86_400);
    batch::add_run(world, shop, (namespace, name), &spec, (day_before, success));
    set(&mut spec, "/template/spec/containers/0/args", args.clone());
    let (hour, minute) = (start.as_second() / 3_600 % 24, start.as_second() / 60 % 60);
    let object = json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": shop.stamp.labelled("CronJob", namespace, name, created, &json!({ "app": name })),
        "spec": {
            "schedule": format!("{minute} {hour} * * *"), "concurrencyPolicy": "Forbid", "suspend": false,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1, "jobTemplate": { "spec": spec }
        },
        "status": {
            "lastScheduleTime": time::seconds(start), "lastSuccessfulTime": time::seconds(success)
        }
    });
    shop.stamp.put(world, object, PIPELINE, edited);
    spec
}

/// The tries of the Job, with the back-off of 10 s, doubled (`pkg/controller/job/backoff_utils.go`).
fn attempts(
    world: &mut World,
    shop: &Shop,
    (namespace, job, name): (&str, &str, &str),
    spec: &Value,
    start: Timestamp,
    said: &[String],
) -> Vec<String> {
    let uid = shop.stamp.uid("Job", namespace, job);
    let mut template = spec.pointer("/template").cloned().unwrap_or_default();
    let labels = json!({
        "app": name, "batch.kubernetes.io/job-name": job, "batch.kubernetes.io/controller-uid": uid,
        "job-name": job, "controller-uid": uid
    });
    set(&mut template, "/metadata/labels", labels);
    let mut pods = Vec::new();
    for delay in [1, 16, 41] {
        let created = time::after(start, delay);
        let pod = batch::job_pod(world, shop, (namespace, job), &template, created);
        let (began, ended) = (time::after(created, 2), time::after(created, 4));
        complete(world, shop, namespace, &pod, FAILED, (began, ended));
        crate::simulate::spawn::start_events(world, shop, namespace, &pod, created);
        let mut lines = Lines::default();
        for line in said {
            lines.add(ended, line);
        }
        world
            .log_mut(namespace, &pod, text(&template, "/spec/containers/0/name"))
            .current = Some(lines.to_text());
        let message = format!("Created pod: {pod}");
        let object = ("Job", namespace, job);
        controller_event(
            world,
            shop,
            object,
            "job-controller",
            "SuccessfulCreate",
            message,
            created,
        );
        pods.push(pod);
    }
    pods
}

/// The failed Job with its events (`pkg/controller/job/job_controller.go`, `pkg/controller/cronjob`).
fn finish(
    world: &mut World,
    shop: &Shop,
    (namespace, job, name): (&str, &str, &str),
    spec: &Value,
    (start, end): (Timestamp, Timestamp),
    failed: usize,
) {
    let uid = shop.stamp.uid("Job", namespace, job);
    let mut own = spec.clone();
    set(
        &mut own,
        "/selector",
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }),
    );
    let labels = json!({ "app": name, "batch.kubernetes.io/job-name": job, "batch.kubernetes.io/controller-uid": uid });
    set(&mut own, "/template/metadata/labels", labels.clone());
    let meta = shop.stamp.labelled("Job", namespace, job, start, &labels);
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit",
            "lastProbeTime": time::seconds(end), "lastTransitionTime": time::seconds(end)
        })
    };
    let mut object = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": own,
        "status": {
            "startTime": time::seconds(start), "failed": failed, "ready": 0, "terminating": 0,
            "uncountedTerminatedPods": {}, "conditions": [condition("FailureTarget"), condition("Failed")]
        }
    });
    batch::note_run(shop, &mut object, name, start);
    shop.stamp.put(world, object, CONTROLLER, end);
    let happening = Happening {
        object: ("Job", namespace, job),
        container: None,
        kind: "Warning",
        reason: "BackoffLimitExceeded",
        message: "Job has reached the specified backoff limit".to_owned(),
        component: "job-controller",
        node: "",
        first: end,
        last: end,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
    for (reason, message, at) in [
        ("SuccessfulCreate", format!("Created job {job}"), start),
        (
            "SawCompletedJob",
            format!("Saw completed job: {job}, condition: Failed"),
            end,
        ),
    ] {
        let cron = ("CronJob", namespace, name);
        controller_event(world, shop, cron, "cronjob-controller", reason, message, at);
    }
}
