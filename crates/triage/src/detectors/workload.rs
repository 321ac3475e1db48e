//! Symptoms of workloads: fewer pods than wanted, rollouts that do not finish, pods that cannot be scheduled.

use cluster::{ClusterView, Object};
use domain::{Severity, Signal};

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::{event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "workload",
    mechanisms: &[],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        out.extend(view.of_kind(kind).filter_map(short_of_pods));
    }
    out.extend(view.of_kind("Deployment").filter_map(stuck_rollout));
    out.extend(view.of_kind("Pod").filter_map(|pod| unhealthy_pod(view, pod)));
    out
}

fn short_of_pods(workload: &Object) -> Option<Signal> {
    let (wanted, ready, ready_path) = match workload.kind() {
        "DaemonSet" => (
            workload.int("status.desiredNumberScheduled"),
            workload.int("status.numberReady"),
            "status.numberReady",
        ),
        "StatefulSet" => (
            wanted_replicas(workload),
            workload.int("status.readyReplicas"),
            "status.readyReplicas",
        ),
        _ => (
            wanted_replicas(workload),
            workload.int("status.availableReplicas"),
            "status.availableReplicas",
        ),
    };
    if ready >= wanted {
        return None;
    }
    let severity = if ready == 0 {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let message = format!("{}: {ready} of {wanted} pods available", workload.reference());
    Some(
        signal("workload", workload.reference(), &message)
            .severity(severity)
            .onset(
                workload
                    .time("status.conditions[Available].lastTransitionTime")
                    .filter(|_| ready == 0),
            )
            .computed(workload.reference(), ready_path, &ready.to_string(), None)
            .facts(
                workload,
                [
                    "spec.replicas",
                    "status.unavailableReplicas",
                    "status.conditions[Available].message",
                ],
            )
            .build(),
    )
}

/// `spec.replicas` defaults to 1.
fn wanted_replicas(workload: &Object) -> i64 {
    workload
        .at("spec.replicas")
        .and_then(serde_json::Value::as_i64)
        .unwrap_or(1)
}

fn stuck_rollout(deployment: &Object) -> Option<Signal> {
    if deployment.str("status.conditions[Progressing].reason") != "ProgressDeadlineExceeded" {
        return None;
    }
    let message = format!(
        "{}: the rollout did not finish within its deadline",
        deployment.reference()
    );
    Some(
        signal("workload", deployment.reference(), &message)
            .onset(deployment.time("status.conditions[Progressing].lastTransitionTime"))
            .facts(
                deployment,
                [
                    "status.conditions[Progressing].reason",
                    "status.conditions[Progressing].message",
                    "status.updatedReplicas",
                ],
            )
            .build(),
    )
}

fn unhealthy_pod(view: &ClusterView, pod: &Object) -> Option<Signal> {
    if containers::is_healthy(pod) || pod.str("status.phase") == "Failed" {
        return None;
    }
    let waiting = containers::of(pod)
        .into_iter()
        .find(|container| !container.waiting().is_empty());
    let scheduled = pod.str("status.conditions[PodScheduled].status") != "False";
    let state = match &waiting {
        Some(container) => format!("container {} is waiting: {}", container.name, container.waiting()),
        None if !scheduled => format!(
            "not scheduled: {}",
            pod.str("status.conditions[PodScheduled].message")
        ),
        None => format!("phase {}, not ready", pod.str("status.phase")),
    };
    let mut built = signal(
        "workload",
        pod.reference(),
        &format!("{}: {state}", pod.reference()),
    )
    .onset(
        pod.time("status.conditions[Ready].lastTransitionTime")
            .or(pod.created()),
    )
    .affects([view.workload_of(pod)])
    .facts(
        pod,
        [
            "status.phase",
            "status.conditions[Ready].status",
            "status.conditions[PodScheduled].message",
            "spec.nodeName",
        ],
    );
    if let Some(container) = waiting {
        let paths = [
            container.status_path("state.waiting.reason"),
            container.status_path("restartCount"),
        ];
        built = built.facts(pod, paths.iter().map(String::as_str));
    }
    for event in view
        .events_of(pod.reference())
        .iter()
        .rev()
        .filter(|event| event.str("type") == "Warning")
        .take(3)
    {
        built = built.fact(Some(event_fact(event)));
    }
    Some(built.build())
}
