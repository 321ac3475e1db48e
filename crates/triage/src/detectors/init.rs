//! Init containers that keep failing, so that the application never starts.

use cluster::{ClusterView, LogLine, LogSource, Look, Object, changes};
use domain::{ObjectRef, Severity, Signal};

use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::signal;
use crate::wording::{Place, Words, classify};

pub(super) const DETECTOR: Detector = Detector {
    name: "init",
    mechanisms: &[INIT],
    run,
};

const INIT: &str = "image-and-deployment/init-container-failing";

/// Words of a step that fails for something outside of it: a peer, a name, a right, a file that others provide.
const OUTSIDE: &[&str] = &[
    "connection refused",
    "econnrefused",
    "no such host",
    "enotfound",
    "not resolve",
    "bad address",
    "could not translate host name",
    "name or service not known",
    "temporary failure in name resolution",
    "timed out",
    "timeout",
    "etimedout",
    "unreachable",
    "no route to host",
    "authentication failed",
    "access denied",
    "permission denied",
    "unauthorized",
    "forbidden",
    "certificate",
    "read-only file system",
    "no space left",
    "waiting for",
    "not ready",
    "server closed the connection",
    "too many connections",
    "out of memory",
];

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for pod in view.of_kind("Pod") {
        if pod.str("status.conditions[Initialized].status") == "True" {
            continue;
        }
        let failing = containers::of(pod)
            .into_iter()
            .filter(|container| container.init)
            .find(is_failing);
        if let Some(container) = failing {
            out.push(explain(view, pod, &container));
        }
    }
    out
}

/// An init container that ended with an error and is tried again; killed for memory is somebody else's.
fn is_failing(container: &Container<'_>) -> bool {
    let Some((_, ended)) = container.terminated() else {
        return false;
    };
    let code = ended.get("exitCode").and_then(serde_json::Value::as_i64);
    let reason = ended.get("reason").and_then(serde_json::Value::as_str);
    code.is_some_and(|code| code != 0) && reason == Some("Error") && !container.ready()
}

fn explain(view: &ClusterView, pod: &Object, container: &Container<'_>) -> Signal {
    let workload = view.workload_of(pod);
    let lines = last_lines(view, container);
    let told = first_error(&lines);
    let outside = told.is_some_and(is_outside) || lines.iter().any(is_outside);
    let is_new = changed(view, &workload, container.name);
    let repeated = container.restarts() >= 2;
    let certainty = match (told, outside) {
        (None, _) => 0.5,
        (Some(_), true) => 0.45,
        (Some(_), false) if is_new && repeated => 0.88,
        (Some(_), false) => 0.65,
    };
    let code = container
        .terminated()
        .and_then(|(_, ended)| ended.get("exitCode")?.as_i64())
        .unwrap_or_default();
    let said = told.map_or_else(
        || "; its log tells nothing".to_owned(),
        |line| format!(": {}", line.text.truncated(200)),
    );
    let since = if is_new {
        "; it came or changed with the last revision"
    } else {
        ""
    };
    let message = format!(
        "init container {} of {workload} ended with code {code} {} times{since}{said}",
        container.name,
        container.restarts() + 1
    );
    let field = format!("spec.template.spec.initContainers[{}]", container.name);
    let paths = [
        container.status_path("lastState.terminated.exitCode"),
        container.status_path("restartCount"),
        container.status_path("state.waiting.reason"),
        container.spec_path("command"),
        container.spec_path("image"),
    ];
    let mut built = signal("init", &workload, &message)
        .mechanism(INIT, certainty)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([pod.reference().clone(), workload.clone()])
        .params(&field, &format!("exit code {code}"), Some("exit code 0"))
        .facts(pod, paths.iter().map(String::as_str))
        .facts(
            pod,
            [
                "status.conditions[Initialized].reason",
                "status.conditions[Initialized].message",
            ],
        );
    if let Some(line) = told {
        let path = format!("log[{}].previous.line", container.name);
        built = built.computed(pod.reference(), &path, line.text.truncated(300).as_str(), line.at);
    }
    built.build()
}

fn last_lines(view: &ClusterView, container: &Container<'_>) -> Vec<LogLine> {
    [true, false]
        .into_iter()
        .find_map(|previous| {
            let source = LogSource {
                namespace: container.pod.namespace().to_owned(),
                pod: container.pod.name().to_owned(),
                container: container.name.to_owned(),
                previous,
            };
            match view.logs.get(&source) {
                Some(Look::Found(lines)) if !lines.is_empty() => Some(lines.clone()),
                _ => None,
            }
        })
        .unwrap_or_default()
}

/// The first line that complains.
pub(super) fn first_error(lines: &[LogLine]) -> Option<&LogLine> {
    const COMPLAINTS: &[&str] = &[
        "error",
        "fatal",
        "fail",
        "panic",
        "cannot",
        "can't",
        "could not",
        "unknown",
        "invalid",
        "no such",
        "not found",
        "denied",
        "refused",
        "exception",
        "unable",
        "missing",
        "bad address",
        "timed out",
    ];
    lines.iter().find(|line| {
        let lower = line.text.as_str().to_lowercase();
        COMPLAINTS.iter().any(|words| lower.contains(words))
    })
}

/// Whether a line speaks of something outside the step, by its words or by a wording of another mechanism.
pub(super) fn is_outside(line: &LogLine) -> bool {
    let lower = line.text.as_str().to_lowercase();
    let words = Words {
        place: Place::Log,
        reason: "",
        message: line.text.as_str(),
    };
    OUTSIDE.iter().any(|words| lower.contains(words))
        || classify(words).iter().any(|mechanism| {
            !mechanism.starts_with("image-and-deployment/") && !mechanism.starts_with("app-vs-infra/app")
        })
}

/// Whether the last revision brought or changed the init container.
fn changed(view: &ClusterView, workload: &ObjectRef, container: &str) -> bool {
    let ours = format!("initContainers[{container}]");
    view.get_ref(workload)
        .and_then(|owner| changes::revisions(view, owner))
        .is_some_and(|revisions| {
            revisions
                .diff()
                .iter()
                .any(|diff| diff.field.contains(&ours) || diff.field.contains("initContainers"))
        })
}
