//! Images that one node cannot get while others can: no way to the registry, or a damaged copy.

use std::collections::BTreeSet;

use cluster::{ClusterView, Object, view::event_time};
use domain::{ObjectRef, Signal};
use jiff::{SignedDuration, Timestamp};

use super::{Stuck, base, host_of, image_of};
use crate::containers;
use crate::detectors::finding::event_fact;

/// The registry does not answer. Where other nodes pulled from it meanwhile, it is the node that cannot reach it.
pub(super) fn unreachable(view: &ClusterView, stuck: &[Stuck<'_>]) -> Vec<Signal> {
    let hosts: BTreeSet<&str> = stuck.iter().map(|stuck| host_of(stuck.image)).collect();
    hosts
        .into_iter()
        .map(|host| {
            let own: Vec<&Stuck<'_>> = stuck
                .iter()
                .filter(|stuck| host_of(stuck.image) == host)
                .collect();
            silent(view, host, &own)
        })
        .collect()
}

fn silent(view: &ClusterView, host: &str, stuck: &[&Stuck<'_>]) -> Signal {
    let nodes = nodes_of(stuck);
    let since = since(stuck);
    let served: Vec<&Object> = pulls(view)
        .filter(|(image, node, at)| {
            host_of(image) == host && !nodes.contains(node) && since.is_none_or(|since| *at >= since)
        })
        .filter_map(|(image, node, _)| pull_event(view, image, node))
        .collect();
    let only = nodes.first().filter(|_| nodes.len() == 1);
    let images: BTreeSet<&str> = stuck.iter().map(|stuck| stuck.image).collect();
    let (object, certainty, message) = match (only, served.is_empty()) {
        (Some(node), false) => (
            ObjectRef::of("Node", "", node),
            0.92,
            format!(
                "Node {node} cannot reach the registry {host}: {} images fail there, while other nodes pulled from it \
                 since",
                images.len()
            ),
        ),
        (Some(node), true) => (
            ObjectRef::of("Node", "", node),
            0.6,
            format!("Node {node} cannot reach the registry {host}; whether other nodes can was not seen"),
        ),
        _ => (
            ObjectRef::of("External", "", host),
            0.6,
            format!("{} nodes cannot reach the registry {host}", nodes.len()),
        ),
    };
    let mut built = base(view, &object, stuck, &message)
        .mechanism("image-and-deployment/registry-unreachable", certainty)
        .params("image registry", "unreachable", Some(host));
    for event in served.into_iter().take(2) {
        built = built.fact(Some(event_fact(event)));
    }
    built.build()
}

/// An image does not unpack. Where the same image runs on other nodes, it is the node's copy that is damaged.
pub(super) fn corrupt(view: &ClusterView, stuck: &[Stuck<'_>]) -> Vec<Signal> {
    stuck.iter().map(|one| damaged(view, one)).collect()
}

fn damaged(view: &ClusterView, stuck: &Stuck<'_>) -> Signal {
    let nodes = nodes_of(&[stuck]);
    let runs = view.of_kind("Pod").find(|pod| {
        !nodes.contains(pod.str("spec.nodeName"))
            && containers::of(pod)
                .iter()
                .any(|container| container.ready() && image_of(container) == stuck.image)
    });
    let image = stuck.image;
    let only = nodes.first().filter(|_| nodes.len() == 1);
    let (object, certainty, message) = match (only, runs) {
        (Some(node), Some(pod)) => (
            ObjectRef::of("Node", "", node),
            0.92,
            format!(
                "{image} does not unpack on Node {node}, while it runs on Node {}: the node's copy is damaged",
                pod.str("spec.nodeName")
            ),
        ),
        (Some(node), None) => (
            ObjectRef::of("Node", "", node),
            0.55,
            format!("{image} does not unpack on Node {node}; whether it does elsewhere was not seen"),
        ),
        _ => (
            stuck.workload.clone(),
            0.5,
            format!("{image} does not unpack on {} nodes", nodes.len()),
        ),
    };
    let mut built = base(view, &object, &[stuck], &message)
        .mechanism("image-and-deployment/image-layer-corrupt", certainty)
        .params("image", image, None);
    if let Some(pod) = runs {
        built = built.facts(pod, ["spec.nodeName", "status.conditions[Ready].status"]);
    }
    built.build()
}

fn nodes_of<'a>(stuck: &[&Stuck<'a>]) -> BTreeSet<&'a str> {
    stuck
        .iter()
        .flat_map(|stuck| &stuck.containers)
        .map(|container| container.pod.str("spec.nodeName"))
        .collect()
}

/// A little before the first of the pods was created: a pull at the same moment is as good as one after it.
fn since(stuck: &[&Stuck<'_>]) -> Option<Timestamp> {
    let created = stuck
        .iter()
        .flat_map(|stuck| &stuck.containers)
        .filter_map(|container| container.pod.created())
        .min()?;
    Some(created - SignedDuration::from_secs(5))
}

/// Image, node and time of the pulls that events tell of.
fn pulls(view: &ClusterView) -> impl Iterator<Item = (&str, &str, Timestamp)> {
    view.of_kind("Event").filter_map(|event| {
        let image = event
            .str("message")
            .strip_prefix("Successfully pulled image \"")?
            .split('"')
            .next()?;
        Some((image, event.str("source.host"), event_time(event)?))
    })
}

fn pull_event<'a>(view: &'a ClusterView, image: &str, node: &str) -> Option<&'a Object> {
    let wanted = format!("Successfully pulled image \"{image}\"");
    view.of_kind("Event")
        .find(|event| event.str("source.host") == node && event.str("message").starts_with(&wanted))
}
