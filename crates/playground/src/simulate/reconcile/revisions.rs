//! ControllerRevisions of StatefulSets and DaemonSets (`pkg/controller/history`). Must not know of pods.

use serde_json::{Value, json};

use super::cluster::{Cluster, owned_by};
use super::template::{plain, same};
use crate::build::controller::{controller_revision, revision_name};
use crate::build::json::{number, set, text, unset};
use crate::build::object::CONTROLLER;
use crate::build::workload::Kind;

/// Name of the revision that holds the controller's present template; it is made when there is none.
pub(super) fn current(cluster: &mut Cluster<'_>, parent: &Value, kind: Kind) -> String {
    let template = parent.pointer("/spec/template").cloned().unwrap_or_default();
    let kept = cluster.owned("ControllerRevision", parent);
    let found = kept.iter().find(|revision| {
        let mut held = revision
            .pointer("/data/spec/template")
            .cloned()
            .unwrap_or_default();
        unset(&mut held, "", "$patch");
        same(&held, &template)
    });
    if let Some(found) = found {
        return text(found, "/metadata/name").to_owned();
    }
    let observed = number(parent, "/status/observedGeneration");
    let known = text(parent, "/status/updateRevision");
    if !known.is_empty() && observed >= number(parent, "/metadata/generation") {
        return known.to_owned();
    }
    let next = kept
        .iter()
        .map(|revision| number(revision, "/revision"))
        .max()
        .unwrap_or(0)
        + 1;
    let mut made = controller_revision(
        &cluster.stamp,
        parent,
        &template,
        u64::try_from(next).unwrap_or(1),
        cluster.now(),
    );
    let name = revision_name(
        &cluster.stamp,
        kind,
        text(parent, "/metadata/namespace"),
        text(parent, "/metadata/name"),
        &plain(&template),
    );
    let hash = name.rsplit_once('-').map_or("", |(_, hash)| hash).to_owned();
    set(&mut made, "/metadata/name", json!(name));
    set(
        &mut made,
        "/metadata/labels/controller.kubernetes.io~1hash",
        json!(hash),
    );
    set(&mut made, "/metadata/ownerReferences", owned_by(parent));
    cluster.create(made, CONTROLLER);
    name
}
