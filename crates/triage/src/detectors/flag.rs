//! Switches in ConfigMaps that were flipped while a service ran: errors that name the switch and begin when it changed,
//! with no rollout near.

use std::sync::LazyLock;

use cluster::{LogLine, LogSource, Manager, Object};
use domain::{ChangeKind, ObjectRef, Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::complaints;
use super::finding::signal;
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "flag",
    mechanisms: &[ID],
    run,
};

const ID: &str = "config-and-secrets/feature-flag";
/// Lines from which on a log speaks of a habit.
const MANY: usize = 6;
/// The kubelet brings an edit into volumes within its sync period of a minute and the delay of its cache; a service that
/// polls may take another.
const LAG_S: std::ops::Range<i64> = -5..240;
/// A rollout nearer to the errors than this may be their cause.
const QUIET: SignedDuration = SignedDuration::from_mins(45);

static SWITCH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^\s*(?:true|false|on|off|enabled|disabled|yes|no)\s*$").ok());
static ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i:"level"\s*:\s*(?:"(?:error|fatal)|5\d|6\d))|\b(?:ERROR|FATAL|CRITICAL|SEVERE)\b|\bpanic: |Traceback"#).ok()
});

/// A switch and who wrote it last.
struct Switch<'a> {
    map: &'a Object,
    key: &'a str,
    value: &'a str,
    writer: &'a Manager,
    at: Timestamp,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let switches: Vec<Switch<'_>> = view
        .of_kind("ConfigMap")
        .flat_map(|map| switches(context, map))
        .collect();
    if switches.is_empty() {
        return Vec::new();
    }
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind))
        .flat_map(|workload| {
            let used = cluster::topology::config_refs(workload, "spec.template.spec");
            switches
                .iter()
                .filter(move |switch| used.contains(switch.map.reference()))
                .filter_map(|switch| explain(context, workload, switch))
        })
        .collect()
}

/// The keys of a ConfigMap that hold a switch and were written within the last day, after the map was made.
fn switches<'a>(context: &Context<'_>, map: &'a Object) -> Vec<Switch<'a>> {
    let now = context.view.now;
    map.pairs("data")
        .filter(|(key, value)| {
            key.len() > 3 && SWITCH.as_ref().is_some_and(|pattern| pattern.is_match(value))
        })
        .filter_map(|(key, value)| {
            let field = format!("data.{key}");
            let writer = map
                .managers()
                .iter()
                .filter(|manager| manager.fields.contains(&field))
                .max_by_key(|manager| manager.time)?;
            let at = writer.time?;
            let is_edit = map
                .created()
                .is_none_or(|created| at.duration_since(created) > SignedDuration::from_mins(5));
            (is_edit && now.duration_since(at) < SignedDuration::from_hours(24)).then_some(Switch {
                map,
                key,
                value,
                writer,
                at,
            })
        })
        .collect()
}

/// The lines of a workload's errors that name a word, oldest first, and whether the logs reach back before `at`.
fn errors<'a>(
    context: &Context<'a>,
    workload: &ObjectRef,
    word: &str,
    at: Timestamp,
) -> (Vec<(&'a LogSource, &'a LogLine)>, bool) {
    let view = context.view;
    let (mut found, mut reaches) = (Vec::new(), false);
    for (source, lines) in complaints::logs(context).filter(|(source, _)| !source.previous) {
        let is_own = view
            .get("Pod", &source.namespace, &source.pod)
            .is_some_and(|pod| &view.workload_of(pod) == workload);
        if !is_own {
            continue;
        }
        reaches |= lines.iter().any(|line| line.at.is_some_and(|moment| moment < at));
        found.extend(
            lines
                .into_iter()
                .filter(|line| {
                    let text = line.text.as_str();
                    text.contains(word) && ERROR.as_ref().is_some_and(|pattern| pattern.is_match(text))
                })
                .map(|line| (source, line)),
        );
    }
    found.sort_by_key(|(_, line)| line.at);
    (found, reaches)
}

fn explain(context: &Context<'_>, workload: &Object, switch: &Switch<'_>) -> Option<Signal> {
    let reference = workload.reference();
    let (errors, reaches) = errors(context, reference, switch.key, switch.at);
    let (source, last) = errors.last().copied()?;
    let first = errors.iter().filter_map(|(_, line)| line.at).min()?;
    if errors.len() < MANY {
        return None;
    }
    let lag_s = first.duration_since(switch.at).as_secs();
    let is_rolled = context.changes.iter().any(|change| {
        &change.object == reference
            && change.kind == ChangeKind::Rollout
            && change.at.is_some_and(|at| first.duration_since(at).abs() < QUIET)
    });
    let certainty = match (LAG_S.contains(&lag_s), is_rolled) {
        (true, false) if reaches => 0.88,
        (true, _) => 0.6,
        (false, _) => 0.4,
    };
    let message = format!(
        "{reference} logs errors of `{}` since {lag_s} s after {} wrote `{}` to it in {}; no rollout is near",
        switch.key,
        switch.writer.name,
        switch.value,
        switch.map.reference()
    );
    let ongoing = last
        .at
        .is_some_and(|at| context.view.now.duration_since(at) < SignedDuration::from_mins(10));
    let pod = ObjectRef::of("Pod", &source.namespace, &source.pod);
    let field = format!("data[{}]", switch.key);
    let built = signal("flag", switch.map.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(Some(switch.at))
        .ongoing(ongoing)
        .affects([reference.clone(), pod.clone()])
        .params(&format!("data.{}", switch.key), switch.value, None)
        .param("writer", &switch.writer.name)
        .facts(switch.map, [field.as_str()])
        .computed(
            switch.map.reference(),
            "metadata.managedFields.time",
            &switch.at.to_string(),
            Some(switch.at),
        )
        .computed(
            &pod,
            &format!("log[{}].line", source.container),
            last.text.truncated(300).as_str(),
            last.at,
        );
    Some(built.build())
}
