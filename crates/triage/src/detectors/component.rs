//! Components of Kubernetes that do not run: kube-proxy on a node, so that Services are stale there.

use cluster::{ClusterView, LogSource, Look, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;
use regex::Regex;
use std::sync::LazyLock;

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "component",
    mechanisms: &[ID],
    run,
};

const ID: &str = "app-vs-infra/kube-component-down";
/// Errors older than this are over.
const RECENT: SignedDuration = SignedDuration::from_mins(15);

/// What clients say of a connection that gets no answer or none any more.
static UNANSWERED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)i/o timeout|connection refused|ECONNREFUSED|ETIMEDOUT|(?:connect|connection)(?: attempt)? timed out|no route to host").ok()
});

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("DaemonSet")
        .filter(|set| is_proxy(set))
        .flat_map(|set| {
            view.pods_of(set.reference())
                .filter(|pod| !containers::is_healthy(pod))
                .filter_map(|pod| stale_node(view, set, pod))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// kube-proxy by its image, whatever a distribution calls its DaemonSet.
fn is_proxy(set: &Object) -> bool {
    set.list("spec.template.spec.containers").iter().any(|container| {
        let image = container
            .get("image")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        image
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("kube-proxy"))
    })
}

fn stale_node(view: &ClusterView, set: &Object, proxy: &Object) -> Option<Signal> {
    let node = proxy.str("spec.nodeName");
    let machine_is_up = view
        .get("Node", "", node)
        .is_none_or(|machine| machine.str("status.conditions[Ready].status") == "True");
    if node.is_empty() || !machine_is_up {
        return None;
    }
    let failing = clients(view, node);
    let certainty = if failing.is_empty() { 0.5 } else { 0.88 };
    let onset = containers::of(proxy)
        .iter()
        .find_map(|container| container.terminated_time("finishedAt"));
    let who = failing.first().map_or_else(String::new, |(pod, line)| {
        format!(
            "; {pod} on it gets no answer, its siblings on other nodes do: {}",
            line.text.truncated(140)
        )
    });
    let message = format!(
        "{} does not run on node {node}, so changes of Services do not reach it{who}",
        set.reference()
    );
    let workloads = failing
        .iter()
        .filter_map(|(pod, _)| view.get_ref(pod))
        .map(|pod| view.workload_of(pod));
    let mut built = signal("component", set.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(failing.iter().map(|(pod, _)| pod.clone()))
        .affects(workloads)
        .affects([proxy.reference().clone(), ObjectRef::of("Node", "", node)])
        .param("node", node)
        .facts(set, ["status.desiredNumberScheduled", "status.numberReady"])
        .facts(proxy, ["status.conditions[Ready].status", "spec.nodeName"]);
    for container in containers::of(proxy) {
        let paths = [
            container.status_path("restartCount"),
            container.status_path("state.waiting.reason"),
            container.status_path("lastState.terminated.exitCode"),
        ];
        built = built.facts(proxy, paths.iter().map(String::as_str));
    }
    for (pod, line) in failing.iter().take(3) {
        built = built.computed(pod, "log.line", line.text.truncated(300).as_str(), line.at);
    }
    Some(built.build())
}

/// Pods on the node whose calls get no answer while those of the same workload elsewhere do.
fn clients<'a>(view: &'a ClusterView, node: &str) -> Vec<(ObjectRef, &'a cluster::LogLine)> {
    let mut out = Vec::new();
    for (source, line) in view
        .logs
        .iter()
        .filter_map(|(source, log)| Some((source, unanswered(view, source, log)?)))
    {
        let reference = ObjectRef::of("Pod", &source.namespace, &source.pod);
        let Some(pod) = view
            .get_ref(&reference)
            .filter(|pod| pod.str("spec.nodeName") == node)
        else {
            continue;
        };
        let workload = view.workload_of(pod);
        let siblings: Vec<&LogSource> = view
            .logs
            .keys()
            .filter(|other| {
                view.get("Pod", &other.namespace, &other.pod)
                    .is_some_and(|sibling| {
                        sibling.str("spec.nodeName") != node && view.workload_of(sibling) == workload
                    })
            })
            .collect();
        let spared = siblings.iter().all(|other| {
            view.logs
                .get(*other)
                .is_some_and(|log| unanswered(view, other, log).is_none())
        });
        if !siblings.is_empty() && spared {
            out.push((reference, line));
        }
    }
    out
}

fn unanswered<'a>(
    view: &ClusterView,
    source: &LogSource,
    log: &'a Look<Vec<cluster::LogLine>>,
) -> Option<&'a cluster::LogLine> {
    let (Look::Found(lines), false) = (log, source.previous) else {
        return None;
    };
    let pattern = UNANSWERED.as_ref()?;
    let recent: Vec<&cluster::LogLine> = lines
        .iter()
        .filter(|line| line.at.is_some_and(|at| view.now.duration_since(at) < RECENT))
        .filter(|line| pattern.is_match(line.text.as_str()))
        .collect();
    recent.last().copied().filter(|_| recent.len() >= 3)
}
