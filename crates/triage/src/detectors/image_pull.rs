//! Images that cannot be pulled, told apart by the runtime's words and by what provably is or is not there.

use std::collections::BTreeMap;

use cluster::{ClusterView, changes};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::{Context, Detector};
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

/// What a pull failed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    NotFound,
    Denied,
    RateLimited,
    Architecture,
    Corrupt,
    Unreachable,
    Unknown,
}

/// Words of containerd, CRI-O and registries, most telling first (containerd `core/remotes/docker`,
/// `core/remotes/errors.go`; the distribution specification's error codes).
const WORDS: &[(&str, Failure)] = &[
    ("toomanyrequests", Failure::RateLimited),
    ("429 Too Many Requests", Failure::RateLimited),
    ("no match for platform in manifest", Failure::Architecture),
    ("failed to extract layer", Failure::Corrupt),
    ("unexpected EOF", Failure::Corrupt),
    ("unexpected commit digest", Failure::Corrupt),
    ("pull access denied", Failure::Denied),
    ("authorization failed", Failure::Denied),
    ("insufficient_scope", Failure::Denied),
    ("401 Unauthorized", Failure::Denied),
    ("403 Forbidden", Failure::Denied),
    ("unauthorized", Failure::Denied),
    ("no such host", Failure::Unreachable),
    ("i/o timeout", Failure::Unreachable),
    ("connection refused", Failure::Unreachable),
    ("TLS handshake timeout", Failure::Unreachable),
    ("context deadline exceeded", Failure::Unreachable),
    ("manifest unknown", Failure::NotFound),
    ("code = NotFound", Failure::NotFound),
    (": not found", Failure::NotFound),
    ("InvalidImageName", Failure::NotFound),
    ("couldn't parse image", Failure::NotFound),
];

fn classify(message: &str) -> Failure {
    WORDS
        .iter()
        .find(|(words, _)| message.contains(words))
        .map_or(Failure::Unknown, |(_, failure)| *failure)
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut stuck: BTreeMap<(ObjectRef, &str), Vec<Container<'_>>> = BTreeMap::new();
    for pod in view.of_kind("Pod") {
        for container in containers::of(pod) {
            if matches!(
                container.waiting(),
                "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName"
            ) {
                stuck
                    .entry((view.workload_of(pod), container.name))
                    .or_default()
                    .push(container);
            }
        }
    }
    stuck
        .into_iter()
        .map(|((workload, _), containers)| explain(view, &workload, &containers))
        .collect()
}

