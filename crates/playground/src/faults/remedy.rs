//! What a person would do about a fault, as requests to the API server. Must not know how healing is judged.

use serde_json::Value;

use crate::world::ObjectKey;

/// An edit that people would make: one that heals, or one that does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// Name that scenarios list, e.g. `rollout-undo`.
    pub name: &'static str,
    /// Whether the fault is gone afterwards.
    pub heals: bool,
    /// The requests, in order.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A JSON merge patch (RFC 7386).
    MergePatch {
        /// What is patched.
        object: ObjectKey,
        /// The patch.
        patch: Value,
    },
    /// A strategic merge patch, which merges containers by name.
    StrategicPatch {
        /// What is patched.
        object: ObjectKey,
        /// The patch.
        patch: Value,
    },
    /// A JSON patch (RFC 6902).
    JsonPatch {
        /// What is patched.
        object: ObjectKey,
        /// The operations.
        patch: Value,
    },
    /// Creates an object.
    Create(Value),
    /// Deletes an object.
    Delete(ObjectKey),
}

impl Remedy {
    /// An edit that heals.
    pub fn heals(name: &'static str, steps: Vec<Step>) -> Self {
        Self {
            name,
            heals: true,
            steps,
        }
    }

    /// An edit that does not heal.
    pub fn fails(name: &'static str, steps: Vec<Step>) -> Self {
        Self {
            name,
            heals: false,
            steps,
        }
    }
}
