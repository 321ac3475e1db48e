//! What changed: rollouts, Helm revisions, edits of objects, deletions; each with its diff where one can be had.

mod helm;
mod rollout;

use std::collections::BTreeSet;

use domain::{Change, ChangeKind, ObjectRef, Redacted};
use jiff::{SignedDuration, Timestamp};

use crate::object::Object;
use crate::view::ClusterView;

pub use rollout::{Revisions, in_revision, revisions};

/// How far back changes are looked for by default.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(48);

/// Kinds whose edits matter and are dated by their field managers.
const EDITED: &[&str] = &[
    "ConfigMap",
    "Secret",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "StorageClass",
    "HorizontalPodAutoscaler",
    "ResourceQuota",
    "LimitRange",
    "PersistentVolumeClaim",
    "CronJob",
    "Job",
];

/// All changes since `since` in what was read, newest first.
pub fn since(view: &ClusterView, since: Timestamp) -> Vec<Change> {
    let mut out = Vec::new();
    for workload in ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind))
    {
        out.extend(rollout::change(view, workload));
        out.extend(scaled(workload));
    }
    for release in &view.releases {
        out.extend(helm::changes(release));
    }
    for kind in EDITED {
        for object in view.of_kind(kind) {
            out.extend(edit(object));
        }
    }
    out.retain(|change| change.at.is_some_and(|at| at >= since && at <= view.now));
    out.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.object.cmp(&b.object)));
    out
}

/// The last edit of an object by somebody else than the controllers that keep it up.
fn edit(object: &Object) -> Option<Change> {
    if object.kind() == "Secret" && object.str("metadata.labels.owner") == "helm" {
        return None;
    }
    if let Some(at) = object.time("metadata.deletionTimestamp") {
        let summary = Redacted::trusted(&format!("{} is being deleted", object.reference()));
        return Some(Change {
            object: object.reference().clone(),
            kind: ChangeKind::Deleting,
            at: Some(at),
            actor: None,
            summary,
            diff: vec![],
        });
    }
    let created = object.created();
    let write = object
        .managers()
        .iter()
        .filter(|manager| manager.subresource.is_empty())
        .max_by_key(|manager| manager.time);
    let (at, actor) = match write {
        Some(write) if write.time.is_some() => (write.time, Some(write.name.clone())),
        _ => (created, None),
    };
    let is_new = at
        .zip(created)
        .is_some_and(|(at, created)| at.duration_since(created).abs() <= SignedDuration::from_secs(5));
    let kind = if is_new {
        ChangeKind::Created
    } else {
        ChangeKind::Updated
    };
    let fields: BTreeSet<&str> = write
        .map(|write| write.fields.iter().map(String::as_str).collect())
        .unwrap_or_default();
    let fields: Vec<&str> = fields
        .into_iter()
        .filter(|field| !field.starts_with("metadata."))
        .take(6)
        .collect();
    let verb = if is_new { "was created" } else { "was edited" };
    let by = actor
        .as_ref()
        .map_or_else(String::new, |actor| format!(" by {actor}"));
    let owned = if fields.is_empty() {
        String::new()
    } else {
        format!("; that manager owns {}", fields.join(", "))
    };
    let summary = Redacted::trusted(&format!("{} {verb}{by}{owned}", object.reference()));
    Some(Change {
        object: object.reference().clone(),
        kind,
        at,
        actor,
        summary,
        diff: vec![],
    })
}

/// A change of `spec.replicas`, by the manager that owns the field through the scale subresource.
fn scaled(workload: &Object) -> Option<Change> {
    let scale = workload
        .managers()
        .iter()
        .filter(|manager| manager.subresource == "scale")
        .max_by_key(|manager| manager.time)?;
    let summary = format!(
        "{} was scaled to {} by {}",
        workload.reference(),
        workload.int("spec.replicas"),
        scale.name
    );
    Some(Change {
        object: workload.reference().clone(),
        kind: ChangeKind::Scaled,
        at: scale.time,
        actor: Some(scale.name.clone()),
        summary: Redacted::trusted(&summary),
        diff: vec![],
    })
}

/// The newest change of an object.
pub fn latest<'a>(changes: &'a [Change], object: &ObjectRef) -> Option<&'a Change> {
    changes
        .iter()
        .filter(|change| &change.object == object)
        .max_by_key(|change| change.at)
}
