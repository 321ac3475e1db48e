//! Tables of a node's kernel that are full: connection tracking by its own figures, and what the kubelet, agents of the
//! node and the kernel's log say of it.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;

use super::finding::{event_fact, signal};
use super::{Context, Detector};
use crate::reading::neighbours::machine;
use crate::wording::{Place, Words, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "kernel",
    mechanisms: &[ID],
    run,
};

const ID: &str = "resource-exhaustion/kernel-table-exhausted";
/// Name of the question for the used share of each node's table.
const USED: &str = "node-conntrack-used";
/// From this share on the kernel drops new connections now and then; entries come and go between two scrapes.
const FULL: f64 = 0.985;
/// An Event longer ago than this is over.
const RECENT: SignedDuration = SignedDuration::from_mins(30);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("Node")
        .filter_map(|node| explain(view, node))
        .collect()
}

/// What was said lately of a node's tables.
fn said<'a>(view: &'a ClusterView, node: &'a Object) -> Option<&'a Object> {
    view.events_of(node.reference()).into_iter().rev().find(|event| {
        let words = Words {
            place: Place::Event,
            reason: event.str("reason"),
            message: event.str("message"),
        };
        // node-problem-detector's `config/network-problem-monitor.json`.
        let is_about = means(words, ID) || words.reason == "ConntrackFull";
        let is_recent =
            cluster::view::event_time(event).is_some_and(|at| view.now.duration_since(at) < RECENT);
        is_about && is_recent && event.str("type") != "Normal"
    })
}

fn explain(view: &ClusterView, node: &Object) -> Option<Signal> {
    let event = said(view, node);
    let series = machine(view, USED, node);
    let used = series.and_then(cluster::Series::last);
    let is_full = used.is_some_and(|share| share >= FULL);
    let is_at_limit = event.is_some_and(|event| event.str("message").contains("table full"));
    let certainty = match (is_full, event.is_some(), used) {
        (true, true, _) => 0.93,
        (true, false, _) => 0.85,
        // The figure contradicts what was said.
        (false, _, Some(_)) => return None,
        (false, true, None) if is_at_limit => 0.85,
        (false, true, None) => 0.6,
        (false, false, None) => return None,
    };
    let since = series.and_then(|series| crate::vitals::since(&series.samples, FULL));
    let onset = since.or_else(|| event.and_then(cluster::view::event_start));
    let share = used.map_or_else(String::new, |used| {
        format!(" ({:.1} % of its entries)", used * 100.0)
    });
    let message = format!(
        "The connection tracking table of {} is full{share}: the kernel drops new connections there",
        node.reference()
    );
    let residents = view
        .of_kind("Pod")
        .filter(|pod| pod.str("spec.nodeName") == node.name() && pod.str("status.phase") == "Running")
        .flat_map(|pod| [pod.reference().clone(), view.workload_of(pod)]);
    let residents: Vec<ObjectRef> = residents.collect();
    let mut built = signal("kernel", node.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(residents)
        .params("net.netfilter.nf_conntrack_count", "at its limit", None)
        .fact(event.map(event_fact));
    if let Some(used) = used {
        built = built.computed(
            node.reference(),
            "metrics[node_nf_conntrack_entries].share",
            &format!("{used:.4}"),
            since,
        );
    }
    Some(built.build())
}
