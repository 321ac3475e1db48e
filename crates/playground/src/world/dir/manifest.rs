//! Object files: YAML (also several documents) or JSON, single objects or Lists as kubectl prints them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::world::dir::{WorldError, file_name, read};

/// Whether the file name is one of an object file.
pub(crate) fn is_manifest(path: &Path) -> bool {
    matches!(
        path.extension().and_then(|extension| extension.to_str()),
        Some("yaml" | "yml" | "json")
    )
}

/// Reads the documents of a file.
pub(crate) fn documents(path: &Path) -> Result<Vec<Value>, WorldError> {
    let text = read(path)?;
    if path.extension().is_some_and(|extension| extension == "json") {
        let invalid = |error: serde_json::Error| WorldError::invalid(path, error.to_string());
        return serde_json::Deserializer::from_str(&text)
            .into_iter::<Value>()
            .collect::<Result<_, _>>()
            .map_err(invalid);
    }
    // The file is the user's own: no limits against hostile documents.
    let options = serde_saphyr::options! { budget: None };
    serde_saphyr::from_multiple_with_options(&text, options)
        .map_err(|error| WorldError::invalid(path, error.to_string()))
}

/// Reads the objects of a file; Lists are taken apart, and their items get the kind that the List implies.
pub(crate) fn objects(path: &Path) -> Result<Vec<Value>, WorldError> {
    Manifests::default().read(path)
}

/// Which kinds files spoke of: an empty List says that there is nothing, no file at all says nothing.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    kinds: BTreeSet<String>,
    stems: BTreeSet<String>,
}

impl Manifests {
    /// Reads the objects of a file and notes its kinds.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Vec<Value>, WorldError> {
        let mut found = Vec::new();
        for document in documents(path)? {
            if document.is_null() {
                continue;
            }
            let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
            match kind.strip_suffix("List") {
                Some("") => {
                    let stem = path
                        .file_stem()
                        .and_then(|stem| stem.to_str())
                        .unwrap_or_default();
                    self.stems.insert(stem.to_lowercase());
                }
                Some(items) => {
                    self.kinds.insert(items.to_owned());
                }
                None => {}
            }
            take_apart(path, document, &mut found)?;
        }
        let kinds = found.iter().filter_map(|object| object.get("kind")?.as_str());
        self.kinds.extend(kinds.map(str::to_owned));
        Ok(found)
    }

    /// Whether any file spoke of the kind: by an object, by its List, or by its plural as the file's name.
    pub(crate) fn speak_of(&self, kind: &str, plural: &str) -> bool {
        self.kinds.contains(kind) || self.stems.contains(plural)
    }
}

fn take_apart(path: &Path, mut document: Value, into: &mut Vec<Value>) -> Result<(), WorldError> {
    let field = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (api_version, kind) = (field("apiVersion"), field("kind"));
    if kind.is_empty() {
        return Err(WorldError::invalid(path, "a document has no kind"));
    }
    let Some(item_kind) = kind
        .strip_suffix("List")
        .filter(|_| document.get("items").is_some())
    else {
        return add(path, document, into);
    };
    let items = document.get_mut("items").map(Value::take);
    for mut item in items
        .and_then(|items| serde_json::from_value::<Vec<Value>>(items).ok())
        .unwrap_or_default()
    {
        if let (Some(fields), false) = (item.as_object_mut(), item_kind.is_empty()) {
            fields.entry("kind").or_insert_with(|| Value::from(item_kind));
            fields
                .entry("apiVersion")
                .or_insert_with(|| Value::from(api_version.clone()));
        }
        add(path, item, into)?;
    }
    Ok(())
}

fn add(path: &Path, object: Value, into: &mut Vec<Value>) -> Result<(), WorldError> {
    if crate::world::ObjectKey::of(&object).is_none() {
        let reason = format!(
            "an object in {} has no apiVersion, kind or metadata.name",
            file_name(path)
        );
        return Err(WorldError::invalid(path, reason));
    }
    into.push(object);
    Ok(())
}
