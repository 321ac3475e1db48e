//! Which image a Deployment is to run, and whether there is such an image as far as the cluster knows. Must not know what is
//! wrong with an image.

use serde_json::{Value, json};

use super::{RootCause, Step};
use crate::build::json::text;
use crate::world::{ObjectKey, World};

const IMAGE: &str = "/spec/template/spec/containers/0/image";

/// Whether a Deployment runs its faulty image (`found` of the cause's parameters) or is to run one that nobody has seen: a
/// tag that was made up is no repair.
pub(super) fn is_to_blame(world: &World, cause: &RootCause) -> bool {
    world
        .object(&cause.object)
        .is_some_and(|object| text(object, IMAGE) == text(&cause.params, "/found"))
        || !exists(world, cause)
}

/// Whether the image that a Deployment is to run is the faulty one, the one that the cause expects, or one of an earlier
/// revision.
pub(super) fn exists(world: &World, cause: &RootCause) -> bool {
    let Some(object) = world.object(&cause.object) else {
        return true;
    };
    let image = text(object, IMAGE);
    let own: Vec<&Value> = world
        .of_kind("ReplicaSet")
        .filter(|set| {
            text(set, "/metadata/namespace") == cause.object.namespace
                && text(set, "/metadata/ownerReferences/0/name") == cause.object.name
        })
        .collect();
    let blamed = ["/image", "/found"]
        .iter()
        .map(|known| text(&cause.params, known))
        .find(|known| !known.is_empty())
        .unwrap_or_default();
    // What was rolled out after the faulty image is what somebody tries now.
    let faulty = own
        .iter()
        .filter(|set| text(set, IMAGE) == blamed)
        .map(|set| text(set, "/metadata/creationTimestamp"))
        .min()
        .unwrap_or("9");
    ["/found", "/expected", "/image", "/image_before"]
        .iter()
        .any(|known| text(&cause.params, known) == image)
        || own
            .iter()
            .any(|set| text(set, IMAGE) == image && text(set, "/metadata/creationTimestamp") <= faulty)
}

/// `kubectl set image`.
pub(super) fn set_image(deployment: &ObjectKey, container: &str, image: &str) -> Step {
    Step::StrategicPatch {
        object: deployment.clone(),
        patch: json!({ "spec": { "template": { "spec": { "containers": [{ "name": container, "image": image }] } } } }),
    }
}
