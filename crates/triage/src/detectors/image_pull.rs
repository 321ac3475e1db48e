//! Images that cannot be pulled or unpacked, told apart by the runtime's words and by what else can or cannot be pulled.

mod failure;
mod node;
mod platform;
mod reference;
mod registry;

use std::collections::BTreeMap;

use cluster::ClusterView;
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use self::failure::{Failure, failure};
pub(super) use self::platform::{architecture, previous};
use super::{Context, Detector, mutation};
use crate::containers::{self, Container};
use crate::detectors::finding::{SignalBuilder, event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "image-pull",
    mechanisms: &[
        "image-and-deployment/image-reference-wrong",
        "image-and-deployment/image-pull-secret-missing",
        "image-and-deployment/registry-unreachable",
        "image-and-deployment/registry-rate-limited",
        "image-and-deployment/image-wrong-architecture",
        "image-and-deployment/image-layer-corrupt",
    ],
    run,
};

/// Waiting reasons of a container whose image is not there (`pkg/kubelet/images/types.go`).
const WAITING: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ImageInspectError",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "CreateContainerError",
];

/// Containers of one workload that cannot get one image for one reason.
struct Stuck<'a> {
    workload: ObjectRef,
    image: &'a str,
    containers: Vec<Container<'a>>,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut found: BTreeMap<(Failure, ObjectRef, &str, &str), Vec<Container<'_>>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        for container in containers::of(pod) {
            // What the template does not ask for, the workload is not to blame for.
            if !WAITING.contains(&container.waiting())
                || mutation::altered(view, &container, "image").is_some()
            {
                continue;
            }
            let failure = failure(view, &container);
            if container.waiting() == "CreateContainerError" && failure != Failure::Corrupt {
                continue;
            }
            let key = (
                failure,
                view.workload_of(pod),
                container.name,
                image_of(&container),
            );
            found.entry(key).or_default().push(container);
        }
    }
    let mut by_failure: BTreeMap<Failure, Vec<Stuck<'_>>> = BTreeMap::new();
    for ((failure, workload, _, image), containers) in found {
        by_failure.entry(failure).or_default().push(Stuck {
            workload,
            image,
            containers,
        });
    }
    by_failure
        .into_iter()
        .flat_map(|(failure, stuck)| explain(view, failure, &stuck))
        .collect()
}

fn explain(view: &ClusterView, failure: Failure, stuck: &[Stuck<'_>]) -> Vec<Signal> {
    let each = |signal: &dyn Fn(&Stuck<'_>) -> Signal| stuck.iter().map(signal).collect();
    match failure {
        Failure::NotFound => each(&|stuck| reference::wrong(view, stuck)),
        Failure::Denied => each(&|stuck| reference::denied(view, stuck)),
        Failure::Architecture => each(&|stuck| platform::foreign(view, stuck)),
        Failure::RateLimited => registry::limited(view, stuck),
        Failure::Unreachable => node::unreachable(view, stuck),
        Failure::Corrupt => node::corrupt(view, stuck),
        Failure::Unknown => each(&|stuck| {
            let message = format!("{} cannot be pulled", stuck.image);
            base(view, &stuck.workload, &[stuck], &message).build()
        }),
    }
}

fn image_of<'a>(container: &Container<'a>) -> &'a str {
    container
        .spec
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A signal about containers that cannot get their image, with what the kubelet said of them.
fn base(view: &ClusterView, object: &ObjectRef, stuck: &[&Stuck<'_>], message: &str) -> SignalBuilder {
    let containers: Vec<&Container<'_>> = stuck.iter().flat_map(|stuck| &stuck.containers).collect();
    let onset = containers
        .iter()
        .filter_map(|container| container.pod.created())
        .min();
    let mut built = signal("image-pull", object, message)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(
            containers
                .iter()
                .map(|container| container.pod.reference().clone()),
        )
        .affects(stuck.iter().map(|stuck| stuck.workload.clone()));
    for container in containers.iter().take(3) {
        let paths = [
            container.status_path("state.waiting.reason"),
            container.status_path("state.waiting.message"),
            container.spec_path("image"),
        ];
        built = built
            .facts(container.pod, paths.iter().map(String::as_str))
            .facts(container.pod, ["spec.nodeName"]);
        let failed = view
            .events_of(container.pod.reference())
            .into_iter()
            .filter(|event| matches!(event.str("reason"), "Failed" | "FailedToRetrieveImagePullSecret"));
        for event in failed.take(2) {
            built = built.fact(Some(event_fact(event)));
        }
    }
    built
}

/// The registry's host of an image reference (`distribution/reference`, `splitDockerDomain`).
fn host_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}
