//! Changes: what was altered, when, by whom, with a diff.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;
use crate::redaction::Redacted;

/// Something that was altered in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was altered.
    pub object: ObjectRef,
    /// Kind of change.
    pub kind: ChangeKind,
    /// When, where the API tells.
    pub at: Option<Timestamp>,
    /// Field manager, user or controller that did it, where known.
    pub actor: Option<String>,
    /// One line for people.
    pub summary: Redacted,
    /// Fields that differ, redacted.
    pub diff: Vec<FieldDiff>,
}

/// What kind of change it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A new ReplicaSet or ControllerRevision took over.
    Rollout,
    /// A new Helm revision.
    HelmRevision,
    /// An object came into being.
    Created,
    /// An object was edited.
    Updated,
    /// Replicas were changed.
    Scaled,
    /// An object is being deleted.
    Deleting,
}

/// One field before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDiff {
    /// Path of the field.
    pub field: String,
    /// Value before; `None` when it was not set.
    pub before: Option<Redacted>,
    /// Value after; `None` when it was removed.
    pub after: Option<Redacted>,
}
