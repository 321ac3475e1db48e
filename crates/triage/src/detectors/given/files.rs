//! Files of a volume that a container's user may not touch.

use cluster::{Object, changes};
use domain::{FieldDiff, Severity, Signal};
use serde_json::Value;

use super::last_words;
use crate::detectors::Context;
use crate::detectors::finding::signal;
use crate::detectors::said::Said;
use crate::wording;

pub(super) const FILES: &str = "config-and-secrets/volume-permission-denied";

/// A volume that a path lies on.
struct Mounted<'a> {
    volume: &'a Value,
    mount: &'a str,
    read_only: bool,
}

pub(super) fn denied(context: &Context<'_>, workload: &Object, ended: &[&Object]) -> Option<Signal> {
    let view = context.view;
    let (said, path) = last_words(view, ended).into_iter().find_map(|said| {
        let hit = wording::captures(said.words(), FILES)?;
        let path = ["path", "node", "java", "stream", "ruby", "net", "io"]
            .into_iter()
            .find_map(|name| hit.name(name))?;
        Some((said, path.as_str().to_owned()))
    })?;
    let mounted = mounted(&said, &path)?;
    if mounted.read_only {
        return None;
    }
    let changed = changed(context, workload);
    let user = said
        .container
        .spec
        .pointer("/securityContext/runAsUser")
        .or(said.pod.at("spec.securityContext.runAsUser"))
        .and_then(Value::as_i64);
    let group = said
        .pod
        .at("spec.securityContext.fsGroup")
        .and_then(Value::as_i64);
    let certainty = match (&changed, user, group) {
        (Some(_), _, _) => 0.94,
        (None, Some(user), None) if user != 0 => 0.72,
        _ => 0.5,
    };
    let show = |id: Option<i64>| id.map_or_else(|| "unset".to_owned(), |id| id.to_string());
    let (field, found, before) = match &changed {
        Some(diff) => (diff.field.clone(), text(&diff.after), Some(text(&diff.before))),
        None => (
            "spec.template.spec.securityContext.fsGroup".to_owned(),
            show(group),
            None,
        ),
    };
    let was = before.as_ref().map_or_else(String::new, |before| {
        format!("; {field} was {before} before the last rollout and is {found}")
    });
    let message = format!(
        "{} [{}]: its user (runAsUser {}, fsGroup {}) may not use {path} on the volume at {}{was}",
        workload.reference(),
        said.container.name,
        show(user),
        show(group),
        mounted.mount
    );
    let claim = mounted
        .volume
        .pointer("/persistentVolumeClaim/claimName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut built = signal("given", workload.reference(), &message)
        .mechanism(FILES, certainty)
        .severity(Severity::Critical)
        .onset(ended.iter().filter_map(|pod| pod.created()).min())
        .affects(ended.iter().map(|pod| pod.reference().clone()))
        .params(&field, &found, before.as_deref())
        .param("path", &path)
        .fact(Some(said.fact("ermission")))
        .facts(
            said.pod,
            ["spec.securityContext.runAsUser", "spec.securityContext.fsGroup"],
        )
        .facts(workload, ["spec.template.spec.securityContext", field.as_str()]);
    if !claim.is_empty() {
        built = built.param("claim", claim);
    }
    Some(built.build())
}

fn text(value: &Option<domain::Redacted>) -> String {
    value
        .as_ref()
        .map_or_else(|| "unset".to_owned(), ToString::to_string)
}

/// The volume with the longest mount path that holds the path; only kinds whose files have owners of their own.
fn mounted<'a>(said: &Said<'a>, path: &str) -> Option<Mounted<'a>> {
    let mount = said
        .container
        .spec
        .get("volumeMounts")?
        .as_array()?
        .iter()
        .filter(|mount| {
            let at = mount.get("mountPath").and_then(Value::as_str).unwrap_or("/");
            let at = at.trim_end_matches('/');
            !at.is_empty() && (path == at || path.starts_with(&format!("{at}/")))
        })
        .max_by_key(|mount| mount.get("mountPath").and_then(Value::as_str).map_or(0, str::len))?;
    let name = mount.get("name")?;
    let volume = said
        .pod
        .list("spec.volumes")
        .iter()
        .find(|volume| volume.get("name") == Some(name))?;
    let owned = [
        "persistentVolumeClaim",
        "hostPath",
        "emptyDir",
        "nfs",
        "csi",
        "ephemeral",
        "secret",
    ]
    .iter()
    .any(|kind| volume.get(kind).is_some());
    owned.then_some(Mounted {
        volume,
        mount: mount.get("mountPath")?.as_str()?,
        read_only: mount.get("readOnly") == Some(&Value::Bool(true)),
    })
}

/// The change of user or group of the last rollout: the group that owns volumes before the user.
fn changed(context: &Context<'_>, workload: &Object) -> Option<FieldDiff> {
    let mut diffs: Vec<FieldDiff> = changes::revisions(context.view, workload)?
        .diff()
        .into_iter()
        .filter(|diff| {
            let field = &diff.field;
            [
                "fsGroup",
                "runAsUser",
                "runAsGroup",
                "supplementalGroups",
                "fsGroupChangePolicy",
                "defaultMode",
            ]
            .iter()
            .any(|end| field.ends_with(end))
                || field.ends_with("spec.securityContext")
        })
        .collect();
    diffs.sort_by_key(|diff| !diff.field.ends_with("fsGroup"));
    diffs.into_iter().next()
}
