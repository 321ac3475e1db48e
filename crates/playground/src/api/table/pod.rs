//! The columns of Pods: readiness, the status word and restarts, as the API server's `printPod` computes them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, duration, name, or_none};
use crate::build::json::{flag, items, number, text, time};

/// The printer of Pods.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    (group.is_empty() && kind == "Pod").then_some((
        "Name,Ready,Status,Restarts,Age|IP,Node,Nominated Node,Readiness Gates",
        cells as Cells,
    ))
}

/// The row condition that marks finished pods.
pub(crate) fn row_conditions(object: &Value) -> Option<Value> {
    if text(object, "/kind") != "Pod" {
        return None;
    }
    let (reason, message) = match text(object, "/status/phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{ "type": "Completed", "status": "True", "reason": reason, "message": message }]))
}

/// What the columns are computed from.
#[derive(Debug, Default)]
struct Tally {
    reason: String,
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
    sidecar_restarts: i64,
    last_sidecar_restart: Option<Timestamp>,
}

fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let tally = Tally::of(pod);
    let restarts = match tally.last_restart {
        Some(at) if tally.restarts != 0 => format!("{} ({} ago)", tally.restarts, duration::since(at, now)),
        _ => tally.restarts.to_string(),
    };
    vec![
        name(pod),
        json!(format!("{}/{}", tally.ready, tally.total)),
        json!(tally.reason),
        json!(restarts),
        age(pod, now),
        or_none(text(pod, "/status/podIPs/0/ip")),
        or_none(text(pod, "/spec/nodeName")),
        or_none(text(pod, "/status/nominatedNodeName")),
        readiness_gates(pod),
    ]
}

fn readiness_gates(pod: &Value) -> Value {
    let gates = items(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return json!("<none>");
    }
    let passed = gates
        .iter()
        .filter(|gate| condition_is_true(pod, text(gate, "/conditionType")))
        .count();
    json!(format!("{passed}/{}", gates.len()))
}

fn condition_is_true(pod: &Value, kind: &str) -> bool {
    items(pod, "/status/conditions")
        .iter()
        .any(|condition| text(condition, "/type") == kind && text(condition, "/status") == "True")
}

impl Tally {
    fn of(pod: &Value) -> Self {
        let sidecars = items(pod, "/spec/initContainers")
            .iter()
            .filter(|container| is_sidecar(container))
            .count();
        let mut tally = Self {
            reason: starting_reason(pod),
            total: items(pod, "/spec/containers").len() + sidecars,
            ..Self::default()
        };
        let initializing = tally.add_init_containers(pod);
        if !initializing || condition_is_true(pod, "Initialized") {
            tally.add_containers(pod);
        }
        if pod.pointer("/metadata/deletionTimestamp").is_some() {
            let finished = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
            if text(pod, "/status/reason") == "NodeLost" {
                "Unknown".clone_into(&mut tally.reason);
            } else if !finished {
                "Terminating".clone_into(&mut tally.reason);
            }
        }
        tally
    }

    /// Returns whether initialization is still going on or failed.
    fn add_init_containers(&mut self, pod: &Value) -> bool {
        let specs = items(pod, "/spec/initContainers");
        for (index, status) in items(pod, "/status/initContainerStatuses").iter().enumerate() {
            let sidecar = specs
                .iter()
                .any(|spec| text(spec, "/name") == text(status, "/name") && is_sidecar(spec));
            self.restarts += number(status, "/restartCount");
            self.last_restart = self.last_restart.max(last_termination(status));
            if sidecar {
                self.sidecar_restarts += number(status, "/restartCount");
                self.last_sidecar_restart = self.last_sidecar_restart.max(last_termination(status));
            }
            let terminated = status.pointer("/state/terminated");
            if terminated.is_some_and(|state| number(state, "/exitCode") == 0) {
                continue;
            }
            if sidecar && flag(status, "/started") {
                self.ready += usize::from(flag(status, "/ready"));
                continue;
            }
            self.reason = init_reason(status, index, specs.len());
            return true;
        }
        false
    }

    fn add_containers(&mut self, pod: &Value) {
        self.restarts = self.sidecar_restarts;
        self.last_restart = self.last_sidecar_restart;
        let mut running = false;
        for status in items(pod, "/status/containerStatuses").iter().rev() {
            self.restarts += number(status, "/restartCount");
            self.last_restart = self.last_restart.max(last_termination(status));
            let waiting = text(status, "/state/waiting/reason");
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.reason);
            } else if let Some(terminated) = status.pointer("/state/terminated") {
                self.reason = termination_reason(terminated);
            } else if flag(status, "/ready") && status.pointer("/state/running").is_some() {
                running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && running {
            let ready = condition_is_true(pod, "Ready");
            (if ready { "Running" } else { "NotReady" }).clone_into(&mut self.reason);
        }
    }
}

fn starting_reason(pod: &Value) -> String {
    let gated = items(pod, "/status/conditions").iter().any(|condition| {
        text(condition, "/type") == "PodScheduled" && text(condition, "/reason") == "SchedulingGated"
    });
    let reason = text(pod, "/status/reason");
    match (gated, reason) {
        (true, _) => "SchedulingGated".to_owned(),
        (false, "") => text(pod, "/status/phase").to_owned(),
        (false, reason) => reason.to_owned(),
    }
}

fn init_reason(status: &Value, index: usize, total: usize) -> String {
    let waiting = text(status, "/state/waiting/reason");
    match status.pointer("/state/terminated") {
        Some(terminated) => format!("Init:{}", termination_reason(terminated)),
        None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
        None => format!("Init:{index}/{total}"),
    }
}

fn termination_reason(terminated: &Value) -> String {
    let reason = text(terminated, "/reason");
    match number(terminated, "/signal") {
        _ if !reason.is_empty() => reason.to_owned(),
        0 => format!("ExitCode:{}", number(terminated, "/exitCode")),
        signal => format!("Signal:{signal}"),
    }
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == "Always"
}

fn last_termination(status: &Value) -> Option<Timestamp> {
    time(status, "/lastState/terminated/finishedAt")
}
