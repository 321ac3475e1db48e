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
    let nodes: Vec<_> = context
        .view
        .of_kind("Node")
        .filter(|node| !matches!(node.str("status.conditions[Ready].status"), "True" | ""))
        .collect();
    let alone = nodes.len() == 1;
    let pressed = context.view.of_kind("Node").filter_map(pressed);
    nodes
        .into_iter()
        .map(|node| {
            let message = format!(
                "{} is not ready: {}",
                node.reference(),
                node.str("status.conditions[Ready].message")
            );
            let onset = node.time("status.conditions[Ready].lastTransitionTime");
            let noticed = context.noticed.unwrap_or(context.view.now);
            let recent =
                onset.is_some_and(|at| noticed.duration_since(at) < jiff::SignedDuration::from_hours(24));
            let suffering: Vec<_> = context
                .view
                .of_kind("Pod")
                .filter(|pod| pod.str("spec.nodeName") == node.name() && !crate::containers::is_healthy(pod))
                .map(|pod| context.view.workload_of(pod))
                .collect();
            // Of several that fell, one may have brought down the others.
            let certainty = match (recent && !suffering.is_empty(), alone) {
                (true, true) => 0.85,
                (true, false) => 0.6,
                _ => 0.5,
            };
            signal("node", node.reference(), &message)
                .mechanism("app-vs-infra/node-not-ready", certainty)
                .severity(domain::Severity::Critical)
                .onset(onset)
                .affects(suffering)
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
        .chain(pressed)
        .collect()
}

/// A node under pressure: a symptom, whose source is for a closer look.
fn pressed(node: &cluster::Object) -> Option<Signal> {
    let conditions = [
        "MemoryPressure",
        "DiskPressure",
        "PIDPressure",
        "NetworkUnavailable",
    ];
    let condition = conditions
        .into_iter()
        .find(|name| node.str(&format!("status.conditions[{name}].status")) == "True")?;
    let field = |end: &str| format!("status.conditions[{condition}].{end}");
    let message = format!(
        "{} reports {condition}: {}",
        node.reference(),
        node.str(&field("message"))
    );
    Some(
        signal("node", node.reference(), &message)
            .onset(node.time(&field("lastTransitionTime")))
            .facts(
                node,
                [
                    field("status").as_str(),
                    field("reason").as_str(),
                    field("message").as_str(),
                ],
            )
            .build(),
    )
}
