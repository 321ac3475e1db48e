//! Probes that fail although the application runs: a wrong port, path or scheme.

use cluster::{ClusterView, Object, changes};
use domain::{FieldDiff, ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::{event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "probe",
    mechanisms: &["app-vs-infra/probe-misconfigured"],
    run,
};

/// A kill longer ago than this is over when the container runs.
const KILLED_RECENTLY: jiff::SignedDuration = jiff::SignedDuration::from_mins(20);

const PROBES: &[(&str, &str)] = &[
    ("readinessProbe", "Readiness probe"),
    ("livenessProbe", "Liveness probe"),
    ("startupProbe", "Startup probe"),
];

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = Vec::new();
    for pod in view
        .of_kind("Pod")
        .filter(|pod| !pod.str("spec.nodeName").is_empty())
    {
        for container in containers::of(pod).iter().filter(|container| !container.init) {
            let down = !container.ready() && !containers::is_healthy(pod);
            let killed = container.restarts() >= 2 && was_killed(view, container);
            for (probe, words) in PROBES {
                if !(down || killed && *probe != "readinessProbe") {
                    continue;
                }
                let Some(found) = failing(view, container, probe, words) else {
                    continue;
                };
                match out
                    .iter_mut()
                    .find(|known| known.object == found.object && known.params == found.params)
                {
                    Some(known) => known.affects.extend(found.affects),
                    None => out.push(found),
                }
            }
        }
    }
    out
}

/// Whether the kubelet killed a container of the pod for its probe lately. Its Event may be older than the last kill:
/// `client-go` lets a component write of one object only every five minutes after a burst.
fn was_killed(view: &ClusterView, container: &Container<'_>) -> bool {
    let is_recent =
        |at: Option<jiff::Timestamp>| at.is_some_and(|at| view.now.duration_since(at) < KILLED_RECENTLY);
    let has_ended = is_recent(container.terminated_time("finishedAt"));
    view.events_of(container.pod.reference()).iter().any(|event| {
        event.str("reason") == "Killing"
            && event.str("message").contains("probe, will be restarted")
            && (has_ended || is_recent(cluster::view::event_time(event)))
    })
}

fn failing(view: &ClusterView, container: &Container<'_>, probe: &str, words: &str) -> Option<Signal> {
    let pod = container.pod;
    let spec = container.spec.get(probe)?;
    let events = view.events_of(pod.reference());
    let event = events
        .iter()
        .rev()
        .find(|event| event.str("reason") == "Unhealthy" && event.str("message").starts_with(words))?;
    let running = container.status.pointer("/state/running").is_some();
    if !running && probe == "readinessProbe" {
        return None;
    }
    let workload = view.workload_of(pod);
    let suspects = suspects(event.str("message"));
    let changed = changed_field(view, &workload, container.name, probe, suspects);
    let undeclared = undeclared_port(container, spec).filter(|_| suspects.contains(&"port"));
    let (field, found, expected, certainty) = match (changed, undeclared) {
        (Some(diff), undeclared) => {
            let text = |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string);
            let certainty = if undeclared.is_some() { 0.97 } else { 0.85 };
            (
                diff.field,
                text(&diff.after).unwrap_or_else(|| "unset".to_owned()),
                text(&diff.before),
                certainty,
            )
        }
        (None, Some((handler, port, offered))) => (
            format!(
                "spec.template.spec.containers[{}].{probe}.{handler}.port",
                container.name
            ),
            port,
            offered,
            0.85,
        ),
        (None, None) => return None,
    };
    let was = expected
        .as_ref()
        .map_or_else(String::new, |expected| format!(" (expected {expected})"));
    let message = format!(
        "{workload} [{}]: the {} fails while the process runs; {field} is {found}{was}",
        container.name,
        words.to_lowercase()
    );
    let mut built = signal("probe", &workload, &message)
        .mechanism("app-vs-infra/probe-misconfigured", certainty)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([pod.reference().clone(), workload.clone()])
        .params(&field, &found, expected.as_deref())
        .param("container", container.name)
        .fact(Some(event_fact(event)))
        .facts(
            pod,
            [
                container.status_path("state.running.startedAt"),
                container.status_path("ready"),
                container.spec_path("ports"),
            ]
            .iter()
            .map(String::as_str),
        );
    if let Some(owner) = view.get_ref(&workload) {
        built = built.facts(owner, [field.as_str(), "status.conditions[Progressing].reason"]);
        if let Some(previous) = changes::revisions(view, owner).and_then(|revisions| revisions.previous) {
            built = built.facts(previous, [changes::in_revision(previous, &field).as_str()]);
        }
    }
    Some(built.build())
}

/// Fields of a probe that can be wrong when it fails like this (`pkg/probe`): a refused connection speaks of the
/// port, a status code proves the port right, a timeout may be a timeout that is too short.
fn suspects(message: &str) -> &'static [&'static str] {
    if message.contains("connection refused") {
        &["port", "host"]
    } else if message.contains("statuscode: 404") {
        &["path", "port"]
    } else if message.contains("statuscode: 400")
        || message.contains("malformed HTTP")
        || message.contains("HTTP response to HTTPS")
    {
        &["scheme", "port"]
    } else if message.contains("statuscode:") {
        &[]
    } else if message.contains("deadline exceeded")
        || message.contains("Timeout")
        || message.contains("timed out")
    {
        &["timeoutSeconds", "port", "host"]
    } else {
        &["port", "path", "scheme", "host"]
    }
}

fn is_lower(diff: &FieldDiff) -> bool {
    let number = |value: &Option<domain::Redacted>| {
        value
            .as_ref()
            .and_then(|value| value.as_str().parse::<i64>().ok())
    };
    number(&diff.after) < number(&diff.before)
}

/// The field of the probe that the last rollout changed: port before path before everything else.
fn changed_field(
    view: &ClusterView,
    workload: &ObjectRef,
    container: &str,
    probe: &str,
    suspects: &[&str],
) -> Option<FieldDiff> {
    let owner: &Object = view.get_ref(workload)?;
    let prefix = format!("spec.template.spec.containers[{container}].{probe}.");
    let mut changed: Vec<FieldDiff> = changes::revisions(view, owner)?
        .diff()
        .into_iter()
        .filter(|diff| {
            diff.field.starts_with(&prefix) && suspects.iter().any(|end| diff.field.ends_with(end))
        })
        .filter(|diff| !diff.field.ends_with("timeoutSeconds") || is_lower(diff))
        .collect();
    let rank = |field: &str| {
        ["port", "path", "scheme"]
            .iter()
            .position(|end| field.ends_with(end))
            .unwrap_or(9)
    };
    changed.sort_by_key(|diff| rank(&diff.field));
    changed.into_iter().next()
}

/// A probe port that the container does not declare although it declares others: handler, port, a declared one.
fn undeclared_port(
    container: &Container<'_>,
    probe: &Value,
) -> Option<(&'static str, String, Option<String>)> {
    let declared: Vec<&Value> = container
        .spec
        .get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let handler = ["httpGet", "tcpSocket", "grpc"]
        .into_iter()
        .find(|handler| probe.get(handler).is_some())?;
    let port = probe.get(handler)?.get("port")?;
    let known = declared
        .iter()
        .any(|entry| entry.get("containerPort") == Some(port) || entry.get("name") == Some(port));
    if known || declared.is_empty() {
        return None;
    }
    let offered = declared
        .first()
        .and_then(|entry| entry.get("containerPort"))
        .map(cluster::path::text);
    Some((handler, cluster::path::text(port), offered))
}
