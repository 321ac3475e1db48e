//! Values of ConfigMaps and templates that break whoever starts with them: edited past their source, unreadable, or
//! the address of nothing.

use cluster::calls::Call;
use cluster::{Manager, Object, changes};
use domain::{Severity, Signal};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::last_words;
use crate::containers;
use crate::detectors::Context;
use crate::detectors::finding::signal;
use crate::detectors::said::{self, Said};
use crate::wording;

pub(super) const DRIFT: &str = "config-and-secrets/configmap-drift";
pub(super) const INVALID: &str = "config-and-secrets/config-invalid";
pub(super) const ADDRESS: &str = "config-and-secrets/service-address-wrong";

/// Field managers of people's clients: `kubectl edit`, `patch`, `set`, `apply` from a shell, and consoles.
const PEOPLE: &[&str] = &[
    "kubectl-edit",
    "kubectl-patch",
    "kubectl-set",
    "kubectl-replace",
    "kubectl-create",
    "kubectl-client-side-apply",
    "kubectl",
    "node-fetch",
    "k9s",
    "Mozilla",
    "dashboard",
    "freelens",
    "OpenLens",
    "rancher",
    "headlamp",
    "unknown",
];
/// A complaint that ended longer ago is over.
const RECENT: SignedDuration = SignedDuration::from_mins(20);
/// An edit longer ago than this is no news.
const NEWS: SignedDuration = SignedDuration::from_hours(72);

/// A key of a ConfigMap with its last writer.
struct Entry<'a> {
    map: &'a Object,
    key: &'a str,
    value: &'a str,
    writer: Option<&'a Manager>,
    /// Whether others, who deliver the map, wrote its other keys.
    is_by_person: bool,
}

impl Entry<'_> {
    fn written(&self) -> Option<Timestamp> {
        self.writer.and_then(|writer| writer.time)
    }
}

pub(super) fn misconfigured(context: &Context<'_>, workload: &Object, ended: &[&Object]) -> Vec<Signal> {
    let entries = entries(context, workload);
    let words = if ended.is_empty() {
        complaints(context, workload)
    } else {
        last_words(context.view, ended)
    };
    if words.is_empty() {
        return Vec::new();
    }
    let invalid = invalid(context, workload, &entries, &words);
    let drift = drift(context, workload, &entries, &words);
    let mut out: Vec<Signal> = Vec::new();
    match (invalid, drift) {
        (Some(invalid), _) => out.push(invalid),
        (None, Some(drift)) => out.push(drift),
        (None, None) => out.extend(address(context, workload, &words)),
    }
    out
}

/// Recent lines of running pods that complain.
fn complaints<'a>(context: &Context<'a>, workload: &'a Object) -> Vec<Said<'a>> {
    let view = context.view;
    view.pods_of(workload.reference())
        .flat_map(|pod| said::of_pod(view, pod))
        .filter(|said| {
            said.line
                .at
                .is_some_and(|at| view.now.duration_since(at) < RECENT)
                && wording::means(said.words(), ADDRESS)
        })
        .collect()
}

fn entries<'a>(context: &Context<'a>, workload: &'a Object) -> Vec<Entry<'a>> {
    let view = context.view;
    let used = cluster::topology::config_refs(workload, "spec.template.spec");
    used.into_iter()
        .filter(|used| used.kind == "ConfigMap")
        .filter_map(|used| view.get_ref(&used))
        .flat_map(|map| {
            map.pairs("data").map(move |(key, value)| {
                let path = format!("data.{key}");
                let writer = map
                    .managers()
                    .iter()
                    .filter(|manager| manager.fields.contains(&path))
                    .max_by_key(|manager| manager.time);
                Entry {
                    map,
                    key,
                    value,
                    writer,
                    is_by_person: writer.is_some_and(is_person) && is_delivered(map),
                }
            })
        })
        .collect()
}

fn is_person(manager: &Manager) -> bool {
    PEOPLE
        .iter()
        .any(|name| manager.name == *name || manager.name.starts_with(&format!("{name}/")))
}

/// Whether something else than people's clients owns part of the map's data: a pipeline, Helm, an operator.
fn is_delivered(map: &Object) -> bool {
    map.managers()
        .iter()
        .any(|manager| !is_person(manager) && manager.fields.iter().any(|field| field.starts_with("data")))
}

