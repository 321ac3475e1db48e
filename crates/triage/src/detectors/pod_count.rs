//! Pods that wait because the nodes which may take them already run as many pods as their kubelets admit: the
//! scheduler's count of such nodes against the nodes that the pod's own rules leave.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use regex::Regex;

use super::finding::{event_fact, signal};
use super::{Context, Detector};
use crate::placement::Admission;
use crate::wording::{Place, Words, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "pod-count",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/node-pod-capacity";
const MOST: &str = "status.allocatable.pods";

/// `pkg/scheduler/framework/plugins/noderesources/fit.go`, counted by `framework/types.go`, `FitError.Error`.
static COUNTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?P<nodes>\d+) Too many pods").ok());

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    if !view.has_list("Node", "") {
        return Vec::new();
    }
    let mut seen: BTreeSet<ObjectRef> = BTreeSet::new();
    view.of_kind("Pod")
        .filter(|pod| pod.str("status.conditions[PodScheduled].reason") == "Unschedulable")
        .filter(|pod| {
            means(
                Words {
                    place: Place::Condition,
                    reason: "Unschedulable",
                    message: pod.str("status.conditions[PodScheduled].message"),
                },
                ID,
            )
        })
        .filter(|pod| seen.insert(view.workload_of(pod)))
        .filter_map(|pod| explain(view, pod))
        .collect()
}

/// The nodes that the pod's rules leave, and that are open to it.
fn open<'a>(view: &'a ClusterView, pod: &Object) -> Vec<&'a Object> {
    let admission = Admission::of(view, pod);
    let closed: BTreeSet<&str> = admission
        .cordoned
        .iter()
        .copied()
        .chain(admission.tainted.iter().map(|(node, _)| *node))
        .map(Object::name)
        .collect();
    admission
        .matching
        .into_iter()
        .filter(|node| !closed.contains(node.name()))
        .collect()
}

fn explain(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let said = pod.str("status.conditions[PodScheduled].message");
    let counted: usize = COUNTED
        .as_ref()?
        .captures(said)?
        .name("nodes")?
        .as_str()
        .parse()
        .ok()?;
    let nodes = open(view, pod);
    let fullest = nodes
        .iter()
        .min_by_key(|node| node.str(MOST).parse::<u32>().unwrap_or(u32::MAX))?;
    let workload = view.workload_of(pod);
    // Only where one node is left, and the scheduler found that one full, is it clear which node is meant.
    let certainty = match (nodes.len(), counted) {
        (1, 1) => 0.93,
        (left, counted) if left == counted => 0.7,
        _ => 0.5,
    };
    let most = fullest.str(MOST);
    let others = match nodes.len() {
        1 => String::new(),
        count => format!(", like the other {} that would fit", count - 1),
    };
    let message = format!(
        "{workload} fits on no node: {} already runs the {most} pods that its kubelet takes{others}",
        fullest.reference()
    );
    let mut built = signal("pod-count", fullest.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(
            pod.time("status.conditions[PodScheduled].lastTransitionTime")
                .or(pod.created()),
        )
        .affects([pod.reference().clone(), workload])
        .params(MOST, most, None)
        .facts(
            pod,
            ["status.conditions[PodScheduled].message", "spec.nodeSelector"],
        )
        .facts(fullest, [MOST]);
    let events = view.events_of(pod.reference());
    if let Some(event) = events
        .iter()
        .rev()
        .find(|event| event.str("reason") == "FailedScheduling")
    {
        built = built.fact(Some(event_fact(event)));
    }
    Some(built.build())
}
