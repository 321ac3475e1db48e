//! Containers that cannot run what they are told to: a command that is not there, a binary for another machine.

use std::collections::BTreeSet;

use cluster::{ClusterView, LogLine, LogSource, Look, changes};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::image_pull::{architecture, previous};
use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::{SignalBuilder, signal};
use crate::wording::{Place, Words, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "start",
    mechanisms: &[COMMAND, ARCHITECTURE],
    run,
};

const COMMAND: &str = "image-and-deployment/bad-command";
const ARCHITECTURE: &str = "image-and-deployment/image-wrong-architecture";

/// Exit codes of commands that cannot be run: the runtime's own, a shell's "cannot execute" and "not found"
/// (POSIX, Shell Command Language, 2.8.2), a failed exec in the runtime's init process.
const CODES: &[i64] = &[128, 127, 126, 255, 1];

/// What a container said when it did not start.
struct Refusal<'a> {
    container: Container<'a>,
    /// True when the runtime said it, so that the program never ran.
    by_runtime: bool,
    words: String,
    line: Option<LogLine>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for pod in view.of_kind("Pod") {
        for container in containers::of(pod) {
            let stopped = container.waiting() == "CrashLoopBackOff"
                || matches!(container.waiting(), "RunContainerError" | "CreateContainerError")
                || container.status.pointer("/state/terminated").is_some();
            if !stopped {
                continue;
            }
            if let Some(refusal) = refusal(view, container, ARCHITECTURE) {
                out.push(foreign(view, &refusal));
            } else if let Some(refusal) = refusal(view, container, COMMAND) {
                out.push(not_runnable(context, &refusal));
            }
        }
    }
    out
}

/// The words of a mechanism in a container's states or in what its last instance wrote at once.
fn refusal<'a>(view: &ClusterView, container: Container<'a>, mechanism: &str) -> Option<Refusal<'a>> {
    let states = [
        (Place::Waiting, "/state/waiting"),
        (Place::Terminated, "/state/terminated"),
        (Place::Terminated, "/lastState/terminated"),
    ];
    for (place, pointer) in states {
        let words = Words {
            place,
            reason: container.status_str(&format!("{pointer}/reason")),
            message: container.status_str(&format!("{pointer}/message")),
        };
        if !words.message.is_empty() && means(words, mechanism) {
            return Some(Refusal {
                container,
                by_runtime: true,
                words: words.message.to_owned(),
                line: None,
            });
        }
    }
    let code = container.terminated()?.1.get("exitCode")?.as_i64()?;
    if !CODES.contains(&code) {
        return None;
    }
    let line = only_words(view, &container)?;
    let words = Words {
        place: Place::Log,
        reason: "",
        message: line.text.as_str(),
    };
    means(words, mechanism).then(|| Refusal {
        container,
        by_runtime: false,
        words: line.text.as_str().to_owned(),
        line: Some(line),
    })
}

/// The last line of an instance that wrote next to nothing: what could not be run had nothing to say.
fn only_words(view: &ClusterView, container: &Container<'_>) -> Option<LogLine> {
    [true, false].into_iter().find_map(|previous| {
        let source = LogSource {
            namespace: container.pod.namespace().to_owned(),
            pod: container.pod.name().to_owned(),
            container: container.name.to_owned(),
            previous,
        };
        match view.logs.get(&source) {
            Some(Look::Found(lines)) if lines.len() <= 4 => lines
                .iter()
                .rev()
                .find(|line| !line.text.as_str().trim().is_empty())
                .cloned(),
            _ => None,
        }
    })
}

fn base(view: &ClusterView, refusal: &Refusal<'_>, message: &str) -> SignalBuilder {
    let container = &refusal.container;
    let pod = container.pod;
    let workload = view.workload_of(pod);
    let paths = [
        container.status_path("state.waiting.reason"),
        container.status_path("lastState.terminated.exitCode"),
        container.status_path("lastState.terminated.reason"),
        container.status_path("lastState.terminated.message"),
        container.status_path("state.waiting.message"),
        container.spec_path("command"),
        container.spec_path("image"),
    ];
    let mut built = signal("start", &workload, message)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([pod.reference().clone(), workload.clone()])
        .facts(pod, paths.iter().map(String::as_str));
    if let Some(line) = &refusal.line {
        let path = format!("log[{}].line", container.name);
        built = built.computed(pod.reference(), &path, line.text.truncated(300).as_str(), line.at);
    }
    built
}