fn explain(view: &ClusterView, workload: &ObjectRef, stuck: &[Container<'_>]) -> Signal {
    let container = &stuck[0];
    let image = container
        .spec
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let words = pull_words(view, stuck);
    let failure = classify(&words);
    let base = |message: &str| base(view, workload, stuck, message);
    match failure {
        Failure::NotFound => wrong_reference(view, workload, container, image, &base),
        Failure::Denied => denied(view, workload, container, image, &base),
        Failure::RateLimited => base(&format!("the registry limits pulls of {image}"))
            .mechanism("image-and-deployment/registry-rate-limited", 0.7)
            .build(),
        Failure::Architecture => base(&format!("{image} has no build for the node's platform"))
            .mechanism("image-and-deployment/image-wrong-architecture", 0.7)
            .build(),
        Failure::Corrupt => base(&format!("{image} does not unpack on the node"))
            .mechanism("image-and-deployment/image-layer-corrupt", 0.6)
            .build(),
        Failure::Unreachable => base(&format!("the registry of {image} does not answer"))
            .mechanism("image-and-deployment/registry-unreachable", 0.6)
            .build(),
        Failure::Unknown => base(&format!("{image} cannot be pulled")).build(),
    }
}

/// All that the kubelet said about the pull: waiting messages and `Failed` events.
fn pull_words(view: &ClusterView, stuck: &[Container<'_>]) -> String {
    let mut words = String::new();
    for container in stuck {
        words.push_str(container.waiting());
        words.push('\n');
        words.push_str(container.status_str("/state/waiting/message"));
        words.push('\n');
        for event in view.events_of(container.pod.reference()) {
            if matches!(event.str("reason"), "Failed" | "InspectFailed") {
                words.push_str(event.str("message"));
                words.push('\n');
            }
        }
    }
    words
}

fn base(view: &ClusterView, workload: &ObjectRef, stuck: &[Container<'_>], message: &str) -> SignalBuilder {
    let onset = stuck.iter().filter_map(|container| container.pod.created()).min();
    let mut built = signal("image-pull", workload, message)
        .severity(Severity::Critical)
        .onset(onset)
        .affects(
            stuck
                .iter()
                .map(|container| container.pod.reference().clone())
                .chain([workload.clone()]),
        );
    for container in stuck.iter().take(2) {
        let paths = [
            container.status_path("state.waiting.reason"),
            container.status_path("state.waiting.message"),
            container.spec_path("image"),
        ];
        built = built.facts(container.pod, paths.iter().map(String::as_str));
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

fn wrong_reference(
    view: &ClusterView,
    workload: &ObjectRef,
    container: &Container<'_>,
    image: &str,
    base: &impl Fn(&str) -> SignalBuilder,
) -> Signal {
    let containers = if container.init {
        "initContainers"
    } else {
        "containers"
    };
    let field = format!("spec.template.spec.{containers}[{}].image", container.name);
    let owner = view.get_ref(workload);
    let revisions = owner.and_then(|owner| changes::revisions(view, owner));
    let before = revisions.and_then(|revisions| {
        let previous = revisions.previous?;
        let previous = previous.str(&changes::in_revision(previous, &field)).to_owned();
        (previous != image && !previous.is_empty()).then_some(previous)
    });
    let was = before.as_ref().map_or_else(String::new, |before| {
        format!("; the revision before ran {before}")
    });
    let mut built = base(&format!(
        "{workload} asks for {image}, which the registry does not have{was}"
    ))
    .mechanism("image-and-deployment/image-reference-wrong", 0.95)
    .params(&field, image, before.as_deref());
    if let Some(owner) = owner {
        built = built.facts(owner, [field.as_str()]);
    }
    if let Some(previous) = revisions.and_then(|revisions| revisions.previous) {
        built = built.facts(previous, [changes::in_revision(previous, &field).as_str()]);
    }
    built.build()
}

/// The registry refused. Only a pull secret that is named and provably absent decides the case: registries
/// answer a misspelt repository with the same words.
fn denied(
    view: &ClusterView,
    workload: &ObjectRef,
    container: &Container<'_>,
    image: &str,
    base: &impl Fn(&str) -> SignalBuilder,
) -> Signal {
    let pod = container.pod;
    let mut named: Vec<(ObjectRef, &str)> = Vec::new();
    let secrets = |list: &[Value]| {
        list.iter()
            .filter_map(|entry| entry.get("name").and_then(Value::as_str))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for name in secrets(pod.list("spec.imagePullSecrets")) {
        named.push((
            ObjectRef::of("Secret", pod.namespace(), &name),
            "spec.imagePullSecrets",
        ));
    }
    let missing = named
        .iter()
        .find(|(secret, _)| view.lookup(secret).outcome == domain::LookupOutcome::Empty);
    // Where another named secret is there, its credentials may as well be the wrong ones.
    let all_gone = named
        .iter()
        .all(|(secret, _)| view.lookup(secret).outcome == domain::LookupOutcome::Empty);
    let Some((secret, field)) = missing else {
        return base(&format!(
            "the registry refuses {image}: wrong credentials, or a repository that does not exist"
        ))
        .mechanism("image-and-deployment/image-pull-secret-missing", 0.5)
        .build();
    };
    let mut built = base(&format!(
        "the registry refuses {image}, and the pull secret {} that the pods of {workload} name does not exist",
        secret.name
    ));
    built = built
        .mechanism(
            "image-and-deployment/image-pull-secret-missing",
            if all_gone { 0.97 } else { 0.6 },
        )
        .lookup(view, secret)
        .params(field, "absent", Some(&secret.name))
        .facts(pod, ["spec.imagePullSecrets[0].name"]);
    let mut signal = built.build();
    signal.object = secret.clone();
    signal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_s_words_tell_failures_apart() {
        let cases = [
            (
                "rpc error: code = NotFound desc = failed to pull and unpack image \"r/a:1\": failed to resolve reference \"r/a:1\": r/a:1: not found",
                Failure::NotFound,
            ),
            (
                "failed to resolve reference \"r/a:1\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                Failure::Denied,
            ),
            (
                "failed to do request: Head \"https://r/v2/a/manifests/1\": dial tcp: lookup r on 10.0.0.10:53: no such host",
                Failure::Unreachable,
            ),
            (
                "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit",
                Failure::RateLimited,
            ),
            (
                "no match for platform in manifest: not found",
                Failure::Architecture,
            ),
            ("something else", Failure::Unknown),
        ];
        for (message, failure) in cases {
            assert_eq!(classify(message), failure, "{message}");
        }
    }
}
