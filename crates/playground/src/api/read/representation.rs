//! The forms in which objects are answered: as they are, as server-side Tables, as metadata only.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::read::event;
use crate::api::resource::Resource;
use crate::api::status::ApiError;
use crate::api::table::{self, Printer};

/// What a Table row carries of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowObject {
    None,
    Metadata,
    Object,
}

/// A negotiated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Representation {
    /// The objects themselves.
    Object,
    /// `meta.k8s.io/v1` Table.
    Table(RowObject),
    /// PartialObjectMetadata.
    Partial,
}

impl Representation {
    /// Takes the first form of the `Accept` header that the server has.
    pub(crate) fn negotiate(call: &Call) -> Result<Self, ApiError> {
        for media in call.accept().split(',') {
            let mut parts = media.split(';').map(str::trim);
            let json = matches!(parts.next(), Some("application/json" | "application/*" | "*/*"));
            let form = parts.find_map(|part| part.strip_prefix("as="));
            match form {
                _ if !json => {}
                None => return Ok(Self::Object),
                Some("Table") => return Ok(Self::Table(row_object(call)?)),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Self::Partial),
                Some(_) => {}
            }
        }
        Err(ApiError::not_acceptable("application/json"))
    }
}

fn row_object(call: &Call) -> Result<RowObject, ApiError> {
    match call.param("includeObject") {
        None | Some("Metadata") => Ok(RowObject::Metadata),
        Some("None") => Ok(RowObject::None),
        Some("Object") => Ok(RowObject::Object),
        Some(other) => Err(ApiError::bad_request(format!(
            "unrecognized includeObject value: {other:?}"
        ))),
    }
}

/// A list on its way out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

/// One item of a list on its way out.
#[derive(Debug)]
enum Item<'a> {
    Whole(Cow<'a, Value>),
    /// Without `kind` and `apiVersion`.
    Bare(Cow<'a, Value>),
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bare(object) => match object.as_object() {
                Some(fields) => serializer.collect_map(
                    fields
                        .iter()
                        .filter(|(key, _)| !matches!(key.as_str(), "kind" | "apiVersion")),
                ),
                None => object.serialize(serializer),
            },
            Self::Whole(object) => object.serialize(serializer),
        }
    }
}

/// Brings stored objects into the negotiated form.
#[derive(Debug)]
pub(crate) struct Painter {
    pub(crate) representation: Representation,
    resource: Resource,
    printer: Printer,
    now: Timestamp,
}

impl Painter {
    pub(crate) fn new(server: &ApiServer, resource: &Resource, representation: Representation) -> Self {
        let printer = table::printer(resource, server.read().world());
        Self {
            representation,
            resource: resource.clone(),
            printer,
            now: server.clock.now(),
        }
    }

    /// A single object as the answer to a get.
    pub(crate) fn one(&self, object: &Value) -> Value {
        match self.representation {
            Representation::Object => self.served(object).into_owned(),
            Representation::Partial => self.partial(object),
            Representation::Table(_) => self.table(
                std::iter::once(object),
                json!({
                    "resourceVersion": object.pointer("/metadata/resourceVersion"),
                }),
            ),
        }
    }

    /// A list as the JSON text of the answer to a list; the objects are written without being copied.
    pub(crate) fn many<'a>(&self, objects: impl Iterator<Item = &'a Value>, metadata: Value) -> String {
        if let Representation::Table(_) = self.representation {
            return self.table(objects, metadata).to_string();
        }
        let partial = self.representation == Representation::Partial;
        let list = List {
            kind: if partial {
                "PartialObjectMetadataList".to_owned()
            } else {
                format!("{}List", self.resource.kind)
            },
            api_version: if partial {
                "meta.k8s.io/v1".to_owned()
            } else {
                self.resource.api_version()
            },
            metadata,
            items: objects.map(|object| self.item(object)).collect(),
        };
        // Text keys and JSON values always serialize.
        serde_json::to_string(&list).unwrap_or_default()
    }

    /// The object of a bookmark: nothing but its version (and annotations).
    pub(crate) fn bookmark(&self, metadata: Value) -> Value {
        match self.representation {
            Representation::Object => {
                json!({ "kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata })
            }
            Representation::Partial => {
                json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
            }
            Representation::Table(_) => self.table(std::iter::empty(), metadata),
        }
    }

    /// The object in the version that was asked for.
    fn served<'a>(&self, object: &'a Value) -> Cow<'a, Value> {
        let api_version = self.resource.api_version();
        if object.get("apiVersion").and_then(Value::as_str) == Some(api_version.as_str()) {
            return Cow::Borrowed(object);
        }
        if self.resource.group == "events.k8s.io" {
            return Cow::Owned(event::to_events_group(object.clone()));
        }
        let mut converted = object.clone();
        converted["apiVersion"] = Value::from(api_version);
        Cow::Owned(converted)
    }

    /// The object as a list item: built-in kinds leave out what the list already says.
    fn item<'a>(&self, object: &'a Value) -> Item<'a> {
        match self.representation {
            Representation::Partial => Item::Whole(Cow::Owned(self.partial(object))),
            _ if self.resource.built_in => Item::Bare(self.served(object)),
            _ => Item::Whole(self.served(object)),
        }
    }

    fn partial(&self, object: &Value) -> Value {
        let metadata = object
            .get("metadata")
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new()));
        let mut partial = json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1" });
        partial["metadata"] = metadata;
        partial
    }

    fn table<'a>(&self, objects: impl Iterator<Item = &'a Value>, metadata: Value) -> Value {
        let rows: Vec<Value> = objects.map(|object| self.row(object)).collect();
        let mut table = json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1" });
        table["metadata"] = metadata;
        table["columnDefinitions"] = self.printer.definitions();
        table["rows"] = Value::Array(rows);
        table
    }

    fn row(&self, object: &Value) -> Value {
        let mut row = self.printer.row(object, self.now);
        match self.representation {
            Representation::Table(RowObject::Object) => row["object"] = self.served(object).into_owned(),
            Representation::Table(RowObject::Metadata) => row["object"] = self.partial(object),
            _ => row["object"] = Value::Null,
        }
        row
    }
}
