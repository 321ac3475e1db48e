//! Claims that stay Pending: is the class there, does the provisioner refuse, is the claim there at all?

use std::sync::LazyLock;

use cluster::{ClusterView, Object};
use domain::{LookupOutcome, ObjectRef, Severity, Signal};
use regex::Regex;

use super::{Context, Detector, volume};
use crate::detectors::finding::{event_fact, signal};
use crate::wording;

pub(super) const DETECTOR: Detector = Detector {
    name: "storage-class",
    mechanisms: &[
        "storage-and-persistence/storage-class-missing",
        "storage-and-persistence/provisioning-failed",
        "storage-and-persistence/pvc-missing",
    ],
    run,
};

const PROVISIONING: &str = "storage-and-persistence/provisioning-failed";

/// Words of drivers that refuse a parameter.
static INVALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)invalid|not supported|unsupported|cannot be found|not found|unknown|unrecognized|does not exist").ok()
});
/// Words of clouds that refuse for quota or permission.
static EXPLICIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)quota|limit ?exceeded|exceeded your maximum|unauthori[sz]ed|not authorized|AuthorizationFailed|permission|forbidden|AccessDenied|credential|ResourceExhausted|exhausted").ok()
});

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let claims = view
        .of_kind("PersistentVolumeClaim")
        .filter(|claim| claim.str("status.phase") == "Pending");
    claims
        .filter_map(|claim| pending(view, claim))
        .chain(view.of_kind("Pod").filter_map(|pod| claim_missing(view, pod)))
        .collect()
}

fn pending(view: &ClusterView, claim: &Object) -> Option<Signal> {
    let class = claim.str("spec.storageClassName");
    let failed = view
        .events_of(claim.reference())
        .into_iter()
        .rev()
        .find(|event| event.str("reason") == "ProvisioningFailed");
    let class_ref = ObjectRef::of("StorageClass", "", class);
    let statically_bound = view
        .of_kind("PersistentVolume")
        .any(|volume| volume.str("spec.storageClassName") == class);
    let affects = volume::sufferers(view, claim.reference());
    if !class.is_empty() && !statically_bound && view.lookup(&class_ref).outcome == LookupOutcome::Empty {
        let classes: Vec<&str> = view.of_kind("StorageClass").map(Object::name).collect();
        let known = if classes.is_empty() {
            "none exists".to_owned()
        } else {
            format!("there are: {}", classes.join(", "))
        };
        let message = format!(
            "{} asks for StorageClass {class}, which does not exist ({known})",
            claim.reference()
        );
        return Some(
            signal("storage-class", &class_ref, &message)
                .mechanism("storage-and-persistence/storage-class-missing", 0.97)
                .severity(Severity::Critical)
                .onset(claim.created())
                .affects(affects)
                .lookup(view, &class_ref)
                .facts(
                    claim,
                    [
                        "spec.storageClassName",
                        "status.phase",
                        "metadata.creationTimestamp",
                    ],
                )
                .fact(failed.map(event_fact))
                .params("metadata.name", "absent", Some(class))
                .param("claim", claim.name())
                .build(),
        );
    }
    provisioning(view, claim, failed?, affects)
}

/// The provisioner's error: does it quote a parameter of the class, or speak of a quota or of permission?
fn provisioning(
    view: &ClusterView,
    claim: &Object,
    failed: &Object,
    affects: Vec<ObjectRef>,
) -> Option<Signal> {
    let text = failed.str("message");
    if !wording::means(volume::words(failed), PROVISIONING) {
        return None;
    }
    let class = view.get("StorageClass", "", claim.str("spec.storageClassName"));
    let quoted = class.and_then(|class| {
        class
            .pairs("parameters")
            .find(|(_, value)| value.len() > 2 && is_quoted(text, value))
            .map(|(name, value)| (class, name.to_owned(), value.to_owned()))
    });
    let explicit =
        EXPLICIT.as_ref().is_some_and(|words| words.is_match(text)) && volume::is_recent(view, failed);
    let message = format!("{} is not provisioned: {text}", claim.reference());
    let built = match &quoted {
        Some((class, name, value)) if INVALID.as_ref().is_some_and(|words| words.is_match(text)) => {
            let message = format!(
                "{} cannot provision {}: its parameter {name} is {value}, which the driver refuses: {text}",
                class.reference(),
                claim.reference()
            );
            let path = format!("parameters[{name}]");
            signal("storage-class", class.reference(), &message)
                .mechanism(
                    PROVISIONING,
                    if volume::is_recent(view, failed) {
                        0.93
                    } else {
                        0.7
                    },
                )
                .facts(class, ["provisioner", path.as_str()])
                .params(&format!("parameters.{name}"), value, None)
        }
        _ => signal("storage-class", claim.reference(), &message)
            .mechanism(PROVISIONING, if explicit { 0.88 } else { 0.6 })
            .params("spec.storageClassName", claim.str("spec.storageClassName"), None),
    };
    Some(
        built
            .severity(Severity::Critical)
            .onset(claim.created())
            .affects(affects)
            .affects([claim.reference().clone()])
            .facts(claim, ["spec.storageClassName", "status.phase"])
            .fact(Some(event_fact(failed)))
            .build(),
    )
}

/// Whether the error names a value as a word of its own.
fn is_quoted(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, _)| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let before = text[..at].chars().next_back();
        let after = text[at + value.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

/// A pod that mounts a claim which does not exist.
fn claim_missing(view: &ClusterView, pod: &Object) -> Option<Signal> {
    if pod.str("status.phase") != "Pending" {
        return None;
    }
    let absent = volume::claims(pod)
        .map(|name| ObjectRef::of("PersistentVolumeClaim", pod.namespace(), name))
        .find(|claim| view.lookup(claim).outcome == LookupOutcome::Empty)?;
    let message = format!("{} mounts {absent}, which does not exist", pod.reference());
    Some(
        signal("storage-class", &absent, &message)
            .mechanism("storage-and-persistence/pvc-missing", 0.95)
            .severity(Severity::Critical)
            .onset(pod.created())
            .affects([pod.reference().clone(), view.workload_of(pod)])
            .lookup(view, &absent)
            .facts(pod, ["status.phase", "status.conditions[PodScheduled].message"])
            .build(),
    )
}