/// A command that cannot be run. The runtime's "not found in $PATH" leaves no other reading; the rest does where the last
/// revision changed what is run.
fn not_runnable(context: &Context<'_>, refusal: &Refusal<'_>) -> Signal {
    let view = context.view;
    let container = &refusal.container;
    let workload = view.workload_of(container.pod);
    let changed = changed_fields(view, &workload, container.name);
    let explicit = refusal.words.contains("not found in $PATH");
    let certainty = match (refusal.by_runtime, explicit, changed.is_empty()) {
        (true, true, _) => 0.93,
        (_, _, false) => 0.9,
        (true, false, true) => 0.7,
        (false, _, true) => 0.55,
    };
    let command = container
        .spec
        .get("command")
        .or_else(|| container.spec.get("args"))
        .map(Value::to_string)
        .unwrap_or_default();
    let since = if changed.is_empty() {
        ""
    } else {
        "; the last revision changed what it runs"
    };
    let message = format!(
        "{workload} [{}] cannot run its command {command}: {}{since}",
        container.name,
        brief(&refusal.words)
    );
    let field = changed
        .first()
        .cloned()
        .unwrap_or_else(|| format!("spec.template.{}", container.spec_path("command")));
    base(view, refusal, &message)
        .mechanism(COMMAND, certainty)
        .params(&field, &command, None)
        .build()
}

/// The fields of a container's command, arguments or image that the last revision changed.
fn changed_fields(view: &ClusterView, workload: &ObjectRef, container: &str) -> Vec<String> {
    let revisions = view
        .get_ref(workload)
        .and_then(|owner| changes::revisions(view, owner));
    let Some(revisions) = revisions else {
        return Vec::new();
    };
    let ours = format!("[{container}].");
    revisions
        .diff()
        .into_iter()
        .map(|diff| diff.field)
        .filter(|field| field.contains(&ours))
        .filter(|field| {
            ["].command", "].args", "].workingDir"]
                .iter()
                .any(|end| field.contains(end))
        })
        .collect()
}

/// A binary for another machine: certain where the same image runs on nodes of another architecture.
fn foreign(view: &ClusterView, refusal: &Refusal<'_>) -> Signal {
    let container = &refusal.container;
    let workload = view.workload_of(container.pod);
    let image = text(container.spec, "image");
    let ours = architecture(view, container.pod.str("spec.nodeName"));
    let runs: Vec<_> = view
        .of_kind("Pod")
        .filter(|pod| {
            containers::of(pod)
                .iter()
                .any(|other| other.ready() && text(other.spec, "image") == image)
        })
        .collect();
    let elsewhere: BTreeSet<&str> = runs
        .iter()
        .map(|pod| architecture(view, pod.str("spec.nodeName")))
        .filter(|found| !found.is_empty())
        .collect();
    let all: BTreeSet<&str> = view
        .of_kind("Node")
        .map(|node| node.str("status.nodeInfo.architecture"))
        .collect();
    let certainty = if ours.is_empty() || elsewhere.contains(ours) {
        0.45
    } else if !elsewhere.is_empty() {
        0.95
    } else if all.len() > 1 {
        0.65
    } else {
        0.5
    };
    let contrast = if elsewhere.is_empty() {
        String::new()
    } else {
        let list: Vec<&str> = elsewhere.iter().copied().collect();
        format!(", while the same image runs on {} nodes", list.join(", "))
    };
    let message = format!(
        "{image} of {workload} cannot be executed on the {ours} node {}{contrast}: {}",
        container.pod.str("spec.nodeName"),
        brief(&refusal.words)
    );
    let field = format!("spec.template.{}", container.spec_path("image"));
    let before = previous(view, &workload, &field).filter(|before| before != image);
    let mut built = base(view, refusal, &message)
        .mechanism(ARCHITECTURE, certainty)
        .params(&field, image, before.as_deref())
        .facts(container.pod, ["spec.nodeName"]);
    let nodes = [container.pod]
        .into_iter()
        .chain(runs)
        .filter_map(|pod| view.get("Node", "", pod.str("spec.nodeName")));
    for node in nodes.take(3) {
        built = built.facts(node, ["status.nodeInfo.architecture"]);
    }
    built.build()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The last part of a chain of wrapped errors.
fn brief(words: &str) -> String {
    let tail: String = words.chars().rev().take(160).collect();
    tail.chars().rev().collect()
}
