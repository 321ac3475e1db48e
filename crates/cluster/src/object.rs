//! A Kubernetes object as dogwatch sees it: redacted JSON with typed look-ups. Made only by this crate.

use domain::{Fact, ObjectRef, Redacted};
use jiff::Timestamp;
use serde_json::Value;

use crate::path;

/// Who wrote which part of an object last: one entry of `metadata.managedFields`, without the field set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Field manager, e.g. `kubectl-edit`, `helm`, `kube-controller-manager`.
    pub name: String,
    /// When it wrote last.
    pub time: Option<Timestamp>,
    /// Subresource that it wrote, empty for the object itself.
    pub subresource: String,
    /// First two levels of the fields it owns, e.g. `spec.selector`, `data.config.yaml`.
    pub fields: Vec<String>,
}

/// An object that was read: projected (no managed field sets, no last-applied copy) and redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    reference: ObjectRef,
    value: Value,
    managers: Vec<Manager>,
}

impl Object {
    pub(crate) fn new(reference: ObjectRef, value: Value, managers: Vec<Manager>) -> Self {
        Self {
            reference,
            value,
            managers,
        }
    }

    /// Its reference.
    pub fn reference(&self) -> &ObjectRef {
        &self.reference
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.reference.name
    }

    /// Namespace, empty for cluster-scoped kinds.
    pub fn namespace(&self) -> &str {
        &self.reference.namespace
    }

    /// Kind.
    pub fn kind(&self) -> &str {
        &self.reference.kind
    }

    /// The redacted JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Field managers, latest last.
    pub fn managers(&self) -> &[Manager] {
        &self.managers
    }

    /// The value at a path.
    pub fn at(&self, path: &str) -> Option<&Value> {
        path::get(&self.value, path)
    }

    /// The text at a path; empty when it is absent or no text.
    pub fn str(&self, path: &str) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole number at a path; 0 when it is absent.
    pub fn int(&self, path: &str) -> i64 {
        self.at(path).and_then(Value::as_i64).unwrap_or_default()
    }

    /// True only when the path holds `true`.
    pub fn is(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The time at a path.
    pub fn time(&self, path: &str) -> Option<Timestamp> {
        self.str(path).parse().ok()
    }

    /// The elements of the list at a path.
    pub fn list(&self, path: &str) -> &[Value] {
        self.at(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The key-value pairs of the map at a path whose values are text.
    pub fn pairs<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.at(path)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|map| {
                map.iter()
                    .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            })
    }

    /// Creation time.
    pub fn created(&self) -> Option<Timestamp> {
        self.time("metadata.creationTimestamp")
    }

    /// The controlling owner.
    pub fn controller(&self) -> Option<ObjectRef> {
        let owner = self
            .list("metadata.ownerReferences")
            .iter()
            .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
        let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        Some(ObjectRef::new(
            group,
            text("kind"),
            self.namespace(),
            text("name"),
        ))
    }

    /// When and by whom the fields under `prefix` were last written, status writes left out.
    pub fn last_write(&self, prefix: &str) -> Option<&Manager> {
        self.managers
            .iter()
            .filter(|manager| manager.subresource.is_empty())
            .filter(|manager| {
                prefix.is_empty() || manager.fields.iter().any(|field| field.starts_with(prefix))
            })
            .max_by_key(|manager| manager.time)
    }

    /// The fact that `path` has the value it has; `None` when there is none. The time is the object's own
    /// where the path lies under something that has one.
    pub fn fact(&self, path: &str) -> Option<Fact> {
        let value = self.at(path)?;
        Some(Fact {
            object: self.reference.clone(),
            path: path.to_owned(),
            value: Redacted::trusted(&path::text(value)),
            time: self.time_near(path),
        })
    }

    fn time_near(&self, path: &str) -> Option<Timestamp> {
        let mut at = path;
        loop {
            for field in ["finishedAt", "lastTransitionTime", "startedAt"] {
                if let Some(time) = self.time(&format!("{at}.{field}")) {
                    return Some(time);
                }
            }
            at = at.rfind(['.', '[']).map(|end| &at[..end])?;
        }
    }
}
