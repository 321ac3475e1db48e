//! `managedFields`: who last wrote which field. Owns the entries, knows nothing of permissions.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::call::Call;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::write::managed_fields::tree::{changed, contains_any, merge, owned, subtract};
use crate::build::json::{items, text};
use crate::serve::shift::with_precision;

mod tree;

/// How a writer writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operation {
    /// Create, update and patch: owns what it changed.
    Update,
    /// Server-side apply: owns what its configuration names.
    Apply(Value),
}

/// Who writes now.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    manager: String,
    operation: Operation,
    api_version: String,
    subresource: String,
    endpoint: Endpoint,
    pub(crate) now: Timestamp,
}

impl Writer {
    pub(crate) fn of(call: &Call, endpoint: &Endpoint, operation: Operation, now: Timestamp) -> Self {
        Self {
            manager: call.manager(),
            operation,
            api_version: endpoint.resource.api_version(),
            subresource: endpoint.subresource.clone(),
            endpoint: endpoint.clone(),
            now,
        }
    }

    /// Notes in the new object that this writer owns what differs from the old one.
    pub(crate) fn record(&self, before: &Value, after: &mut Value) {
        let mut fields = changed(before, after);
        if let Operation::Apply(config) = &self.operation {
            fields = owned(config);
        }
        if fields.is_empty() {
            return;
        }
        let mut entries = items(after, "/metadata/managedFields").to_vec();
        let mine = entries.iter().position(|entry| self.wrote(entry));
        for (index, entry) in entries.iter_mut().enumerate() {
            let shared = matches!(self.operation, Operation::Apply(_)) || Some(index) == mine;
            if let (false, Some(Value::Object(held))) = (shared, entry.get_mut("fieldsV1")) {
                subtract(held, &fields);
            }
        }
        match (mine.and_then(|index| entries.get_mut(index)), &self.operation) {
            (Some(entry), Operation::Update) => {
                if let Some(Value::Object(held)) = entry.get_mut("fieldsV1") {
                    merge(held, &fields);
                }
                entry["time"] = json!(with_precision(self.now, 0));
            }
            (Some(entry), Operation::Apply(_)) => {
                if entry.get("fieldsV1") != Some(&Value::Object(fields.clone())) {
                    *entry = self.entry(fields);
                }
            }
            (None, _) => entries.push(self.entry(fields)),
        }
        entries.retain(|entry| {
            entry
                .get("fieldsV1")
                .and_then(Value::as_object)
                .is_none_or(|held| !held.is_empty())
        });
        after["metadata"]["managedFields"] = Value::Array(entries);
    }

    /// Refuses an apply that would change what another manager owns.
    pub(crate) fn check_conflicts(&self, before: &Value, after: &Value) -> Result<(), ApiError> {
        let fields = changed(before, after);
        let mut conflicts = Vec::new();
        for entry in items(before, "/metadata/managedFields")
            .iter()
            .filter(|entry| !self.wrote(entry))
        {
            if text(entry, "/manager") == self.manager && text(entry, "/operation") == "Apply" {
                continue;
            }
            let Some(held) = entry.get("fieldsV1").and_then(Value::as_object) else {
                continue;
            };
            for path in contains_any(held, &fields, "") {
                conflicts.push((
                    text(entry, "/manager").to_owned(),
                    text(entry, "/apiVersion").to_owned(),
                    path,
                ));
            }
        }
        if conflicts.is_empty() {
            Ok(())
        } else {
            Err(ApiError::apply_conflict(&self.endpoint.resource, &conflicts))
        }
    }

    fn wrote(&self, entry: &Value) -> bool {
        text(entry, "/manager") == self.manager
            && text(entry, "/operation") == self.operation.name()
            && text(entry, "/apiVersion") == self.api_version
            && text(entry, "/subresource") == self.subresource
    }

    fn entry(&self, fields: Map<String, Value>) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation.name(), "apiVersion": self.api_version,
            "time": with_precision(self.now, 0), "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }
}

impl Operation {
    fn name(&self) -> &'static str {
        match self {
            Self::Update => "Update",
            Self::Apply(_) => "Apply",
        }
    }
}
