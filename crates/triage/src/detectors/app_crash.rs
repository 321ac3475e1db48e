//! Programs that end by their own fault: a stack trace of a programming error, on every node, since a release that changed
//! nothing but the image.

use std::collections::{BTreeMap, BTreeSet};

use cluster::changes::{self, Revisions};
use cluster::{ClusterView, LogLine, LogSource, Look, Object, topology};
use domain::{FieldDiff, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

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
    if matches!(code, 0 | 137 | 143) || container.restarts() < 2 || !(recent || !container.ready()) {
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

/// The first line of a stack trace at the end of an instance's log, unless something there speaks of another mechanism.
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
    let meanings: Vec<Vec<&str>> = tail
        .iter()
        .map(|line| {
            wording::classify(Words {
                place: Place::Log,
                reason: "",
                message: line.text.as_str(),
            })
        })
        .collect();
    let other = meanings.iter().flatten().any(|id| *id != ID);
    if other {
        return None;
    }
    meanings
        .iter()
        .position(|found| found.contains(&ID))
        .and_then(|at| tail.get(at))
}

fn explain(context: &Context<'_>, workload: &ObjectRef, crashes: &[Crash<'_>]) -> Option<Signal> {
    let view = context.view;
    let first = crashes.first()?;
    let owner = view.get_ref(workload)?;
    let revisions = changes::revisions(view, owner);
    let release = revisions
        .as_ref()
        .and_then(|revisions| release(revisions, first.container.name));
    let nodes: BTreeSet<&str> = crashes
        .iter()
        .map(|crash| crash.container.pod.str("spec.nodeName"))
        .collect();
    let peers = view.pods_of(workload).count();
    let everywhere = nodes.len() > 1 || crashes.len() == peers;
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
