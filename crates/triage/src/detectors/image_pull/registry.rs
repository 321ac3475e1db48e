//! A registry that refuses further pulls for now.

use std::collections::BTreeSet;

use cluster::ClusterView;
use domain::{ObjectRef, Signal};

use super::{Stuck, base, host_of};

/// One signal per registry. The words leave no other reading; several nodes or workloads make it surer.
pub(super) fn limited(view: &ClusterView, stuck: &[Stuck<'_>]) -> Vec<Signal> {
    let hosts: BTreeSet<&str> = stuck.iter().map(|stuck| host_of(stuck.image)).collect();
    hosts
        .into_iter()
        .map(|host| {
            let own: Vec<&Stuck<'_>> = stuck
                .iter()
                .filter(|stuck| host_of(stuck.image) == host)
                .collect();
            let pods = own.iter().map(|stuck| stuck.containers.len()).sum::<usize>();
            let nodes: BTreeSet<&str> = own
                .iter()
                .flat_map(|stuck| &stuck.containers)
                .map(|container| container.pod.str("spec.nodeName"))
                .collect();
            let message = format!(
                "the registry {host} answers 429 to the pulls of {pods} containers on {} nodes: it limits pulls for now",
                nodes.len()
            );
            let certainty = if nodes.len() > 1 || own.len() > 1 {
                0.92
            } else {
                0.85
            };
            base(view, &ObjectRef::of("External", "", host), &own, &message)
                .mechanism("image-and-deployment/registry-rate-limited", certainty)
                .params("image registry", "429 Too Many Requests", None)
                .build()
        })
        .collect()
}
