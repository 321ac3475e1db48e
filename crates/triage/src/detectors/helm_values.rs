//! Helm revisions whose changed value broke a workload: the live object follows the value, and the workload
//! fails since.

use cluster::{ClusterView, LogSource, Look, Object};
use domain::{Change, ChangeKind, FieldDiff, ObjectRef, Redacted, Severity, Signal};
use jiff::Timestamp;

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "helm-values",
    mechanisms: &["image-and-deployment/helm-values-regression"],
    run,
};

/// Words that tell a complaint from ordinary lines.
const COMPLAINTS: &[&str] = &[
    "error",
    "fail",
    "refused",
    "no such host",
    "cannot",
    "could not",
    "unable",
    "exception",
    "unknown",
    "invalid",
    "timeout",
    "timed out",
    "denied",
    "not known",
];

fn run(context: &Context<'_>) -> Vec<Signal> {
    let revisions = context
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::HelmRevision && !change.diff.is_empty());
    let mut seen: Vec<&ObjectRef> = Vec::new();
    let mut out = Vec::new();
    for change in revisions {
        if !seen.contains(&&change.object) {
            seen.push(&change.object);
            out.extend(regression(context, change));
        }
    }
    out
}

fn regression(context: &Context<'_>, change: &Change) -> Option<Signal> {
    let view = context.view;
    let release = view.release(&change.object.namespace, &change.object.name)?;
    let newest = release.revisions.first()?;
    if newest.deployed_at != change.at {
        return None;
    }
    let workloads = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind));
    let own = workloads.filter(|workload| {
        view.release_of(workload)
            .is_some_and(|found| found.reference == release.reference)
    });
    own.filter_map(|workload| broken_by(context, change, workload))
        .max_by(|a, b| a.certainty.total_cmp(&b.certainty))
        .map(|mut signal| {
            signal.params.more.insert(
                "revision".to_owned(),
                Redacted::trusted(&newest.version.to_string()),
            );
            signal
        })
}

/// A workload of the release that fails since the revision, and the changed value that it follows.
fn broken_by(context: &Context<'_>, change: &Change, workload: &Object) -> Option<Signal> {
    let view = context.view;
    let at = change.at?;
    let failing: Vec<&Object> = view
        .pods_of(workload.reference())
        .filter(|pod| !containers::is_healthy(pod) && pod.created() >= Some(at))
        .collect();
    if failing.is_empty() {
        return None;
    }
    let followed: Vec<&FieldDiff> = change
        .diff
        .iter()
        .filter(|diff| {
            diff.after
                .as_ref()
                .is_some_and(|after| follows(view, workload, after.as_str()))
        })
        .collect();
    let nowhere = followed
        .iter()
        .find(|diff| leads_nowhere(context, workload, diff))
        .copied();
    let mut blamed: Vec<(&FieldDiff, Line)> = followed
        .iter()
        .filter(|diff| {
            diff.after
                .as_ref()
                .is_some_and(|after| is_specific(after.as_str()))
        })
        .filter_map(|diff| Some((*diff, complaint(view, &failing, diff.after.as_ref()?.as_str())?)))
        .collect();
    if let Some(nowhere) = nowhere {
        blamed.retain(|(diff, _)| diff.field == nowhere.field);
    }
    let alone = blamed.len() == 1;
    let complaint = blamed.into_iter().next();
    let (diff, certainty) = match (&complaint, nowhere) {
        (Some((diff, _)), _) => (*diff, if alone { 0.96 } else { 0.7 }),
        (None, Some(diff)) => (diff, 0.9),
        (None, None) => (*followed.first()?, 0.65),
    };
    let text = |value: &Option<Redacted>| {
        value
            .as_ref()
            .map_or_else(|| "unset".to_owned(), ToString::to_string)
    };
    let (before, after) = (text(&diff.before), text(&diff.after));
    let message = format!(
        "{} changed {} from {before} to {after}; {} follows it and fails since",
        change.object,
        diff.field,
        workload.reference()
    );
    let mut built = signal("helm-values", &change.object, &message)
        .mechanism("image-and-deployment/helm-values-regression", certainty)
        .severity(Severity::Critical)
        .onset(change.at)
        .affects(
            failing
                .iter()
                .map(|pod| pod.reference().clone())
                .chain([workload.reference().clone()]),
        )
        .params(&diff.field, &after, Some(&before))
        .computed(&change.object, &diff.field, &after, change.at)
        .computed(&change.object, &format!("previous.{}", diff.field), &before, None);
    if let Some(path) = path_of(workload, &after) {
        built = built.facts(workload, [path.as_str()]);
    }
    if let Some((_, (pod, path, line, at))) = &complaint {
        built = built.computed(pod, path, line, *at);
    }
    Some(built.build())
}

