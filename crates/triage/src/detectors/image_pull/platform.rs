//! Images without a build for the node's platform, as the pull says it.

use std::collections::BTreeSet;

use cluster::{ClusterView, changes};
use domain::{ObjectRef, Signal};

use super::{Stuck, base};

/// The words leave no other reading; which platforms there are makes the message useful.
pub(super) fn foreign(view: &ClusterView, stuck: &Stuck<'_>) -> Signal {
    let Stuck {
        workload,
        image,
        containers,
    } = stuck;
    let nodes: BTreeSet<&str> = containers
        .iter()
        .map(|container| container.pod.str("spec.nodeName"))
        .collect();
    let platforms: BTreeSet<&str> = nodes.iter().map(|node| architecture(view, node)).collect();
    let platforms = platforms.into_iter().collect::<Vec<_>>().join(", ");
    let container = &containers[0];
    let list = if container.init {
        "initContainers"
    } else {
        "containers"
    };
    let field = format!("spec.template.spec.{list}[{}].image", container.name);
    let before = previous(view, workload, &field).filter(|before| before != image);
    let message = format!(
        "{image} of {workload} has no build for the platform of the nodes that it landed on ({platforms})"
    );
    let mut built = base(view, workload, &[stuck], &message)
        .mechanism("image-and-deployment/image-wrong-architecture", 0.93)
        .params(&field, image, before.as_deref());
    for node in nodes {
        if let Some(node) = view.get("Node", "", node) {
            built = built.facts(node, ["status.nodeInfo.architecture"]);
        }
    }
    built.build()
}

/// The CPU architecture of a node, `""` where it was not read.
pub(in crate::detectors) fn architecture<'a>(view: &'a ClusterView, node: &str) -> &'a str {
    view.get("Node", "", node)
        .map_or("", |node| node.str("status.nodeInfo.architecture"))
}

/// The image that the revision before asked for.
pub(in crate::detectors) fn previous(
    view: &ClusterView,
    workload: &ObjectRef,
    field: &str,
) -> Option<String> {
    let revisions = changes::revisions(view, view.get_ref(workload)?)?;
    let previous = revisions.previous?;
    let image = previous.str(&changes::in_revision(previous, field));
    (!image.is_empty()).then(|| image.to_owned())
}
