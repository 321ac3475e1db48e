//! What the containers of a workload said in their logs, line by line with its place. Must not know what a line means:
//! that is [`crate::wording`]'s.

use cluster::{ClusterView, LogLine, LogSource, Look, Object};
use domain::{Fact, ObjectRef};
use jiff::Timestamp;

use crate::containers::{self, Container};
use crate::wording::{Place, Words};

/// A line of a container's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// The pod.
    pub(super) pod: &'a Object,
    /// The container.
    pub(super) container: Container<'a>,
    /// Whether the instance before the running one said it.
    pub(super) previous: bool,
    /// The line.
    pub(super) line: &'a LogLine,
}

impl<'a> Said<'a> {
    /// The line's text.
    pub(super) fn text(&self) -> &'a str {
        self.line.text.as_str()
    }

    /// The line as words of a log.
    pub(super) fn words(&self) -> Words<'a> {
        words(self.text())
    }

    /// The line as a fact, shortened around `near`.
    pub(super) fn fact(&self, near: &str) -> Fact {
        let path = if self.previous {
            format!("log[{}].previous.line", self.container.name)
        } else {
            format!("log[{}].line", self.container.name)
        };
        Fact {
            object: self.pod.reference().clone(),
            path,
            value: self.line.text.around(near, 400),
            time: self.line.at,
        }
    }
}

/// A text as words of a log.
pub(super) fn words(message: &str) -> Words<'_> {
    Words {
        place: Place::Log,
        reason: "",
        message,
    }
}

/// All lines that were read of a pod, those of the instance before first.
pub(super) fn of_pod<'a>(view: &'a ClusterView, pod: &'a Object) -> Vec<Said<'a>> {
    let mut out = Vec::new();
    for container in containers::of(pod) {
        for previous in [true, false] {
            let source = LogSource {
                namespace: pod.namespace().to_owned(),
                pod: pod.name().to_owned(),
                container: container.name.to_owned(),
                previous,
            };
            if let Some(Look::Found(lines)) = view.logs.get(&source) {
                out.extend(lines.iter().map(|line| Said {
                    pod,
                    container,
                    previous,
                    line,
                }));
            }
        }
    }
    out
}

/// Whether a pod's log was read at all.
pub(super) fn was_heard(view: &ClusterView, pod: &Object) -> bool {
    !of_pod(view, pod).is_empty()
}

/// When a container's running instance started, else when the pod was created.
pub(super) fn started(container: &Container<'_>) -> Option<Timestamp> {
    container
        .status
        .pointer("/state/running/startedAt")
        .and_then(serde_json::Value::as_str)
        .and_then(|text| text.parse().ok())
        .or(container.pod.created())
}

/// The pods of a workload that end again and again or wait to.
pub(super) fn crashing<'a>(view: &'a ClusterView, workload: &'a ObjectRef) -> Vec<&'a Object> {
    view.pods_of(workload)
        .filter(|pod| {
            containers::of(pod).iter().any(|container| {
                let failed = container
                    .status
                    .pointer("/lastState/terminated/exitCode")
                    .or(container.status.pointer("/state/terminated/exitCode"))
                    .and_then(serde_json::Value::as_i64)
                    .is_some_and(|code| code != 0);
                let recent = container
                    .terminated_time("finishedAt")
                    .is_some_and(|at| view.now.duration_since(at) < jiff::SignedDuration::from_hours(1));
                failed && recent
            })
        })
        .collect()
}
