//! Programs that end by their own fault: a stack trace of a programming error, on every node, since a release that changed
//! nothing but the image.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cluster::changes::{self, Revisions};
use cluster::{ClusterView, LogLine, LogSource, Look, Object, topology};
use domain::{FieldDiff, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::signal;
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "app-crash",
    mechanisms: &[ID],
    run,
};

const ID: &str = "app-vs-infra/app-crash";
/// Last lines of an instance that may hold its stack trace.
const TAIL: usize = 40;
/// A crash longer ago than this is history unless the container waits.
const RECENT: SignedDuration = SignedDuration::from_mins(30);

/// Errors that only code makes, by runtime: Go, Java, Python, Node.js, Ruby, .NET, Rust.
static BUG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"invalid memory address|index out of range|slice bounds out of range|assignment to entry in nil map|interface conversion|NullPointerException|ClassCastException|IndexOutOfBoundsException|ConcurrentModificationException|StackOverflowError|NoSuchMethodError|(?:Attribute|Type|Index|ZeroDivision|Name|UnboundLocal|Recursion)Error\b.*: |Cannot read propert|is not a function|is not defined|ReferenceError|RangeError|NoMethodError|NullReferenceException|panicked at",
    )
    .ok()
});

/// A container that ended with an error and said why.
struct Crash<'a> {
    container: Container<'a>,
    path: &'static str,
    code: i64,
    ended: Option<Timestamp>,
    line: &'a LogLine,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_workload: BTreeMap<ObjectRef, Vec<Crash<'_>>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        let workload = view.workload_of(pod);
        if matches!(workload.kind.as_str(), "Job" | "CronJob") {
            continue;
        }
        for container in containers::of(pod)
            .into_iter()
            .filter(|container| !container.init)
        {
            if let Some(crash) = crash(view, container) {
                by_workload.entry(workload.clone()).or_default().push(crash);
            }
        }
    }
    by_workload
        .into_iter()
        .filter_map(|(workload, crashes)| explain(context, &workload, &crashes))
        .collect()
}

fn crash<'a>(view: &'a ClusterView, container: Container<'a>) -> Option<Crash<'a>> {
    let (path, terminated) = container.terminated()?;
    let code = terminated.get("exitCode")?.as_i64()?;
    let ended = container.terminated_time("finishedAt");
    let recent = ended.is_some_and(|at| view.now.duration_since(at) < RECENT);
    // 137 and 143 are signals from outside; 0 is no error.
    if matches!(code, 0 | 137 | 143) || container.restarts() < 2 || (!recent && container.ready()) {
        return None;
    }
    let line = [true, false]
        .into_iter()
        .find_map(|previous| last_words(view, &container, previous))?;
    Some(Crash {
        container,
        path,
        code,
        ended,
        line,
    })
}

/// The line at the end of an instance's log that names an error of the code.
fn last_words<'a>(view: &'a ClusterView, container: &Container<'_>, previous: bool) -> Option<&'a LogLine> {
    let source = LogSource {
        namespace: container.pod.namespace().to_owned(),
        pod: container.pod.name().to_owned(),
        container: container.name.to_owned(),
        previous,
    };
    let Some(Look::Found(lines)) = view.logs.get(&source) else {
        return None;
    };
    let tail = &lines[lines.len().saturating_sub(TAIL)..];
    let bug = BUG.as_ref()?;
    tail.iter().find(|line| {
        let words = Words {
            place: Place::Log,
            reason: "",
            message: line.text.as_str(),
        };
        bug.is_match(line.text.as_str()) && wording::means(words, ID)
    })
}

