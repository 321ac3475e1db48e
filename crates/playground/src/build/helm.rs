//! Helm releases as Helm 3 and 4 store them: one Secret per revision. Must not know why a revision was made.

mod yaml;

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use serde_json::{Value, json};

use self::yaml::to_yaml;
use super::object::{HELM3, Stamp};
use super::time;
use super::workload::{CHART_VERSION, Delivery};
use crate::build::json::set;
use crate::world::World;

/// One revision of a release.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub name: String,
    /// Chart name.
    pub chart: String,
    /// Application version that the chart names.
    pub app_version: String,
    /// Number of the revision, from 1.
    pub number: u64,
    /// `deployed`, `superseded`, `failed`, …
    pub status: &'static str,
    /// `Install complete`, `Upgrade complete`, …
    pub description: String,
    /// First deployment of the release.
    pub first: Timestamp,
    /// Deployment of this revision.
    pub deployed: Timestamp,
    /// When its Secret was last written: a superseded one when its successor came.
    pub modified: Timestamp,
    /// Values that the user set.
    pub values: Value,
    /// Objects of the manifest with the template that each came from.
    pub manifest: Vec<(&'static str, Value)>,
    /// Which Helm wrote it.
    pub delivery: Delivery,
}

/// Name of the Secret of a revision (`helm.sh/helm`, `pkg/storage/storage.go`, `makeKey`).
pub fn secret_name(release: &str, number: u64) -> String {
    format!("sh.helm.release.v1.{release}.v{number}")
}

/// Stores a revision as a Secret (`pkg/storage/driver/secrets.go`, `newSecretsObject`).
pub fn store(stamp: &Stamp, world: &mut World, revision: &Revision) {
    let name = secret_name(&revision.name, revision.number);
    let labels = json!({
        "modifiedAt": revision.modified.as_second().to_string(), "name": revision.name, "owner": "helm",
        "status": revision.status, "version": revision.number.to_string()
    });
    let encoded = encode(&release(revision));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": stamp.labelled("Secret", &revision.namespace, &name, revision.deployed, &labels),
        "type": "helm.sh/release.v1",
        "data": { "release": encoded }
    });
    stamp.put(world, secret, HELM3, revision.modified);
}

/// Unpacks a stored release; `None` when the text is none.
pub fn decode(packed: &str) -> Option<Value> {
    let inner = STANDARD.decode(STANDARD.decode(packed).ok()?).ok()?;
    let mut json = Vec::new();
    GzDecoder::new(inner.as_slice()).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Base64 of base64 of gzip of JSON: Helm's own base64, then that of Secret data
/// (`pkg/storage/driver/util.go`, `encodeRelease`).
pub fn encode(release: &Value) -> String {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let written = gzip.write_all(release.to_string().as_bytes());
    let packed = written.and_then(|()| gzip.finish()).unwrap_or_default();
    STANDARD.encode(STANDARD.encode(packed))
}

fn release(revision: &Revision) -> Value {
    let mut release = json!({
        "name": revision.name,
        "info": {
            "first_deployed": time::nanos(revision.first),
            "last_deployed": time::nanos(revision.deployed),
            "deleted": "",
            "description": revision.description,
            "status": revision.status,
            "notes": format!("{} is installed in namespace {}.\n", revision.name, revision.namespace)
        },
        "chart": {
            "metadata": {
                "name": revision.chart, "version": CHART_VERSION, "description": "A service of the platform",
                "apiVersion": "v2", "appVersion": revision.app_version, "type": "application"
            },
            "lock": null,
            "templates": templates(),
            "values": defaults(),
            "schema": null,
            "files": []
        },
        "config": revision.values,
        "manifest": manifest_text(revision),
        "version": revision.number,
        "namespace": revision.namespace
    });
    if revision.delivery == Delivery::Helm4 {
        set(&mut release, "/apply_method", json!("ssa"));
    }
    release
}

fn manifest_text(revision: &Revision) -> String {
    revision
        .manifest
        .iter()
        .map(|(template, object)| {
            format!(
                "---\n# Source: {}/templates/{template}\n{}",
                revision.chart,
                to_yaml(object)
            )
        })
        .collect()
}

fn defaults() -> Value {
    json!({
        "replicaCount": 1,
        "image": { "repository": "", "tag": "", "pullPolicy": "IfNotPresent" },
        "service": { "type": "ClusterIP", "port": 8080 },
        "database": { "host": "", "port": 5432, "name": "" },
        "upstreams": {},
        "resources": {},
        "autoscaling": { "enabled": false }
    })
}

fn templates() -> Value {
    let file = |name: &str, text: &str| json!({ "name": format!("templates/{name}"), "data": STANDARD.encode(text) });
    json!([
        file(
            "serviceaccount.yaml",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {{ .Release.Name }}\n"
        ),
        file(
            "configmap.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-config\n"
        ),
        file(
            "service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n"
        ),
        file(
            "workload.yaml",
            "metadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicaCount }}\n"
        )
    ])
}
