//! Variables that a container misses, and why they do not arrive: by the API's rules for `env` and `envFrom`.

use cluster::{ClusterView, Object, changes};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::last_words;
use crate::detectors::Context;
use crate::detectors::finding::signal;
use crate::wording;

pub(super) const ENV: &str = "config-and-secrets/env-injection-failed";

/// Why a variable does not arrive with a value.
struct Reason {
    field: String,
    words: String,
    certainty: f64,
    source: Option<ObjectRef>,
}

pub(super) fn absent(context: &Context<'_>, workload: &Object, ended: &[&Object]) -> Option<Signal> {
    let view = context.view;
    let (said, name) = last_words(view, ended).into_iter().find_map(|said| {
        let hit = wording::captures(said.words(), ENV)?;
        let name = ["name", "ruby", "envconfig", "placeholder", "shell"]
            .into_iter()
            .find_map(|group| hit.name(group))?;
        is_variable(name.as_str()).then(|| (said, name.as_str().to_owned()))
    })?;
    let reason = why(view, workload, said.container.name, said.container.spec, &name)?;
    let message = format!(
        "{} [{}] misses variable {name}: {}",
        workload.reference(),
        said.container.name,
        reason.words
    );
    let field = format!("spec.template.{}", reason.field);
    let mut built = signal("given", workload.reference(), &message)
        .mechanism(ENV, reason.certainty)
        .severity(Severity::Critical)
        .onset(ended.iter().filter_map(|pod| pod.created()).min())
        .affects(ended.iter().map(|pod| pod.reference().clone()))
        .params(&field, &reason.words, None)
        .param("variable", &name)
        .fact(Some(said.fact(&name)))
        .facts(
            workload,
            [
                field.as_str(),
                format!("spec.template.spec.containers[{}].envFrom", said.container.name).as_str(),
                format!(
                    "spec.template.spec.containers[{}].env[{name}]",
                    said.container.name
                )
                .as_str(),
            ],
        );
    if let Some(source) = &reason.source {
        built = built.lookup(view, source);
    }
    Some(built.build())
}

fn is_variable(name: &str) -> bool {
    name.len() > 2
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// By the API: of several entries of `env` the last wins, and `env` wins over `envFrom`.
fn why(view: &ClusterView, workload: &Object, container: &str, spec: &Value, name: &str) -> Option<Reason> {
    let base = format!("spec.containers[{container}]");
    let items = |field: &str| spec.get(field).and_then(Value::as_array).into_iter().flatten();
    let entries: Vec<&Value> = items("env")
        .filter(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
        .collect();
    if let Some(last) = entries.last() {
        return entry_is_empty(view, workload, last, &base, name, entries.len());
    }
    for source in items("envFrom") {
        let (Some(object), prefix) = (from_ref(workload, source), prefix(source)) else {
            continue;
        };
        let Some(held) = view.get_ref(&object) else {
            if source_is_optional(source) && view.existence(&object) == domain::Existence::Absent {
                return Some(Reason {
                    field: format!("{base}.envFrom"),
                    words: format!("{object}, which it is to come from, does not exist and is optional"),
                    certainty: 0.75,
                    source: Some(object),
                });
            }
            continue;
        };
        let has = |key: &str| holds(view, held, key);
        if prefix.is_empty() && has(name) == Some(true) {
            return None;
        }
        if !prefix.is_empty()
            && name
                .strip_prefix(prefix)
                .is_some_and(|key| has(key) == Some(true))
        {
            return None;
        }
        if !prefix.is_empty() && has(name) == Some(true) {
            return Some(Reason {
                field: format!("{base}.envFrom"),
                words: format!("{object} has it, but the prefix {prefix} makes it arrive as {prefix}{name}"),
                certainty: 0.96,
                source: Some(object),
            });
        }
    }
    removed(view, workload, &base, name)
}

/// An entry of `env` that yields nothing: an empty value that shadows, or an optional reference to what is not there.
fn entry_is_empty(
    view: &ClusterView,
    workload: &Object,
    entry: &Value,
    base: &str,
    name: &str,
    count: usize,
) -> Option<Reason> {
    let field = format!("{base}.env[{name}]");
    if let Some(value) = entry.get("value").and_then(Value::as_str) {
        let again = if count > 1 {
            "the last of several entries"
        } else {
            "its entry in env"
        };
        return value.trim().is_empty().then(|| Reason {
            field: format!("{field}.value"),
            words: format!("{again} sets it to nothing, and entries of env win over envFrom"),
            certainty: 0.93,
            source: None,
        });
    }
    for (kind, pointer) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
        let Some(reference) = entry.pointer(&format!("/valueFrom/{pointer}")) else {
            continue;
        };
        let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
        let object = ObjectRef::of(kind, workload.namespace(), text("name"));
        let key = text("key");
        let missing = match view.get_ref(&object) {
            Some(held) => holds(view, held, key) == Some(false),
            None => view.existence(&object) == domain::Existence::Absent,
        };
        let optional = reference.get("optional") == Some(&Value::Bool(true));
        if missing && optional {
            return Some(Reason {
                field: format!("{field}.valueFrom.{pointer}.key"),
                words: format!(
                    "it is to come from key {key} of {object}, which has no such key, and is optional"
                ),
                certainty: 0.95,
                source: Some(object),
            });
        }
        let empty = view
            .secret_facts(&object)
            .and_then(|facts| facts.key(key))
            .is_some_and(|key| key.is_empty);
        if empty {
            return Some(Reason {
                field: format!("{field}.valueFrom.{pointer}.key"),
                words: format!("key {key} of {object} is empty"),
                certainty: 0.85,
                source: Some(object),
            });
        }
    }
    None
}

/// A variable that the last rollout took away.
fn removed(view: &ClusterView, workload: &Object, base: &str, name: &str) -> Option<Reason> {
    let part = format!("env[{name}]");
    let gone = changes::revisions(view, workload)?
        .diff()
        .into_iter()
        .find(|diff| diff.after.is_none() && diff.field.contains(&part))?;
    Some(Reason {
        field: format!("{base}.{part}"),
        words: format!("the last rollout removed {}", gone.field),
        certainty: 0.9,
        source: None,
    })
}

fn prefix(source: &Value) -> &str {
    source.get("prefix").and_then(Value::as_str).unwrap_or_default()
}

fn from_ref(workload: &Object, source: &Value) -> Option<ObjectRef> {
    [("ConfigMap", "/configMapRef/name"), ("Secret", "/secretRef/name")]
        .into_iter()
        .find_map(|(kind, pointer)| {
            let name = source.pointer(pointer)?.as_str()?;
            Some(ObjectRef::of(kind, workload.namespace(), name))
        })
}

fn source_is_optional(source: &Value) -> bool {
    ["/configMapRef/optional", "/secretRef/optional"]
        .iter()
        .any(|pointer| source.pointer(pointer) == Some(&Value::Bool(true)))
}

/// Whether an object has a key; `None` for a Secret that was not looked into.
fn holds(view: &ClusterView, held: &Object, key: &str) -> Option<bool> {
    if held.kind() == "ConfigMap" {
        return Some(held.pairs("data").any(|(found, _)| found == key));
    }
    let facts = view.secret_facts(held.reference())?;
    Some(facts.key(key).is_some())
}
