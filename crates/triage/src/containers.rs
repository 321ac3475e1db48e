//! Containers of a pod: spec and status side by side.

use cluster::Object;
use jiff::Timestamp;
use serde_json::Value;

/// A container of a pod, with the path of its status.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// The pod.
    pub pod: &'a Object,
    /// Name.
    pub name: &'a str,
    /// True for init containers.
    pub init: bool,
    /// Its spec; null when the status has no spec.
    pub spec: &'a Value,
    /// Its status; null before the kubelet reported one.
    pub status: &'a Value,
}

/// The containers of a pod, init containers first.
pub fn of(pod: &Object) -> Vec<Container<'_>> {
    let mut out = Vec::new();
    for (specs, statuses, init) in [
        ("spec.initContainers", "status.initContainerStatuses", true),
        ("spec.containers", "status.containerStatuses", false),
    ] {
        for spec in pod.list(specs) {
            let name = spec.get("name").and_then(Value::as_str).unwrap_or_default();
            let status = pod
                .list(statuses)
                .iter()
                .find(|status| status.get("name").and_then(Value::as_str) == Some(name));
            out.push(Container {
                pod,
                name,
                init,
                spec,
                status: status.unwrap_or(&Value::Null),
            });
        }
    }
    out
}

impl Container<'_> {
    /// Path of a field of its status, for facts.
    pub fn status_path(&self, field: &str) -> String {
        let list = if self.init {
            "initContainerStatuses"
        } else {
            "containerStatuses"
        };
        format!("status.{list}[{}].{field}", self.name)
    }

    /// Path of a field of its spec, for facts.
    pub fn spec_path(&self, field: &str) -> String {
        let list = if self.init { "initContainers" } else { "containers" };
        format!("spec.{list}[{}].{field}", self.name)
    }

    /// Text of a status field by JSON pointer.
    pub fn status_str(&self, pointer: &str) -> &str {
        self.status
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Reason why it waits, empty when it does not.
    pub fn waiting(&self) -> &str {
        self.status_str("/state/waiting/reason")
    }

    /// How often it was restarted.
    pub fn restarts(&self) -> i64 {
        self.status
            .get("restartCount")
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// Whether it is ready.
    pub fn ready(&self) -> bool {
        self.status
            .get("ready")
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    /// The last termination: of the current state when it has ended, else of the instance before. Gives the
    /// field that holds it and its value.
    pub fn terminated(&self) -> Option<(&'static str, &Value)> {
        [
            ("state.terminated", "/state/terminated"),
            ("lastState.terminated", "/lastState/terminated"),
        ]
        .into_iter()
        .find_map(|(path, pointer)| Some((path, self.status.pointer(pointer)?)))
    }

    /// Time of a field of the last termination.
    pub fn terminated_time(&self, field: &str) -> Option<Timestamp> {
        self.terminated()?.1.get(field)?.as_str()?.parse().ok()
    }
}

/// Whether a pod is doing what it should: running and ready, or completed.
pub fn is_healthy(pod: &Object) -> bool {
    match pod.str("status.phase") {
        "Succeeded" => true,
        "Running" => {
            pod.str("status.conditions[Ready].status") == "True"
                && pod.at("metadata.deletionTimestamp").is_none()
        }
        _ => false,
    }
}
