//! Containers that start, become ready, end and start again. Must not know how they came to be made.

use serde_json::{Value, json};

use super::show::{self, View, say, warn};
use super::{Run, Stage, log};
use crate::build::json::{items, set, text};
use crate::build::pod::container_id;
use crate::build::time;
use crate::simulate::pods::go_duration;
use crate::simulate::reconcile::ailment::{Ailment, Trouble};
use crate::simulate::reconcile::cluster::Cluster;
use crate::simulate::reconcile::nodes;
use jiff::Timestamp;

/// Starts the containers, again if one ended before.
pub(super) fn start(cluster: &mut Cluster<'_>, run: &mut Run, ailment: Option<&Ailment>, pod: &Value) {
    let now = cluster.now();
    let again = matches!(run.stage, Stage::BackOff(_));
    let failing = ailment.map_or((0, false), |ailment| ailment.container);
    for (index, container) in items(pod, "/spec/containers").iter().enumerate() {
        if again && (index, false) != failing {
            continue;
        }
        let name = text(container, "/name");
        if again {
            let message = format!(
                "Container image \"{}\" already present on machine",
                text(container, "/image")
            );
            say(cluster, pod, container, "Pulled", &message);
        }
        say(
            cluster,
            pod,
            container,
            "Created",
            &format!("Created container: {name}"),
        );
        say(
            cluster,
            pod,
            container,
            "Started",
            &format!("Started container {name}"),
        );
    }
    if again {
        run.restarts += 1;
    }
    let is_init =
        ailment.is_some_and(|ailment| ailment.container.1 && matches!(ailment.trouble, Trouble::Ends { .. }));
    run.stage = Stage::Started(now);
    let view = if is_init {
        View::waiting((0, false), json!({ "reason": "PodInitializing" }))
    } else {
        View::running(now, false, failing)
    };
    show::write(cluster, pod, run, &view);
    log::start(cluster, run, ailment, pod, now);
    let delay = match ailment.map(|ailment| &ailment.trouble) {
        Some(Trouble::Ends { life_s, .. }) => show::readiness_s(pod).min(*life_s),
        _ => show::readiness_s(pod),
    };
    run.next = time::after(now, delay);
}

/// Marks the pod ready, or a job's pod as done.
pub(super) fn ready(
    cluster: &mut Cluster<'_>,
    run: &mut Run,
    ailment: Option<&Ailment>,
    pod: &Value,
    since: Timestamp,
) {
    let failing = ailment.map_or((0, false), |ailment| ailment.container);
    if matches!(text(pod, "/spec/restartPolicy"), "Never" | "OnFailure") && ailment.is_none() {
        show::complete(cluster, pod, since, 0, "Completed");
        run.next = time::after(cluster.now(), 3_600);
        return;
    }
    run.stage = Stage::Ready(since);
    if ailment.is_none() {
        run.crashes = 0;
    }
    show::write(cluster, pod, run, &View::running(since, true, failing));
    if ailment.is_none() {
        nodes::register_driver(cluster, pod);
    }
    log::settle(cluster, ailment, pod, since);
    run.next = match ailment.map(|ailment| &ailment.trouble) {
        Some(Trouble::Ends { life_s, .. }) => time::after(since, *life_s),
        _ => time::after(cluster.now(), 300),
    };
}

/// Ends a container in the way of the ailment: at once again the first time, then after a back-off that doubles
/// from 10 s to 5 min (`pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `doBackOff`).
pub(super) fn crash(
    cluster: &mut Cluster<'_>,
    run: &mut Run,
    ailment: Option<&Ailment>,
    pod: &Value,
    since: Timestamp,
) {
    let Some(ailment) = ailment else { return };
    let Trouble::Ends { terminated, .. } = &ailment.trouble else {
        return;
    };
    let now = cluster.now();
    let (index, is_init) = ailment.container;
    let list = if is_init { "initContainers" } else { "containers" };
    let container = pod
        .pointer(&format!("/spec/{list}/{index}"))
        .cloned()
        .unwrap_or_default();
    let (pod_name, name) = (text(pod, "/metadata/name"), text(&container, "/name"));
    let mut ended = terminated.clone();
    set(&mut ended, "/startedAt", json!(time::seconds(since)));
    set(&mut ended, "/finishedAt", json!(time::seconds(now)));
    let id = container_id(&cluster.stamp, pod_name, name, run.restarts);
    set(&mut ended, "/containerID", json!(id));
    run.last = Some(ended.clone());
    if text(pod, "/spec/restartPolicy") == "Never" {
        let code = crate::build::json::number(&ended, "/exitCode");
        let reason = text(&ended, "/reason").to_owned();
        show::complete(cluster, pod, since, code, &reason);
        run.next = time::after(now, 3_600);
        return;
    }
    let delay = match run.crashes {
        0 => 1,
        count => (10_i64 << (count - 1).min(5)).min(300),
    };
    run.crashes += 1;
    run.stage = Stage::BackOff(time::after(now, delay));
    run.next = time::after(now, delay);
    let state = if delay < 10 {
        json!({ "terminated": ended })
    } else {
        let identity = format!(
            "{pod_name}_{}({})",
            text(pod, "/metadata/namespace"),
            text(pod, "/metadata/uid")
        );
        let words = format!("Back-off restarting failed container {name} in pod {identity}");
        warn(cluster, pod, &container, "BackOff", &words);
        let message = format!(
            "back-off {} restarting failed container={name} pod={identity}",
            go_duration(delay)
        );
        json!({ "waiting": { "reason": "CrashLoopBackOff", "message": message } })
    };
    show::write(cluster, pod, run, &View::ended(since, (index, is_init), state));
    log::end(cluster, ailment, pod);
}
