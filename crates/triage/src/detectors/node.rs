//! Nodes that are not ready.

use domain::Signal;

use super::{Context, Detector};
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "node",
    mechanisms: &["app-vs-infra/node-not-ready"],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let nodes = context
        .view
        .of_kind("Node")
        .filter(|node| !matches!(node.str("status.conditions[Ready].status"), "True" | ""));
    nodes
        .map(|node| {
            let message = format!(
                "{} is not ready: {}",
                node.reference(),
                node.str("status.conditions[Ready].message")
            );
            let pods = context
                .view
                .of_kind("Pod")
                .filter(|pod| pod.str("spec.nodeName") == node.name());
            signal("node", node.reference(), &message)
                .mechanism("app-vs-infra/node-not-ready", 0.8)
                .severity(domain::Severity::Critical)
                .onset(node.time("status.conditions[Ready].lastTransitionTime"))
                .affects(pods.map(|pod| context.view.workload_of(pod)))
                .facts(
                    node,
                    [
                        "status.conditions[Ready].status",
                        "status.conditions[Ready].reason",
                        "status.conditions[Ready].message",
                    ],
                )
                .build()
        })
        .collect()
}
