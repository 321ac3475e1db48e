//! Containers that are killed before they are up: each life as long as the liveness probe is patient, and the log still at
//! loading.

use cluster::changes;
use cluster::{ClusterView, LogLine, LogSource, Look};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::{event_fact, signal};
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "startup",
    mechanisms: &[ID],
    run,
};

const ID: &str = "app-vs-infra/startup-slower-than-probe";

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = Vec::new();
    for pod in view.of_kind("Pod").filter(|pod| !containers::is_healthy(pod)) {
        for container in containers::of(pod)
            .iter()
            .filter(|container| !container.init && !container.ready())
        {
            let Some(found) = killed_at_start(view, container) else {
                continue;
            };
            match out.iter_mut().find(|known| known.object == found.object) {
                Some(known) => known.affects.extend(found.affects),
                None => out.push(found),
            }
        }
    }
    out
}

fn killed_at_start(view: &ClusterView, container: &Container<'_>) -> Option<Signal> {
    let pod = container.pod;
    let (probe, patience_s) = patience(container.spec)?;
    let (path, terminated) = container.terminated()?;
    let start = container.terminated_time("startedAt")?;
    let end = container.terminated_time("finishedAt")?;
    let lived_s = end.duration_since(start).as_secs();
    let code = terminated.get("exitCode")?.as_i64()?;
    let events = view.events_of(pod.reference());
    let killed = events.iter().rev().find(|event| {
        event.str("reason") == "Killing" && event.str("message").contains("probe, will be restarted")
    })?;
    let refused = events.iter().rev().find(|event| {
        event.str("reason") == "Unhealthy"
            && !event.str("message").starts_with("Readiness")
            && wording::means(words(Place::Event, "Unhealthy", event.str("message")), ID)
    })?;
    let fits = (patience_s - 20..=patience_s + 45).contains(&lived_s);
    let loading = loading(view, container);
    let workload = view.workload_of(pod);
    let own = changed_probe(view, &workload, container.name);
    let certainty = match &loading {
        Some(_) if fits && matches!(code, 0 | 137 | 143) && !own && container.restarts() >= 2 => 0.87,
        _ if fits && !own => 0.5,
        _ => return None,
    };
    let said = loading.map_or_else(String::new, |line| {
        format!("; at its end it said: {}", line.text.truncated(160))
    });
    let message = format!(
        "{workload} [{}] is killed {lived_s} s after each start, when the {probe} gives up (after {patience_s} s), and is not up by \
         then{said}",
        container.name
    );
    let field = format!("spec.template.spec.containers[{}].startupProbe", container.name);
    let lived = format!("{lived_s}s");
    let mut built = signal("startup", &workload, &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([pod.reference().clone(), workload.clone()])
        .params(&field, "unset", None)
        .param("container", container.name)
        .fact(Some(event_fact(killed)))
        .fact(Some(event_fact(refused)))
        .computed(
            pod.reference(),
            &format!("lives[{}].seconds", container.name),
            &lived,
            Some(end),
        )
        .facts(
            pod,
            [
                container.status_path(&format!("{path}.exitCode")),
                container.status_path(&format!("{path}.startedAt")),
                container.status_path(&format!("{path}.finishedAt")),
                container.status_path("restartCount"),
                container.spec_path(probe),
            ]
            .iter()
            .map(String::as_str),
        );
    if let Some(line) = loading {
        built = built.computed(
            pod.reference(),
            &format!("log[{}].previous.line", container.name),
            line.text.truncated(300).as_str(),
            line.at,
        );
    }
    Some(built.build())
}

fn words<'a>(place: Place, reason: &'a str, message: &'a str) -> Words<'a> {
    Words {
        place,
        reason,
        message,
    }
}

/// The probe that kills, and the seconds from a start until it does when it fails from the beginning. API defaults: period
/// 10, threshold 3.
fn patience(spec: &Value) -> Option<(&'static str, i64)> {
    let name = ["startupProbe", "livenessProbe"]
        .into_iter()
        .find(|name| spec.get(name).is_some())?;
    let probe = spec.get(name)?;
    let field = |field: &str, default: i64| probe.get(field).and_then(Value::as_i64).unwrap_or(default);
    let seconds = field("initialDelaySeconds", 0)
        + field("periodSeconds", 10) * (field("failureThreshold", 3) - 1).max(0);
    Some((name, seconds))
}

/// The last line of the killed instance that speaks of loading, when nothing after it says that it is up.
fn loading<'a>(view: &'a ClusterView, container: &Container<'_>) -> Option<&'a LogLine> {
    let source = LogSource {
        namespace: container.pod.namespace().to_owned(),
        pod: container.pod.name().to_owned(),
        container: container.name.to_owned(),
        previous: true,
    };
    let Some(Look::Found(lines)) = view.logs.get(&source) else {
        return None;
    };
    let mut last = None;
    for line in lines {
        let found = wording::classify(words(Place::Log, "", line.text.as_str()));
        if found.contains(&ID) {
            last = Some(line);
        } else if found.contains(&"app-vs-infra/app-crash") || is_up(line.text.as_str()) {
            return None;
        }
    }
    last
}

/// Servers say that they listen or started, or serve requests, once they are up.
fn is_up(text: &str) -> bool {
    let text = text.to_lowercase();
    [
        "listening",
        "tomcat started",
        "started serviceapplication",
        "ready to accept",
        "\"get /",
        "accepting connections",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Whether the last rollout changed the probe itself: then the probe is in question, not the start.
fn changed_probe(view: &ClusterView, workload: &ObjectRef, container: &str) -> bool {
    let prefix = format!("spec.template.spec.containers[{container}].");
    view.get_ref(workload)
        .and_then(|owner| changes::revisions(view, owner))
        .is_some_and(|revisions| {
            revisions.diff().iter().any(|diff| {
                diff.field
                    .strip_prefix(&prefix)
                    .is_some_and(|rest| rest.starts_with("livenessProbe") || rest.starts_with("startupProbe"))
            })
        })
}