/// Whether the new value is an address of a Service that does not exist.
fn leads_nowhere(context: &Context<'_>, workload: &Object, diff: &FieldDiff) -> bool {
    let value = diff.after.as_ref().map(Redacted::as_str).unwrap_or_default();
    context.calls.iter().any(|call| {
        &call.from == workload.reference() && call.exists == Some(false) && value.contains(&call.host)
    })
}

/// Whether a value stands in the workload's template or in a ConfigMap that it uses.
fn follows(view: &ClusterView, workload: &Object, value: &str) -> bool {
    if value.len() < 2 {
        return false;
    }
    path_of(workload, value).is_some()
        || cluster::topology::config_refs(workload, "spec.template.spec")
            .iter()
            .filter(|used| used.kind == "ConfigMap")
            .any(|used| {
                view.get_ref(used)
                    .is_some_and(|map| map.pairs("data").any(|(_, text)| text.contains(value)))
            })
}

fn path_of(workload: &Object, value: &str) -> Option<String> {
    let spec = workload.at("spec.template.spec")?;
    let leaves = cluster::diff::leaves(spec);
    let exact = leaves.iter().find(|(_, text)| text.as_str() == value);
    exact
        .or_else(|| leaves.iter().find(|(_, text)| text.contains(value)))
        .map(|(path, _)| format!("spec.template.spec.{path}"))
}

/// Whether a value says something of its own: log levels, switches and small numbers stand in any log.
fn is_specific(value: &str) -> bool {
    const COMMON: &[&str] = &[
        "debug",
        "info",
        "notice",
        "warn",
        "warning",
        "error",
        "fatal",
        "trace",
        "true",
        "false",
        "none",
        "default",
        "enabled",
        "disabled",
        "production",
        "staging",
    ];
    value.len() >= 5
        && !COMMON.contains(&value.to_lowercase().as_str())
        && !value.bytes().all(|byte| byte.is_ascii_digit())
}

type Line = (ObjectRef, String, String, Option<Timestamp>);

/// A line of a failing pod's log that complains and names the value.
fn complaint(view: &ClusterView, failing: &[&Object], value: &str) -> Option<Line> {
    let short = value
        .split('.')
        .next()
        .filter(|short| short.len() > 3)
        .unwrap_or(value);
    failing.iter().find_map(|pod| {
        containers::of(pod)
            .into_iter()
            .flat_map(|container| [true, false].map(|previous| (container.name, previous)))
            .find_map(|(container, previous)| {
                let source = LogSource {
                    namespace: pod.namespace().to_owned(),
                    pod: pod.name().to_owned(),
                    container: container.to_owned(),
                    previous,
                };
                let Some(Look::Found(lines)) = view.logs.get(&source) else {
                    return None;
                };
                let line = lines.iter().rev().find(|line| {
                    let lower = line.text.as_str().to_lowercase();
                    line.text.as_str().contains(short) && COMPLAINTS.iter().any(|words| lower.contains(words))
                })?;
                let path = if previous {
                    format!("log[{container}].previous.line")
                } else {
                    format!("log[{container}].line")
                };
                Some((
                    pod.reference().clone(),
                    path,
                    line.text.around(short, 400).as_str().to_owned(),
                    line.at,
                ))
            })
    })
}