/// The pods that complain started after the edit, and those from before it are well.
fn fits_ages(context: &Context<'_>, workload: &Object, words: &[Said<'_>], at: Timestamp) -> bool {
    let view = context.view;
    let complaining = words
        .iter()
        .all(|said| said.pod.created().is_some_and(|created| created >= at));
    let older_are_well = view
        .pods_of(workload.reference())
        .filter(|pod| pod.created().is_some_and(|created| created < at))
        .all(containers::is_healthy);
    complaining && older_are_well
}

fn drift(
    context: &Context<'_>,
    workload: &Object,
    entries: &[Entry<'_>],
    words: &[Said<'_>],
) -> Option<Signal> {
    let view = context.view;
    entries
        .iter()
        .filter(|entry| entry.is_by_person)
        .find_map(|entry| {
            let at = entry.written()?;
            if view.now.duration_since(at) > NEWS || !fits_ages(context, workload, words, at) {
                return None;
            }
            let line = words.iter().find(|said| names(said.text(), entry))?;
            let who = entry.writer.map_or("", |writer| writer.name.as_str());
            let source = delivered_by(entry.map);
            let message = format!(
                "{}: {} was edited by {who} at {at}, past {source}; pods of {} that started since end: {}",
                entry.map.reference(),
                entry.key,
                workload.reference(),
                line.line.text.truncated(240)
            );
            let field = format!("data.{}", entry.key);
            let older = view
                .pods_of(workload.reference())
                .any(|pod| pod.created().is_some_and(|created| created < at) && containers::is_healthy(pod));
            Some(
                signal("given", entry.map.reference(), &message)
                    .mechanism(DRIFT, if older { 0.94 } else { 0.86 })
                    .severity(Severity::Critical)
                    .onset(words.iter().filter_map(|said| said.pod.created()).min())
                    .affects(words.iter().map(|said| said.pod.reference().clone()))
                    .affects([workload.reference().clone()])
                    .params(&field, entry.value, Some("the value of its source"))
                    .param("manager", who)
                    .facts(entry.map, [format!("data[{}]", entry.key).as_str()])
                    .computed(
                        entry.map.reference(),
                        &format!("metadata.managedFields[{who}].time"),
                        &at.to_string(),
                        Some(at),
                    )
                    .fact(Some(line.fact(&near(line.text(), entry))))
                    .build(),
            )
        })
}

fn delivered_by(map: &Object) -> String {
    map.managers()
        .iter()
        .find(|manager| !is_person(manager) && manager.fields.iter().any(|field| field.starts_with("data")))
        .map_or_else(|| "its source".to_owned(), |manager| manager.name.clone())
}

/// Whether a line speaks of an entry: by its key, or by what is particular of its value. `localhost` is dialled as an
/// address.
fn names(line: &str, entry: &Entry<'_>) -> bool {
    line.contains(entry.key) && entry.key.len() > 3 || !near(line, entry).is_empty()
}

fn near(line: &str, entry: &Entry<'_>) -> String {
    let value = entry.value.trim();
    let host = value
        .rsplit("//")
        .next()
        .unwrap_or(value)
        .split(['/', ':', ','])
        .next()
        .unwrap_or_default();
    let port = value.rsplit(':').next().unwrap_or_default();
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1");
    if loopback {
        return ["127.0.0.1", "localhost", "[::1]"]
            .into_iter()
            .map(|address| format!("{address}:{port}"))
            .find(|address| line.contains(address))
            .or_else(|| line.contains("localhost").then(|| "localhost".to_owned()))
            .unwrap_or_default();
    }
    [value, host]
        .into_iter()
        .find(|part| part.len() > 4 && part.contains(['.', '-', '_', '/']) && line.contains(part))
        .unwrap_or_default()
        .to_owned()
}

/// A document that does not parse or a value of the wrong type, in a key that the complaint names.
fn invalid(
    context: &Context<'_>,
    workload: &Object,
    entries: &[Entry<'_>],
    words: &[Said<'_>],
) -> Option<Signal> {
    let lines: Vec<&Said<'_>> = words
        .iter()
        .filter(|said| wording::means(said.words(), INVALID))
        .collect();
    lines.first()?;
    let named = |entry: &&Entry<'_>| {
        words
            .iter()
            .any(|said| speaks_of(said.text(), entry) || in_file(said, entry))
    };
    let entry = entries.iter().find(named)?;
    let line = lines
        .iter()
        .find(|said| speaks_of(said.text(), entry) || in_file(said, entry))
        .or(lines.first())?;
    let at = entry.written()?;
    let fresh = context.view.now.duration_since(at) < NEWS && fits_ages(context, workload, words, at);
    let who = entry.writer.map_or("", |writer| writer.name.as_str());
    let message = format!(
        "{}: {} cannot be used as {who} wrote it at {at}; pods of {} that started since end: {}",
        entry.map.reference(),
        entry.key,
        workload.reference(),
        line.line.text.truncated(240)
    );
    let field = format!("data.{}", entry.key);
    let found = entry.value.lines().next().unwrap_or_default();
    Some(
        signal("given", entry.map.reference(), &message)
            .mechanism(INVALID, if fresh { 0.94 } else { 0.7 })
            .severity(Severity::Critical)
            .onset(words.iter().filter_map(|said| said.pod.created()).min())
            .affects(words.iter().map(|said| said.pod.reference().clone()))
            .affects([workload.reference().clone()])
            .params(&field, found, None)
            .facts(entry.map, [format!("data[{}]", entry.key).as_str()])
            .computed(
                entry.map.reference(),
                "metadata.managedFields[data].time",
                &at.to_string(),
                Some(at),
            )
            .fact(Some(line.fact(entry.key)))
            .build(),
    )
}

/// Whether a line names a setting: its key as it stands, or as frameworks fold it (`request.timeout-ms`).
fn speaks_of(line: &str, entry: &Entry<'_>) -> bool {
    let fold = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    entry.key.len() > 3 && fold(line).contains(&fold(entry.key))
}

/// Whether a line names a file under which the entry is mounted.
fn in_file(said: &Said<'_>, entry: &Entry<'_>) -> bool {
    let mounts = said
        .container
        .spec
        .get("volumeMounts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    mounts
        .filter(|mount| {
            said.pod.list("spec.volumes").iter().any(|volume| {
                volume.get("name") == mount.get("name")
                    && volume.pointer("/configMap/name").and_then(Value::as_str) == Some(entry.map.name())
            })
        })
        .filter_map(|mount| mount.get("mountPath")?.as_str())
        .any(|path| {
            said.text()
                .contains(&format!("{}/{}", path.trim_end_matches('/'), entry.key))
        })
}

/// An address that the last rollout brought and that no Service has, while the pods that have it complain of it.
fn address(context: &Context<'_>, workload: &Object, words: &[Said<'_>]) -> Option<Signal> {
    let view = context.view;
    let call = context.calls.iter().find(|call| {
        &call.from == workload.reference()
            && call.exists == Some(false)
            && words.iter().any(|said| said.text().contains(&call.host))
    })?;
    let line = words.iter().find(|said| said.text().contains(&call.host))?;
    let (change, before) = changed(context, workload, call);
    let meant = before.as_ref().is_some_and(|before| {
        context
            .view
            .of_kind("Service")
            .any(|service| before.contains(service.name()))
    });
    let certainty = match (change.is_some(), meant) {
        (true, true) => 0.93,
        (true, false) => 0.75,
        _ => 0.5,
    };
    let was = before.as_ref().map_or_else(String::new, |before| {
        format!(", before the last rollout it was {before}")
    });
    let message = format!(
        "{} calls {}, but {} does not exist ({} is wrong{was}): {}",
        workload.reference(),
        call.host,
        call.service,
        call.field,
        line.line.text.truncated(200)
    );
    let source = view.get_ref(&call.source);
    let mut built = signal("given", &call.source, &message)
        .mechanism(ADDRESS, certainty)
        .severity(Severity::Critical)
        .onset(line.line.at.min(line.pod.created().or(line.line.at)))
        .affects(words.iter().map(|said| said.pod.reference().clone()))
        .affects([workload.reference().clone()])
        .params(&call.field, &call.host, before.as_deref())
        .lookup(view, &call.service)
        .fact(Some(line.fact(&call.host)));
    if let Some(source) = source {
        built = built.facts(source, [call.field.as_str()]);
    }
    Some(built.build())
}

/// The change of the field in the last rollout and its value before.
fn changed(context: &Context<'_>, workload: &Object, call: &Call) -> (Option<String>, Option<String>) {
    let diff = changes::revisions(context.view, workload)
        .map(|revisions| revisions.diff())
        .unwrap_or_default()
        .into_iter()
        .find(|diff| {
            diff.after
                .as_ref()
                .is_some_and(|after| after.as_str().contains(&call.host))
        });
    match diff {
        Some(diff) => (
            Some(diff.field),
            diff.before.map(|before| before.as_str().to_owned()),
        ),
        None => (None, None),
    }
}
