//! Containers that exit again and again, whatever the reason; the reason is for the more specific detectors.

use cluster::{ClusterView, LogSource, Look};
use domain::{Severity, Signal};
use jiff::SignedDuration;

use super::{Context, Detector};
use crate::containers::{self, Container};
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "crash",
    mechanisms: &["app-vs-infra/app-crash"],
    run,
};

/// A restart longer ago than this is history.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// After this many restarts, a run this short proves no recovery.
const REPEATED: i64 = 3;
const FRESH: SignedDuration = SignedDuration::from_mins(10);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("Pod")
        .flat_map(|pod| {
            containers::of(pod)
                .into_iter()
                .filter_map(|container| crashing(view, &container))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn crashing(view: &ClusterView, container: &Container<'_>) -> Option<Signal> {
    let (path, terminated) = container.terminated()?;
    let code = terminated.get("exitCode")?.as_i64()?;
    let reason = terminated
        .get("reason")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let ended = container.terminated_time("finishedAt");
    let looping = container.waiting() == "CrashLoopBackOff";
    let within = |span: SignedDuration| ended.is_some_and(|ended| view.now.duration_since(ended) < span);
    let recent = within(RECENT);
    let again = container.restarts() >= REPEATED && within(FRESH);
    let is_job = matches!(view.workload_of(container.pod).kind.as_str(), "Job" | "CronJob");
    if code == 0 || reason == "OOMKilled" || is_job || !(looping || recent) {
        return None;
    }
    let workload = view.workload_of(container.pod);
    let source = LogSource {
        namespace: container.pod.namespace().to_owned(),
        pod: container.pod.name().to_owned(),
        container: container.name.to_owned(),
        previous: true,
    };
    let last_words = match view.logs.get(&source) {
        Some(Look::Found(lines)) => lines
            .iter()
            .rev()
            .find(|line| !line.text.as_str().trim().is_empty()),
        _ => None,
    };
    let said = last_words.map_or_else(String::new, |line| {
        format!("; last words: {}", line.text.truncated(200))
    });
    let message = format!(
        "{} [{}] exited with code {code} ({} restarts){said}",
        container.pod.reference(),
        container.name,
        container.restarts()
    );
    let paths = [
        container.status_path(&format!("{path}.exitCode")),
        container.status_path("restartCount"),
        container.status_path("state.waiting.reason"),
    ];
    let mut built = signal("crash", &workload, &message)
        .mechanism("app-vs-infra/app-crash", 0.45)
        .severity(if looping {
            Severity::Critical
        } else {
            Severity::Warning
        })
        .onset(ended)
        .ongoing(looping || again || !container.ready())
        .affects([container.pod.reference().clone(), workload.clone()])
        .facts(container.pod, paths.iter().map(String::as_str));
    if let Some(line) = last_words {
        built = built.computed(
            container.pod.reference(),
            &format!("log[{}].previous.last", container.name),
            line.text.truncated(300).as_str(),
            line.at,
        );
    }
    Some(built.build())
}
