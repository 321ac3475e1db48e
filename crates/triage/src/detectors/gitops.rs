//! Applications whose source a GitOps controller cannot render: what runs goes on as it is, and no change arrives.

use std::sync::LazyLock;

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use regex::Regex;
use serde_json::Value;

use super::finding::signal;
use super::{Context, Detector};
use crate::containers;
use crate::wording::{Place, Words, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "gitops",
    mechanisms: &[ID],
    run,
};

const ID: &str = "image-and-deployment/gitops-source-broken";
/// Conditions of an Application that stop the comparison (argo-cd `pkg/apis/application/v1alpha1/types.go`).
const CONDITIONS: &[&str] = &["ComparisonError", "InvalidSpecError"];

/// The controller's own trouble to reach its repo server, Redis or Git; it may pass.
static PASSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)deadline exceeded|connection refused|code = (?:Unavailable|ResourceExhausted|Canceled)|i/o timeout|Client\.Timeout|connection reset|\bEOF\b|no such host|too many requests|\b50[234]\b").ok()
});
/// What only an edit of the source, the repository or its credentials mends.
static LASTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)app path does not exist|unable to resolve '[^']*' to a commit SHA|reference not found|couldn't find remote ref|repository not found|authentication (?:required|failed)|permission denied \(publickey\)|kustomize build .*failed|helm template .*failed|error converting YAML|yaml: |not permitted in project|namespace .* not permitted|cluster .* not found").ok()
});

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("Application")
        .filter_map(|object| explain(view, object))
        .collect()
}

/// The objects that an Application manages.
fn managed(object: &Object) -> Vec<ObjectRef> {
    let text = |entry: &Value, field: &str| {
        entry
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    object
        .list("status.resources")
        .iter()
        .map(|entry| {
            ObjectRef::new(
                &text(entry, "group"),
                &text(entry, "kind"),
                &text(entry, "namespace"),
                &text(entry, "name"),
            )
        })
        .collect()
}

fn explain(view: &ClusterView, object: &Object) -> Option<Signal> {
    let condition = CONDITIONS.iter().find(|condition| {
        let words = Words {
            place: Place::Condition,
            reason: condition,
            message: object.str(&format!("status.conditions[{condition}].message")),
        };
        !words.message.is_empty() && means(words, ID)
    })?;
    let path = format!("status.conditions[{condition}].message");
    let said = object.str(&path);
    let is = |words: &LazyLock<Option<Regex>>| words.as_ref().is_some_and(|words| words.is_match(said));
    let managed = managed(object);
    // It explains that nothing new arrives. What runs and fails, fails for another cause.
    let is_ill = managed
        .iter()
        .flat_map(|workload| view.pods_of(workload))
        .any(|pod| !containers::is_healthy(pod));
    let certainty = match (is(&LASTING), is(&PASSING), is_ill) {
        (true, false, false) => 0.9,
        (true, false, true) => 0.65,
        _ => 0.5,
    };
    let message = format!(
        "{} cannot render its source, so that no change of it arrives: {said}",
        object.reference()
    );
    let (field, found) = ["path", "targetRevision", "repoURL"]
        .iter()
        .map(|field| {
            (
                format!("spec.source.{field}"),
                object.str(&format!("spec.source.{field}")),
            )
        })
        .find(|(_, value)| !value.is_empty() && said.contains(value))
        .unwrap_or_else(|| ("spec.source".to_owned(), ""));
    Some(
        signal("gitops", object.reference(), &message)
            .mechanism(ID, certainty)
            .severity(Severity::Warning)
            .onset(object.time(&format!("status.conditions[{condition}].lastTransitionTime")))
            .affects(managed)
            .params(&field, found, None)
            .facts(
                object,
                [
                    path.as_str(),
                    "status.sync.status",
                    "spec.source.repoURL",
                    "spec.source.path",
                    "spec.source.targetRevision",
                    "status.operationState.finishedAt",
                ],
            )
            .build(),
    )
}
