//! The state of a workload and its pods; events.

use cluster::view::event_time;
use domain::ObjectRef;
use schemars::JsonSchema;
use serde::Deserialize;
use triage::containers;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, absent, workload};

/// Most pods whose state is shown.
const POD_LIMIT: usize = 6;
/// Most events shown.
const EVENT_LIMIT: usize = 25;

/// Status fields of a container, the telling ones first.
const STATUS: &[&str] = &[
    "ready",
    "restartCount",
    "state.waiting.reason",
    "state.waiting.message",
    "lastState.terminated.reason",
    "lastState.terminated.exitCode",
    "lastState.terminated.startedAt",
    "lastState.terminated.finishedAt",
];
/// Fields of a container's spec.
const SPEC: &[&str] = &[
    "image",
    "resources.limits.memory",
    "ports",
    "readinessProbe",
    "livenessProbe",
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkloadArgs {
    pub(crate) namespace: String,
    /// Deployment, StatefulSet, DaemonSet, Job or pod.
    pub(crate) name: String,
}

/// State of a workload.
pub(crate) struct WorkloadStatus;

impl Tool for WorkloadStatus {
    const NAME: &'static str = "workload_status";
    const ABOUT: &'static str = "Replicas, conditions, and the containers' states, exits, probes, limits and images of a workload's pods, unhealthy first.";
    type Args = WorkloadArgs;

    async fn call(args: WorkloadArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let found = workload(&view, &args.namespace, &args.name)?;
        let mut out = Output::default();
        out.facts(
            found,
            [
                "spec.replicas",
                "status.readyReplicas",
                "status.availableReplicas",
                "status.updatedReplicas",
                "status.unavailableReplicas",
                "status.desiredNumberScheduled",
                "status.numberReady",
                "status.conditions[Available].status",
                "status.conditions[Progressing].reason",
                "status.conditions[Progressing].message",
            ],
        );
        let mut pods: Vec<_> = view.pods_of(found.reference()).collect();
        pods.sort_by_key(|pod| (containers::is_healthy(pod), std::cmp::Reverse(pod.created())));
        let mut known = std::collections::BTreeSet::new();
        for pod in pods.iter().take(POD_LIMIT) {
            let owner = pod
                .controller()
                .map(|owner| owner.to_string())
                .unwrap_or_default();
            out.fact(pod.reference(), "owner", &owner, pod.created());
            out.facts(
                pod,
                [
                    "status.phase",
                    "spec.nodeName",
                    "status.conditions[PodScheduled].message",
                ],
            );
            for container in containers::of(pod) {
                let status = STATUS.iter().map(|field| container.status_path(field));
                // Pods of one revision have one spec; it is shown once.
                let fresh = known.insert((owner.clone(), container.name.to_owned()));
                let spec = SPEC
                    .iter()
                    .filter(|_| fresh)
                    .map(|field| container.spec_path(field));
                let paths: Vec<String> = status.chain(spec).collect();
                out.facts(pod, paths.iter().map(String::as_str));
            }
        }
        if pods.len() > POD_LIMIT {
            out.note(&format!("{} more pods", pods.len() - POD_LIMIT));
        }
        Ok(out)
    }
}

/// Events.
pub(crate) struct Events;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsArgs {
    namespace: String,
    /// Only events about objects whose name starts with this.
    #[serde(default)]
    name: String,
}

impl Tool for Events {
    const NAME: &'static str = "events";
    const ABOUT: &'static str =
        "Warning and recent events, newest first. Events vanish after an hour: none is no proof.";
    type Args = EventsArgs;

    async fn call(args: EventsArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let mut events: Vec<_> = view
            .in_namespace("Event", &args.namespace)
            .filter(|event| event.str("involvedObject.name").starts_with(&args.name))
            .collect();
        events.sort_by_key(|event| {
            (
                event.str("type") != "Warning",
                std::cmp::Reverse(event_time(event)),
            )
        });
        let mut out = Output::default();
        if !view.has_list("Event", &args.namespace) {
            out.note("events could not be listed");
        }
        for event in events.iter().take(EVENT_LIMIT) {
            let text = |path: &str| event.str(path);
            let object = ObjectRef::of(
                text("involvedObject.kind"),
                text("involvedObject.namespace"),
                text("involvedObject.name"),
            );
            let count = event.int("count").max(event.int("series.count"));
            out.fact(
                &object,
                &format!("events[{}].message", text("reason")),
                text("message"),
                event_time(event),
            );
            if count > 1 {
                out.fact(
                    &object,
                    &format!("events[{}].count", text("reason")),
                    &count.to_string(),
                    None,
                );
            }
        }
        if out_of_scope(&view, &args) {
            return Err(absent(
                &view,
                &ObjectRef::of("Pod", &args.namespace, &args.name),
                "object",
            ));
        }
        Ok(out)
    }
}

/// A name that no object of the namespace begins with: most likely misspelt.
fn out_of_scope(view: &cluster::ClusterView, args: &EventsArgs) -> bool {
    let known = [
        "Pod",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "PersistentVolumeClaim",
        "Service",
        "Event",
    ];
    !args.name.is_empty()
        && view.has_list("Pod", &args.namespace)
        && !known.iter().any(|kind| {
            view.in_namespace(kind, &args.namespace).any(|object| {
                object.name().starts_with(&args.name)
                    || object.str("involvedObject.name").starts_with(&args.name)
            })
        })
}
