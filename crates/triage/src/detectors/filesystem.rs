//! Volumes that are mounted badly or full: damaged filesystems, read-only remounts, no space left.

use cluster::{ClusterView, LogLine, Object};
use domain::{ObjectRef, Severity, Signal};
use serde_json::Value;

use super::finding::{event_fact, signal};
use super::{Context, Detector, volume};

pub(super) const DETECTOR: Detector = Detector {
    name: "filesystem",
    mechanisms: &[CORRUPT, FULL],
    run,
};

const CORRUPT: &str = "storage-and-persistence/filesystem-corrupt";
const FULL: &str = "storage-and-persistence/volume-full";

/// Fewer recent lines are an accident.
const MANY: usize = 3;
/// A volume with less than this share left counts as full.
const LITTLE: f64 = 0.03;
/// With less than this share left, the kubelet's figures alone say that it is full.
const NOTHING: f64 = 0.005;

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = volume::waiting(view)
        .filter_map(|pod| unmountable(view, pod))
        .collect();
    for pod in view
        .of_kind("Pod")
        .filter(|pod| volume::claims(pod).next().is_some())
    {
        out.extend(turned_read_only(view, pod).or_else(|| no_space(view, pod)));
    }
    out.extend(
        view.of_kind("PersistentVolumeClaim")
            .filter_map(|claim| nearly_full(view, claim)),
    );
    out
}

/// The kubelet cannot mount: fsck found what it cannot repair, or the kernel refuses the filesystem.
fn unmountable(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let (event, _) = volume::said(view, pod.reference(), CORRUPT, "damage")?;
    let text = event.str("message");
    let claim = volume::claims(pod)
        .filter_map(|name| view.get("PersistentVolumeClaim", pod.namespace(), name))
        .find(|claim| {
            let name = claim.str("spec.volumeName");
            !name.is_empty() && text.contains(name)
        })?;
    let object = ObjectRef::of("PersistentVolume", "", claim.str("spec.volumeName"));
    let first: String = text.lines().collect::<Vec<_>>().join(" ");
    let message = format!(
        "the filesystem of {object} ({}) is damaged, so that {} cannot mount it: {}",
        claim.reference(),
        pod.reference(),
        short(&first)
    );
    let mut built = signal("filesystem", &object, &message)
        .mechanism(CORRUPT, 0.93)
        .severity(Severity::Critical)
        .onset(cluster::view::event_start(event))
        .affects(volume::sufferers(view, claim.reference()))
        .fact(Some(event_fact(event)))
        .facts(claim, ["spec.volumeName", "status.phase"])
        .params("filesystem", "damaged", Some("clean"));
    if let Some(found) = view.get_ref(&object) {
        built = built.facts(
            found,
            ["spec.csi.driver", "spec.csi.volumeHandle", "spec.csi.fsType"],
        );
    }
    Some(built.build())
}

fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(420).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// Writes are refused as read-only although the mount is writable; the node says whether its kernel gave a filesystem
/// up.
fn turned_read_only(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let lines = volume::recent_lines(view, pod, |line| {
        line.contains("Read-only file system") || line.contains("EROFS")
    });
    if lines.len() < MANY {
        return None;
    }
    let claim = written_claim(view, pod, &lines)?;
    let node = view.get("Node", "", pod.str("spec.nodeName"));
    let condition = "status.conditions[ReadonlyFilesystem]";
    let remounted = node.filter(|node| node.str(&format!("{condition}.status")) == "True");
    let object = ObjectRef::of("PersistentVolume", "", claim.str("spec.volumeName"));
    let (certainty, seen) = match remounted {
        Some(node) => (
            0.9,
            format!(
                "the kernel of {} reports: {}",
                node.reference(),
                node.str(&format!("{condition}.message"))
            ),
        ),
        None => (0.5, "no report of the node's kernel was found".to_owned()),
    };
    let message = format!(
        "{} cannot write to {} ({object}) any more: {} lines with \"Read-only file system\" within 15 minutes; {seen}",
        pod.reference(),
        claim.reference(),
        lines.len()
    );
    let mut built = logged(signal("filesystem", &object, &message), pod, &lines)
        .mechanism(CORRUPT, certainty)
        .severity(Severity::Critical)
        .onset(
            remounted
                .and_then(|node| node.time(&format!("{condition}.lastTransitionTime")))
                .or(volume::first_at(&lines)),
        )
        .affects(volume::sufferers(view, claim.reference()))
        .facts(claim, ["spec.volumeName"])
        .params("filesystem", "read-only", Some("writable"));
    if let Some(node) = remounted {
        let paths = ["status", "reason", "message"].map(|field| format!("{condition}.{field}"));
        built = built.facts(node, paths.iter().map(String::as_str));
    }
    Some(built.build())
}

fn logged(
    built: super::finding::SignalBuilder,
    pod: &Object,
    lines: &[&LogLine],
) -> super::finding::SignalBuilder {
    match lines.last() {
        Some(last) => built.computed(
            pod.reference(),
            "log.line",
            last.text.truncated(300).as_str(),
            last.at,
        ),
        None => built,
    }
}

