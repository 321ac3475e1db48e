//! Helm releases: read from the Secrets that Helm 3 and 4 write, decoded here and handed out as facts only.
//!
//! Layout by Helm's `pkg/storage/driver`: Secret type `helm.sh/release.v1`, labels `owner=helm`, `name`,
//! `status`, `version`; `data.release` is base64 of gzip of JSON.

use std::io::{Read, Write as _};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{ObjectRef, Redacted, Redactor};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::client::{ClusterReader, Failure, Selectors};
use crate::api::kinds;
use crate::api::look::{Blind, Look};
use crate::api::project;

/// Largest release that is unpacked.
const UNPACKED_LIMIT: u64 = 32 * 1024 * 1024;

/// One revision of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Revision number.
    pub version: i64,
    /// `deployed`, `superseded`, `failed`, `pending-upgrade`, …
    pub status: String,
    /// When it was deployed.
    pub deployed_at: Option<Timestamp>,
    /// Helm's own description.
    pub description: Redacted,
    /// Chart name and version.
    pub chart: String,
    /// The user's values, redacted.
    pub values: Value,
    /// The chart's defaults, redacted.
    pub defaults: Value,
    /// Objects that the manifest makes (kind, namespace, name).
    pub objects: Vec<ObjectRef>,
}

/// A release with its newest revisions, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// The release as an object.
    pub reference: ObjectRef,
    /// Newest first; only the newest few are decoded.
    pub revisions: Vec<Revision>,
}

impl ClusterReader {
    /// The releases of a namespace with their newest `depth` revisions.
    pub async fn releases(&self, namespace: &str, depth: usize) -> Look<Vec<Release>> {
        let Some(secrets) = kinds::find("Secret") else {
            return Look::Empty;
        };
        if !self.secret_data().helm {
            return Look::CouldNotLook(Blind::purpose("helm"));
        }
        let listed = self
            .list(secrets, namespace, &Selectors::labels("owner=helm"))
            .await;
        let listed = match listed {
            Look::Found(listed) => listed,
            Look::Empty => return Look::Empty,
            Look::CouldNotLook(blind) => return Look::CouldNotLook(blind),
        };
        let mut newest: Vec<(String, i64, String)> = listed
            .iter()
            .filter_map(|secret| {
                let version = secret.str("metadata.labels.version").parse().ok()?;
                Some((
                    secret.str("metadata.labels.name").to_owned(),
                    version,
                    secret.name().to_owned(),
                ))
            })
            .collect();
        newest.sort_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
        let mut releases: Vec<Release> = Vec::new();
        for (name, _, secret) in newest {
            if releases.last().is_none_or(|last| last.reference.name != name) {
                releases.push(Release {
                    reference: ObjectRef::release(namespace, &name),
                    revisions: Vec::new(),
                });
            }
            let Some(release) = releases
                .last_mut()
                .filter(|release| release.revisions.len() < depth)
            else {
                continue;
            };
            match self.revision(namespace, &secret).await {
                Ok(revision) => release.revisions.push(revision),
                Err(Failure::NotFound) => {}
                Err(Failure::Blind(blind)) => return Look::CouldNotLook(blind),
            }
        }
        Look::Found(releases)
    }

    async fn revision(&self, namespace: &str, secret: &str) -> Result<Revision, Failure> {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{secret}");
        let value = self.json(&path, "application/json").await?;
        let packed = value
            .pointer("/data/release")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let release = unpack(packed).map_err(|what| {
            Failure::Blind(Blind {
                reason: domain::NotLooked::Failed,
                message: Redacted::trusted(&format!(
                    "Secret {namespace}/{secret} holds no readable release: {what}"
                )),
            })
        })?;
        if let (Some(recorder), Some(kind)) = (self.recorder(), kinds::find("Secret")) {
            recorder.release(kind, &value, &release, self.redactor());
        }
        Ok(revision(&release, namespace, self.redactor()))
    }
}

fn unpack(packed: &str) -> Result<Value, &'static str> {
    let outer = STANDARD.decode(packed).map_err(|_| "not base64")?;
    let inner = STANDARD.decode(&outer).map_err(|_| "not base64 inside")?;
    let json = if inner.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut json = Vec::new();
        GzDecoder::new(inner.as_slice())
            .take(UNPACKED_LIMIT)
            .read_to_end(&mut json)
            .map_err(|_| "not gzip")?;
        json
    } else {
        inner
    };
    serde_json::from_slice(&json).map_err(|_| "not JSON")
}

