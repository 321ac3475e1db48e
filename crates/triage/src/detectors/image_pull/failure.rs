//! What a pull failed of, by the words of its latest attempt. Must not know what it means for the cluster.

use cluster::ClusterView;

use crate::containers::Container;
use crate::wording::{Place, Words, means};

/// What a pull failed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failure {
    RateLimited,
    Architecture,
    Corrupt,
    Unreachable,
    Denied,
    NotFound,
    Unknown,
}

/// Most telling first: a refused token is worded like a refused image, a damaged layer like a missing one.
const ORDER: &[(&str, Failure)] = &[
    ("image-and-deployment/registry-rate-limited", Failure::RateLimited),
    (
        "image-and-deployment/image-wrong-architecture",
        Failure::Architecture,
    ),
    ("image-and-deployment/image-layer-corrupt", Failure::Corrupt),
    ("image-and-deployment/registry-unreachable", Failure::Unreachable),
    ("image-and-deployment/image-pull-secret-missing", Failure::Denied),
    ("image-and-deployment/image-reference-wrong", Failure::NotFound),
];

/// The failure of a container's image: by its waiting message, or where that says only that it backs off, by the latest
/// event that tells.
pub(super) fn failure(view: &ClusterView, container: &Container<'_>) -> Failure {
    let waiting = Words {
        place: Place::Waiting,
        reason: container.waiting(),
        message: container.status_str("/state/waiting/message"),
    };
    let said = of(waiting);
    if said != Failure::Unknown {
        return said;
    }
    view.events_of(container.pod.reference())
        .into_iter()
        .rev()
        .filter(|event| matches!(event.str("reason"), "Failed" | "InspectFailed"))
        .map(|event| {
            of(Words {
                place: Place::Event,
                reason: event.str("reason"),
                message: event.str("message"),
            })
        })
        .find(|failure| *failure != Failure::Unknown)
        .unwrap_or(if container.waiting() == "InvalidImageName" {
            Failure::NotFound
        } else {
            Failure::Unknown
        })
}

fn of(words: Words<'_>) -> Failure {
    ORDER
        .iter()
        .find(|(mechanism, _)| means(words, mechanism))
        .map_or(Failure::Unknown, |(_, failure)| *failure)
}