/// The claim whose writable mount the lines name by its path, or the pod's only one.
fn written_claim<'a>(view: &'a ClusterView, pod: &'a Object, lines: &[&LogLine]) -> Option<&'a Object> {
    let mounts: Vec<(&str, &str)> = writable_mounts(pod);
    let named = mounts.iter().find(|(path, _)| {
        lines.iter().any(|line| {
            line.text
                .as_str()
                .contains(&format!("{}/", path.trim_end_matches('/')))
        })
    });
    let ((Some((_, chosen)), _) | (None, [(_, chosen)])) = (named, mounts.as_slice()) else {
        return None;
    };
    view.get("PersistentVolumeClaim", pod.namespace(), chosen)
}

/// Paths and claims of a pod's mounts that are not read-only by intent.
fn writable_mounts(pod: &Object) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    for mount in pod
        .list("spec.containers")
        .iter()
        .filter_map(|container| container.get("volumeMounts")?.as_array())
        .flatten()
        .filter(|mount| mount.get("readOnly") != Some(&Value::Bool(true)))
    {
        let text = |field: &str| mount.get(field).and_then(Value::as_str).unwrap_or_default();
        let claim = pod
            .list("spec.volumes")
            .iter()
            .find(|volume| volume.get("name").and_then(Value::as_str) == Some(text("name")))
            .filter(|volume| volume.pointer("/persistentVolumeClaim/readOnly") != Some(&Value::Bool(true)))
            .and_then(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
        if let Some(claim) = claim {
            out.push((text("mountPath"), claim));
        }
    }
    out
}

/// Writes fail for want of space, and the kubelet's figures say of which volume.
fn no_space(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let lines = volume::recent_lines(view, pod, |line| volume::line_means(line, FULL));
    if lines.len() < MANY {
        return None;
    }
    let claim = written_claim(view, pod, &lines)?;
    let share = share_left(view, claim);
    let (certainty, seen) = match share {
        Some(share) if share <= LITTLE => (0.94, format!("{:.1} % of it are free", share * 100.0)),
        Some(_) => return None,
        None => (0.55, "its usage is not known".to_owned()),
    };
    let size = claim.str("status.capacity.storage");
    let message = format!(
        "{} of {size} is full ({seen}): {} logged {} failed writes within 15 minutes",
        claim.reference(),
        pod.reference(),
        lines.len()
    );
    let mut built = logged(signal("filesystem", claim.reference(), &message), pod, &lines)
        .mechanism(FULL, certainty)
        .severity(Severity::Critical)
        .onset(volume::first_at(&lines))
        .affects(volume::sufferers(view, claim.reference()))
        .facts(
            claim,
            [
                "spec.resources.requests.storage",
                "status.capacity.storage",
                "spec.storageClassName",
            ],
        )
        .params("spec.resources.requests.storage", size, Some("more"));
    if let Some(share) = share {
        built = measured(built, view, claim, share);
    }
    if let Some(class) = view.get("StorageClass", "", claim.str("spec.storageClassName")) {
        built = built.facts(class, ["allowVolumeExpansion"]);
    }
    Some(built.build())
}

fn measured(
    built: super::finding::SignalBuilder,
    view: &ClusterView,
    claim: &Object,
    share: f64,
) -> super::finding::SignalBuilder {
    built.computed(
        claim.reference(),
        "kubelet_volume_stats_available_bytes/kubelet_volume_stats_capacity_bytes",
        &format!("{share:.4}"),
        Some(view.now),
    )
}

/// A volume without space whose users do not complain in logs that were read.
fn nearly_full(view: &ClusterView, claim: &Object) -> Option<Signal> {
    let share = share_left(view, claim).filter(|share| *share <= LITTLE)?;
    let message = format!("{} is full: {:.1} % are free", claim.reference(), share * 100.0);
    let built = signal("filesystem", claim.reference(), &message)
        .mechanism(FULL, if share < NOTHING { 0.84 } else { 0.5 })
        .affects(volume::sufferers(view, claim.reference()))
        .facts(claim, ["status.capacity.storage"])
        .params(
            "spec.resources.requests.storage",
            claim.str("spec.resources.requests.storage"),
            Some("more"),
        );
    Some(measured(built, view, claim, share).build())
}

/// The share of a volume that is free, by the kubelet's figures.
fn share_left(view: &ClusterView, claim: &Object) -> Option<f64> {
    let last = |query: &str| {
        view.series(query)
            .iter()
            .filter(|series| {
                series.label("namespace") == claim.namespace()
                    && series.label("persistentvolumeclaim") == claim.name()
            })
            .find_map(cluster::Series::last)
    };
    let (free, all) = (last("volume_available_bytes")?, last("volume_capacity_bytes")?);
    (all > 0.0).then(|| free / all)
}