fn explain(context: &Context<'_>, workload: &ObjectRef, crashes: &[Crash<'_>]) -> Option<Signal> {
    let view = context.view;
    let first = crashes.first()?;
    let owner = view.get_ref(workload)?;
    let revisions = changes::revisions(view, owner);
    let release = revisions
        .as_ref()
        .and_then(|revisions| release(revisions, first.container.name));
    let dying: Vec<&Object> = view
        .pods_of(workload)
        .filter(|pod| ends_with(pod, first.code))
        .collect();
    let nodes: BTreeSet<&str> = dying.iter().map(|pod| pod.str("spec.nodeName")).collect();
    let everywhere = nodes.len() > 1 || dying.len() == view.pods_of(workload).count();
    let onset = crashes.iter().filter_map(|crash| crash.ended).min();
    let since = revisions
        .as_ref()
        .and_then(|revisions| revisions.current.created());
    let inputs_still = since.is_some_and(|since| inputs_unchanged(context, owner, since));
    let certainty = match &release {
        Some(_) if everywhere && inputs_still && spared(view, workload, revisions.as_ref()) => 0.88,
        _ => 0.55,
    };
    let place = if everywhere {
        "on every node"
    } else {
        "on one node"
    };
    let when = release.as_ref().map_or_else(String::new, |image| {
        let text =
            |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        format!(
            " since its image changed from {} to {}",
            text(&image.before),
            text(&image.after)
        )
    });
    let message = format!(
        "{workload} [{}] ends itself with exit code {} {place}{when}: {}",
        first.container.name,
        first.code,
        first.line.text.truncated(160)
    );
    let mut built = signal("app-crash", workload, &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(since.filter(|_| release.is_some()).or(onset))
        .affects(
            crashes
                .iter()
                .map(|crash| crash.container.pod.reference().clone())
                .chain([workload.clone()]),
        )
        .param("container", first.container.name);
    if let Some(image) = &release {
        let text =
            |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        built = built
            .params(&image.field, &text(&image.after), Some(&text(&image.before)))
            .facts(owner, [image.field.as_str()]);
    }
    for crash in crashes.iter().take(3) {
        let field = |end: &str| crash.container.status_path(&format!("{}.{end}", crash.path));
        let paths = [
            field("exitCode"),
            field("finishedAt"),
            crash.container.status_path("restartCount"),
        ];
        built = built
            .facts(crash.container.pod, paths.iter().map(String::as_str))
            .facts(crash.container.pod, ["spec.nodeName"])
            .computed(
                crash.container.pod.reference(),
                &format!("log[{}].previous.line", crash.container.name),
                crash.line.text.truncated(300).as_str(),
                crash.line.at,
            );
    }
    Some(built.build())
}

/// Whether a container of the pod ended again and again with this code.
fn ends_with(pod: &Object, code: i64) -> bool {
    containers::of(pod).iter().any(|container| {
        let found = container
            .terminated()
            .and_then(|(_, state)| state.get("exitCode")?.as_i64());
        found == Some(code) && container.restarts() >= 2
    })
}

/// The change of the image, when the last rollout changed nothing that could itself stop the program.
fn release(revisions: &Revisions<'_>, container: &str) -> Option<FieldDiff> {
    let diff = revisions.diff();
    let field = format!("spec.template.spec.containers[{container}].image");
    let image = diff.iter().find(|diff| diff.field == field)?.clone();
    let tag = image
        .after
        .as_ref()
        .and_then(|after| after.as_str().rsplit_once(':').map(|(_, tag)| tag.to_owned()))?;
    let harmless = |diff: &FieldDiff| {
        diff.field == field
            || diff.field.starts_with("spec.template.metadata.")
            || diff.after.as_ref().is_some_and(|after| after.as_str() == tag)
    };
    diff.iter().all(harmless).then_some(image)
}

/// No ConfigMap or Secret that the workload uses was written since shortly before the release.
fn inputs_unchanged(context: &Context<'_>, owner: &Object, since: Timestamp) -> bool {
    let used = topology::config_refs(owner, "spec.template.spec");
    !context.changes.iter().any(|change| {
        used.contains(&change.object)
            && change
                .at
                .is_some_and(|at| at > since - SignedDuration::from_mins(30))
    })
}

/// Pods of the former revision, where there are some, do not crash.
fn spared(view: &ClusterView, workload: &ObjectRef, revisions: Option<&Revisions<'_>>) -> bool {
    let Some(current) = revisions.map(|revisions| revisions.current.reference().clone()) else {
        return false;
    };
    view.pods_of(workload)
        .filter(|pod| {
            pod.controller()
                .is_some_and(|set| set.kind == "ReplicaSet" && set != current)
        })
        .all(containers::is_healthy)
}
