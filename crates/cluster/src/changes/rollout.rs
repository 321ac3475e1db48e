//! Rollouts: the newest revision of a workload against the one before it.

use domain::{Change, ChangeKind, FieldDiff, Redacted};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::diff;
use crate::object::Object;
use crate::view::ClusterView;

/// The current and the previous revision of a workload: ReplicaSets of a Deployment, ControllerRevisions of a
/// StatefulSet or DaemonSet.
#[derive(Debug, Clone, Copy)]
pub struct Revisions<'a> {
    /// The newest.
    pub current: &'a Object,
    /// The one before, when history has it.
    pub previous: Option<&'a Object>,
}

impl Revisions<'_> {
    /// Fields of the pod template that differ, addressed from the workload: `spec.template.spec.…`.
    pub fn diff(&self) -> Vec<FieldDiff> {
        let Some(previous) = self.previous else {
            return Vec::new();
        };
        let template = |set: &Object| {
            let mut template = set
                .at(&in_revision(set, "spec.template"))
                .cloned()
                .unwrap_or_default();
            if let Some(labels) = template
                .pointer_mut("/metadata/labels")
                .and_then(Value::as_object_mut)
            {
                labels.shift_remove("pod-template-hash");
            }
            template
        };
        let mut fields = diff::between(&template(previous), &template(self.current));
        fields
            .iter_mut()
            .for_each(|field| field.field = format!("spec.template.{}", field.field));
        fields
    }
}

/// Where a field of the workload (`spec.template.…`) stands in one of its revisions.
pub fn in_revision(revision: &Object, field: &str) -> String {
    if revision.kind() == "ControllerRevision" {
        format!("data.{field}")
    } else {
        field.to_owned()
    }
}

/// Current and previous revision of a workload; `None` when no history was read.
pub fn revisions<'a>(view: &'a ClusterView, workload: &'a Object) -> Option<Revisions<'a>> {
    let kind = if workload.kind() == "Deployment" {
        "ReplicaSet"
    } else {
        "ControllerRevision"
    };
    let revision = |set: &Object| -> i64 {
        let annotated = set
            .str("metadata.annotations[deployment.kubernetes.io/revision]")
            .parse()
            .ok();
        annotated.unwrap_or_else(|| set.int("revision"))
    };
    let mut sets: Vec<&Object> = view
        .in_namespace(kind, workload.reference().namespace.as_str())
        .filter(|set| set.controller().as_ref() == Some(workload.reference()))
        .collect();
    sets.sort_by_key(|set| std::cmp::Reverse(revision(set)));
    Some(Revisions {
        current: sets.first().copied()?,
        previous: sets.get(1).copied(),
    })
}

/// The last rollout of a workload as a change; `None` for one that was never rolled out anew.
pub(super) fn change(view: &ClusterView, deployment: &Object) -> Option<Change> {
    let revisions = revisions(view, deployment)?;
    let previous = revisions.previous?;
    let diff = revisions.diff();
    let at = rollout_time(deployment, &revisions);
    let actor = deployment
        .last_write("spec.template")
        .map(|manager| manager.name.clone());
    let undone = revisions.current.created() < previous.created();
    let fields = diff
        .iter()
        .map(|field| field.field.trim_start_matches("spec.template.spec."))
        .take(4)
        .collect::<Vec<_>>()
        .join(", ");
    let verb = if undone {
        "was rolled back"
    } else {
        "was rolled out"
    };
    let by = actor
        .as_ref()
        .map_or_else(String::new, |actor| format!(" by {actor}"));
    Some(Change {
        object: deployment.reference().clone(),
        kind: ChangeKind::Rollout,
        at,
        actor,
        summary: Redacted::trusted(&format!("{} {verb}{by}: {fields}", deployment.reference())),
        diff,
    })
}

/// When the current ReplicaSet took over: its creation, or for a rollback (whose ReplicaSet is old) the time of
/// the edit of the template.
fn rollout_time(deployment: &Object, revisions: &Revisions<'_>) -> Option<Timestamp> {
    let created = revisions.current.created();
    let undone = created < revisions.previous.and_then(Object::created);
    let edited = deployment
        .last_write("spec.template")
        .and_then(|manager| manager.time);
    match (created, edited) {
        (Some(created), Some(edited))
            if undone || edited.duration_since(created).abs() < SignedDuration::from_mins(2) =>
        {
            Some(edited.max(created))
        }
        (created, edited) => created.or(edited),
    }
}
