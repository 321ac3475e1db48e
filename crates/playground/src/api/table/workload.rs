//! The columns of workload controllers.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, containers, duration, label_selector, labels, name, or_none};
use crate::build::json::{flag, items, number, text, time};

const TEMPLATE: &str = "/spec/template/spec/containers";

/// The printer of a workload kind.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("apps", "Deployment") => (
            "Name,Ready,Up-to-date:integer,Available:integer,Age|Containers,Images,Selector",
            deployment,
        ),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => (
            "Name,Desired:integer,Current:integer,Ready:integer,Age|Containers,Images,Selector",
            replica_set,
        ),
        ("apps", "StatefulSet") => ("Name,Ready,Age|Containers,Images", stateful_set),
        ("apps", "DaemonSet") => (
            "Name,Desired:integer,Current:integer,Ready:integer,Up-to-date:integer,Available:integer,\
             Node Selector,Age|Containers,Images,Selector",
            daemon_set,
        ),
        ("batch", "Job") => (
            "Name,Status,Completions,Duration,Age|Containers,Images,Selector",
            job,
        ),
        ("batch", "CronJob") => (
            "Name,Schedule,Timezone,Suspend:boolean,Active:integer,Last Schedule,Age|Containers,Images,Selector",
            cron_job,
        ),
        ("apps", "ControllerRevision") => ("Name,Controller,Revision:integer,Age", revision),
        _ => return None,
    };
    Some(found)
}

/// `spec.replicas`, one when it is left out.
fn desired(object: &Value) -> i64 {
    object
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![
        name(object),
        json!(format!(
            "{}/{}",
            number(object, "/status/readyReplicas"),
            desired(object)
        )),
        json!(number(object, "/status/updatedReplicas")),
        json!(number(object, "/status/availableReplicas")),
        age(object, now),
    ];
    cells.extend(containers(object, TEMPLATE));
    cells.push(or_none(label_selector(object, "/spec/selector")));
    cells
}

fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let selector = match text(object, "/kind") {
        "ReplicationController" => labels(object, "/spec/selector"),
        _ => label_selector(object, "/spec/selector"),
    };
    let mut cells = vec![
        name(object),
        json!(desired(object)),
        json!(number(object, "/status/replicas")),
        json!(number(object, "/status/readyReplicas")),
        age(object, now),
    ];
    cells.extend(containers(object, TEMPLATE));
    cells.push(or_none(selector));
    cells
}

fn stateful_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let ready = json!(format!(
        "{}/{}",
        number(object, "/status/readyReplicas"),
        desired(object)
    ));
    let mut cells = vec![name(object), ready, age(object, now)];
    cells.extend(containers(object, TEMPLATE));
    cells
}

fn daemon_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![
        name(object),
        json!(number(object, "/status/desiredNumberScheduled")),
        json!(number(object, "/status/currentNumberScheduled")),
        json!(number(object, "/status/numberReady")),
        json!(number(object, "/status/updatedNumberScheduled")),
        json!(number(object, "/status/numberAvailable")),
        or_none(labels(object, "/spec/template/spec/nodeSelector")),
        age(object, now),
    ];
    cells.extend(containers(object, TEMPLATE));
    cells.push(or_none(label_selector(object, "/spec/selector")));
    cells
}

fn job(object: &Value, now: Timestamp) -> Vec<Value> {
    let succeeded = number(object, "/status/succeeded");
    let completions = object.pointer("/spec/completions").and_then(Value::as_i64);
    let parallelism = number(object, "/spec/parallelism");
    let completions = match completions {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    };
    let started = time(object, "/status/startTime");
    let ended = time(object, "/status/completionTime");
    let took = match (started, ended) {
        (Some(started), Some(ended)) => duration::since(started, ended),
        (Some(started), None) => duration::since(started, now),
        (None, _) => String::new(),
    };
    let mut cells = vec![
        name(object),
        json!(job_status(object)),
        json!(completions),
        json!(took),
        age(object, now),
    ];
    cells.extend(containers(object, TEMPLATE));
    cells.push(or_none(label_selector(object, "/spec/selector")));
    cells
}

fn job_status(object: &Value) -> &'static str {
    let holds = |kind: &str| {
        items(object, "/status/conditions")
            .iter()
            .any(|condition| text(condition, "/type") == kind && text(condition, "/status") == "True")
    };
    if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if object.pointer("/metadata/deletionTimestamp").is_some() {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn cron_job(object: &Value, now: Timestamp) -> Vec<Value> {
    let last = time(object, "/status/lastScheduleTime");
    let suspend = if flag(object, "/spec/suspend") {
        "True"
    } else {
        "False"
    };
    let mut cells = vec![
        name(object),
        json!(text(object, "/spec/schedule")),
        or_none(text(object, "/spec/timeZone")),
        json!(suspend),
        json!(items(object, "/status/active").len()),
        or_none(last.map(|at| duration::since(at, now)).unwrap_or_default()),
        age(object, now),
    ];
    cells.extend(containers(
        object,
        "/spec/jobTemplate/spec/template/spec/containers",
    ));
    cells.push(or_none(label_selector(object, "/spec/jobTemplate/spec/selector")));
    cells
}

fn revision(object: &Value, now: Timestamp) -> Vec<Value> {
    let owner = items(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| flag(owner, "/controller"));
    let controller = owner.map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let version = text(owner, "/apiVersion");
            let group = version
                .split_once('/')
                .map_or(String::new(), |(group, _)| format!(".{group}"));
            format!(
                "{}{group}/{}",
                text(owner, "/kind").to_lowercase(),
                text(owner, "/name")
            )
        },
    );
    vec![
        name(object),
        json!(controller),
        json!(number(object, "/revision")),
        age(object, now),
    ]
}
