//! Two versions of one workload side by side, of which only the new one answers with errors: pods of the same Deployment
//! by ReplicaSet, by the status codes that they count themselves.

use std::collections::BTreeMap;

use cluster::changes::{self, Revisions};
use cluster::{ClusterView, Object};
use domain::{FieldDiff, ObjectRef, Severity, Signal};

use super::finding::signal;
use super::{Context, Detector};
use crate::vitals;

pub(super) const DETECTOR: Detector = Detector {
    name: "version",
    mechanisms: &[ID],
    run,
};

const ID: &str = "image-and-deployment/bad-release";
/// Share of failing requests that users feel.
const MANY: f64 = 0.1;
/// Share that nobody feels.
const FEW: f64 = 0.01;
/// Requests per second below which a share says nothing.
const ENOUGH: f64 = 0.2;

/// Requests and failures per second of the pods of a version.
#[derive(Default)]
struct Served {
    rate: f64,
    failing: f64,
    pods: Vec<ObjectRef>,
}

impl Served {
    fn share(&self) -> f64 {
        if self.rate > 0.0 {
            self.failing / self.rate
        } else {
            0.0
        }
    }
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    if view.series("served_rate").is_empty() {
        return Vec::new();
    }
    view.of_kind("Deployment")
        .filter_map(|workload| explain(view, workload))
        .collect()
}

/// What pods served lately, by the ReplicaSet that made them.
fn by_set(view: &ClusterView, workload: &Object) -> BTreeMap<String, Served> {
    let value = |question: &str, pod: &Object| {
        view.series(question)
            .iter()
            .find(|series| series.label("namespace") == pod.namespace() && series.label("pod") == pod.name())
            .and_then(|series| vitals::recent(&series.samples, view.now))
    };
    let mut out: BTreeMap<String, Served> = BTreeMap::new();
    for pod in view.pods_of(workload.reference()) {
        let (Some(set), Some(rate)) = (pod.controller(), value("served_rate", pod)) else {
            continue;
        };
        let served = out.entry(set.name).or_default();
        served.rate += rate;
        served.failing += value("served_failing", pod).unwrap_or(0.0);
        served.pods.push(pod.reference().clone());
    }
    out
}

/// Fields that a release of a new version changes by itself.
fn is_of_version(diff: &FieldDiff) -> bool {
    let field = diff.field.to_lowercase();
    field.ends_with(".image") || field.contains("version") || field.contains("metadata.annotations")
}

fn explain(view: &ClusterView, workload: &Object) -> Option<Signal> {
    let revisions: Revisions<'_> = changes::revisions(view, workload)?;
    let served = by_set(view, workload);
    let new = served.get(revisions.current.name())?;
    let old = served.get(revisions.previous?.name())?;
    if new.rate < ENOUGH || old.rate < ENOUGH || new.share() < MANY || old.share() > FEW {
        return None;
    }
    let diff = revisions.diff();
    let image = diff.iter().find(|diff| diff.field.ends_with(".image"))?;
    let is_only = diff.iter().all(is_of_version);
    let is_ready = pods(view, &new.pods).all(crate::containers::is_healthy);
    let certainty = match (is_only, is_ready && !may_be_nodes(view, workload, new, old)) {
        (true, true) => 0.85,
        (false, true) => 0.65,
        (_, false) => 0.55,
    };
    let text = |value: &Option<domain::Redacted>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let message = format!(
        "{} answers {:.0} % of the requests to its new version ({}) with errors, and {:.1} % of those to the old one beside it",
        workload.reference(),
        new.share() * 100.0,
        text(&image.after),
        old.share() * 100.0
    );
    let share = |served: &Served| format!("{:.3}", served.share());
    Some(
        signal("version", workload.reference(), &message)
            .mechanism(ID, certainty)
            .severity(Severity::Critical)
            .onset(revisions.current.created())
            .affects(new.pods.iter().cloned())
            .params(&image.field, &text(&image.after), Some(&text(&image.before)))
            .facts(workload, [image.field.as_str(), "spec.paused"])
            .computed(
                revisions.current.reference(),
                "metric[http_server_requests].failing_share",
                &share(new),
                revisions.current.created(),
            )
            .computed(
                revisions.previous?.reference(),
                "metric[http_server_requests].failing_share",
                &share(old),
                None,
            )
            .build(),
    )
}

fn pods<'a>(view: &'a ClusterView, pods: &'a [ObjectRef]) -> impl Iterator<Item = &'a Object> {
    pods.iter().filter_map(|pod| view.get_ref(pod))
}

/// Whether only the new pods run on certain nodes, and others fail there, too: then it may be the nodes.
fn may_be_nodes(view: &ClusterView, workload: &Object, new: &Served, old: &Served) -> bool {
    let nodes = |served: &Served| -> Vec<String> {
        pods(view, &served.pods)
            .map(|pod| pod.str("spec.nodeName").to_owned())
            .collect()
    };
    let (here, there) = (nodes(new), nodes(old));
    here.iter().all(|node| !there.contains(node)) && neighbours_fail(view, workload.reference(), &here)
}

/// Whether pods of others on these nodes answer with errors, too.
fn neighbours_fail(view: &ClusterView, workload: &ObjectRef, nodes: &[String]) -> bool {
    view.series("served_failing")
        .iter()
        .filter(|series| vitals::recent(&series.samples, view.now).is_some_and(|rate| rate > FEW))
        .filter_map(|series| view.get("Pod", series.label("namespace"), series.label("pod")))
        .filter(|pod| &view.workload_of(pod) != workload)
        .any(|pod| nodes.iter().any(|node| node == pod.str("spec.nodeName")))
}
