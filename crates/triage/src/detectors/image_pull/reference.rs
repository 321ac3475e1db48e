//! Images that the registry does not have, or does not hand out.

use cluster::{ClusterView, changes};
use domain::{LookupOutcome, ObjectRef, Signal};
use serde_json::Value;

use super::{Stuck, base};

/// The registry does not have the image.
pub(super) fn wrong(view: &ClusterView, stuck: &Stuck<'_>) -> Signal {
    let Stuck {
        workload,
        image,
        containers,
    } = stuck;
    let container = &containers[0];
    let list = if container.init {
        "initContainers"
    } else {
        "containers"
    };
    let field = format!("spec.template.spec.{list}[{}].image", container.name);
    let owner = view.get_ref(workload);
    let revisions = owner.and_then(|owner| changes::revisions(view, owner));
    let before = revisions.and_then(|revisions| {
        let previous = revisions.previous?;
        let previous = previous.str(&changes::in_revision(previous, &field)).to_owned();
        (previous != *image && !previous.is_empty()).then_some(previous)
    });
    let was = before.as_ref().map_or_else(String::new, |before| {
        format!("; the revision before ran {before}")
    });
    let message = format!("{workload} asks for {image}, which the registry does not have{was}");
    let mut built = base(view, workload, &[stuck], &message)
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
pub(super) fn denied(view: &ClusterView, stuck: &Stuck<'_>) -> Signal {
    let Stuck {
        workload,
        image,
        containers,
    } = stuck;
    let pod = containers[0].pod;
    let named: Vec<ObjectRef> = pod
        .list("spec.imagePullSecrets")
        .iter()
        .filter_map(|entry| entry.get("name").and_then(Value::as_str))
        .map(|name| ObjectRef::of("Secret", pod.namespace(), name))
        .collect();
    let is_gone = |secret: &&ObjectRef| view.lookup(secret).outcome == LookupOutcome::Empty;
    let Some(secret) = named.iter().find(is_gone) else {
        let message =
            format!("the registry refuses {image}: wrong credentials, or a repository that does not exist");
        return base(view, workload, &[stuck], &message)
            .mechanism("image-and-deployment/image-pull-secret-missing", 0.5)
            .build();
    };
    // Where another named secret is there, its credentials may as well be the wrong ones.
    let all_gone = named.iter().all(|secret| is_gone(&secret));
    let message = format!(
        "the registry refuses {image}, and the pull secret {} that the pods of {workload} name does not exist",
        secret.name
    );
    let mut signal = base(view, workload, &[stuck], &message)
        .mechanism(
            "image-and-deployment/image-pull-secret-missing",
            if all_gone { 0.97 } else { 0.6 },
        )
        .lookup(view, secret)
        .params("spec.imagePullSecrets", "absent", Some(&secret.name))
        .facts(pod, ["spec.imagePullSecrets[0].name"])
        .build();
    signal.object = secret.clone();
    signal
}