/// Packs a release as Helm does.
pub(super) fn pack(release: &Value) -> String {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer
        .write_all(release.to_string().as_bytes())
        .and_then(|()| packer.finish())
        .unwrap_or_default();
    STANDARD.encode(STANDARD.encode(packed))
}

/// What a recording keeps of a release: no more than [`revision`] reads, redacted; the manifest names its objects only.
pub(super) fn kept(release: &Value, redactor: &Redactor) -> Value {
    let text = |path: &str| release.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let redacted = |path: &str| {
        let mut value = release.pointer(path).cloned().unwrap_or_default();
        project::redact(&mut value, "", redactor);
        value
    };
    let documents: Vec<String> = manifest_objects(text("/manifest"), "")
        .iter()
        .map(|object| {
            let namespace = if object.namespace.is_empty() {
                String::new()
            } else {
                format!("  namespace: {}\n", object.namespace)
            };
            format!(
                "kind: {}\nmetadata:\n  name: {}\n{namespace}",
                object.kind, object.name
            )
        })
        .collect();
    json!({
        "name": text("/name"),
        "namespace": text("/namespace"),
        "version": release.pointer("/version").cloned().unwrap_or_default(),
        "info": {
            "status": text("/info/status"),
            "last_deployed": text("/info/last_deployed"),
            "description": redactor.redact(text("/info/description")).as_str(),
        },
        "chart": {
            "metadata": { "name": text("/chart/metadata/name"), "version": text("/chart/metadata/version") },
            "values": redacted("/chart/values"),
        },
        "config": redacted("/config"),
        "manifest": documents.join("---\n"),
    })
}

fn revision(release: &Value, namespace: &str, redactor: &Redactor) -> Revision {
    let text = |path: &str| release.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let redacted = |path: &str| {
        let mut value = release.pointer(path).cloned().unwrap_or_default();
        project::redact(&mut value, "", redactor);
        value
    };
    Revision {
        version: release
            .pointer("/version")
            .and_then(Value::as_i64)
            .unwrap_or_default(),
        status: text("/info/status").to_owned(),
        deployed_at: text("/info/last_deployed").parse().ok(),
        description: redactor.redact(text("/info/description")),
        chart: format!(
            "{}-{}",
            text("/chart/metadata/name"),
            text("/chart/metadata/version")
        ),
        values: redacted("/config"),
        defaults: redacted("/chart/values"),
        objects: manifest_objects(text("/manifest"), namespace),
    }
}

/// Kind, namespace and name of each document of a manifest, read line by line: the top-level `kind:` and the
/// first `name:` and `namespace:` under `metadata:`.
fn manifest_objects(manifest: &str, release_namespace: &str) -> Vec<ObjectRef> {
    manifest
        .split("\n---")
        .filter_map(|document| {
            let (mut kind, mut name, mut namespace, mut in_metadata) = ("", "", release_namespace, false);
            for line in document.lines() {
                if let Some(value) = line.strip_prefix("kind:") {
                    kind = value.trim().trim_matches(['"', '\'']);
                } else if !line.starts_with(' ') {
                    in_metadata = line.starts_with("metadata:");
                } else if let Some(value) = line.strip_prefix("  name:").filter(|_| in_metadata) {
                    name = value.trim().trim_matches(['"', '\'']);
                } else if let Some(value) = line.strip_prefix("  namespace:").filter(|_| in_metadata) {
                    namespace = value.trim().trim_matches(['"', '\'']);
                }
            }
            let clusterwide = kinds::find(kind).is_some_and(|kind| !kind.namespaced);
            let namespace = if clusterwide { "" } else { namespace };
            (!kind.is_empty() && !name.is_empty()).then(|| ObjectRef::of(kind, namespace, name))
        })
        .collect()
}

/// Leaves of a values document as `a.b.c` → text, for diffs.
pub fn flatten(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, at: &str, out: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, below) in map {
                    walk(
                        below,
                        &if at.is_empty() {
                            key.clone()
                        } else {
                            format!("{at}.{key}")
                        },
                        out,
                    );
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, below) in items.iter().enumerate() {
                    walk(below, &format!("{at}[{index}]"), out);
                }
            }
            Value::Null if at.is_empty() => {}
            other => out.push((at.to_owned(), crate::path::text(other))),
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}
