//! Claims that bind to no volume, and volumes that live where the pod may not run.

use cluster::{ClusterView, Object};
use domain::{Severity, Signal};
use serde_json::Value;

use super::finding::{event_fact, signal};
use super::text::quantity;
use super::{Context, Detector, volume};
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "binding",
    mechanisms: &[
        NONE,
        "storage-and-persistence/pvc-unbindable-size",
        "storage-and-persistence/pvc-unbindable-mode",
        "storage-and-persistence/pvc-unbindable-selector",
        "storage-and-persistence/pvc-unbindable-class",
        AFFINITY,
    ],
    run,
};

const NONE: &str = "storage-and-persistence/pvc-unbindable";
const AFFINITY: &str = "storage-and-persistence/pv-node-affinity-conflict";

/// Why a volume does not fit a claim: the kind of the mechanism, the field and what the claim and the volume say.
struct Misfit {
    kind: &'static str,
    field: &'static str,
    wanted: String,
    offered: String,
}

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("PersistentVolumeClaim")
        .filter(|claim| claim.str("status.phase") == "Pending")
        .filter_map(|claim| unbindable(view, claim))
        .chain(
            view.of_kind("Pod")
                .filter(|pod| pod.str("status.phase") == "Pending" && pod.str("spec.nodeName").is_empty())
                .filter_map(|pod| elsewhere(view, pod)),
        )
        .collect()
}

/// A claim for which nothing is provisioned, beside volumes that do not fit it.
fn unbindable(view: &ClusterView, claim: &Object) -> Option<Signal> {
    if !view.has_list("PersistentVolume", "") || is_provisioned(view, claim)? {
        return None;
    }
    let event = view
        .events_of(claim.reference())
        .into_iter()
        .rev()
        .find(|event| wording::means(volume::words(event), NONE))?;
    let free: Vec<(&Object, Vec<Misfit>)> = view
        .of_kind("PersistentVolume")
        .filter(|found| is_free(found, claim))
        .map(|found| (found, misfits(found, claim)))
        .collect();
    let least = free.iter().map(|(_, misfits)| misfits.len()).min();
    let built = match least {
        None => {
            let message = format!(
                "{} binds to no volume: its class is {:?}, for which none is provisioned, and no volume is free",
                claim.reference(),
                claim.str("spec.storageClassName")
            );
            signal("binding", claim.reference(), &message)
                .mechanism(NONE, 0.9)
                .params(
                    "spec.storageClassName",
                    claim.str("spec.storageClassName"),
                    Some("a class that provisions, or a volume"),
                )
        }
        Some(0) => return None,
        Some(least) => {
            let near: Vec<&(&Object, Vec<Misfit>)> = free
                .iter()
                .filter(|(_, misfits)| misfits.len() == least)
                .collect();
            let (found, first) = near
                .first()
                .and_then(|(found, misfits)| Some((found, misfits.first()?)))?;
            let alike = least == 1
                && near
                    .iter()
                    .all(|(_, misfits)| misfits.iter().all(|misfit| misfit.kind == first.kind));
            let message = format!(
                "{} binds to no volume: {} is {} in the claim and {} in {}{}",
                claim.reference(),
                first.field,
                first.wanted,
                first.offered,
                found.reference(),
                match near.len() {
                    1 => String::new(),
                    more => format!(" and {} more free volumes", more - 1),
                }
            );
            let certainty = if alike { 0.92 } else { 0.5 };
            signal("binding", claim.reference(), &message)
                .mechanism(if alike { first.kind } else { NONE }, certainty)
                .params(first.field, &first.wanted, Some(&first.offered))
                .facts(
                    found,
                    [
                        "status.phase",
                        "spec.capacity.storage",
                        "spec.accessModes",
                        "spec.volumeMode",
                        "spec.storageClassName",
                        "metadata.labels",
                    ],
                )
        }
    };
    Some(
        built
            .severity(Severity::Critical)
            .onset(claim.created())
            .affects(volume::sufferers(view, claim.reference()))
            .fact(Some(event_fact(event)))
            .facts(
                claim,
                [
                    "status.phase",
                    "spec.storageClassName",
                    "spec.resources.requests.storage",
                    "spec.accessModes",
                    "spec.volumeMode",
                    "spec.selector",
                ],
            )
            .build(),
    )
}

/// Whether volumes are made for the claim: not with an empty class, nor with one without a provisioner. `None` where
/// that is not known.
fn is_provisioned(view: &ClusterView, claim: &Object) -> Option<bool> {
    let class = claim.at("spec.storageClassName")?.as_str()?;
    if class.is_empty() {
        return Some(false);
    }
    let found = view.get("StorageClass", "", class)?;
    Some(found.str("provisioner") != "kubernetes.io/no-provisioner")
}

fn is_free(found: &Object, claim: &Object) -> bool {
    let holder = (
        found.str("spec.claimRef.namespace"),
        found.str("spec.claimRef.name"),
    );
    found.str("status.phase") == "Available"
        && (found.at("spec.claimRef").is_none() || holder == (claim.namespace(), claim.name()))
}

/// `pkg/controller/volume/persistentvolume/index.go`, `findBestMatchForClaim`: what a volume must agree with.
fn misfits(found: &Object, claim: &Object) -> Vec<Misfit> {
    let mut out = Vec::new();
    let mut differ = |kind: &'static str, field: &'static str, wanted: String, offered: String| {
        out.push(Misfit {
            kind,
            field,
            wanted,
            offered,
        });
    };
    let (wanted, offered) = (
        claim.str("spec.resources.requests.storage"),
        found.str("spec.capacity.storage"),
    );
    if quantity(offered) < quantity(wanted) {
        differ(
            "storage-and-persistence/pvc-unbindable-size",
            "spec.resources.requests.storage",
            wanted.to_owned(),
            offered.to_owned(),
        );
    }
    let (wanted, offered) = (
        volume::texts(claim, "spec.accessModes"),
        volume::texts(found, "spec.accessModes"),
    );
    let mode = |object: &Object| match object.str("spec.volumeMode") {
        "" => "Filesystem".to_owned(),
        given => given.to_owned(),
    };
    if !wanted.iter().all(|mode| offered.contains(mode)) {
        differ(
            "storage-and-persistence/pvc-unbindable-mode",
            "spec.accessModes",
            wanted.join(","),
            offered.join(","),
        );
    } else if mode(claim) != mode(found) {
        differ(
            "storage-and-persistence/pvc-unbindable-mode",
            "spec.volumeMode",
            mode(claim),
            mode(found),
        );
    }
    let labels = found.at("metadata.labels").unwrap_or(&Value::Null);
    if let Some(selector) = claim.at("spec.selector")
        && !cluster::selector::label_selects(selector, labels)
    {
        differ(
            "storage-and-persistence/pvc-unbindable-selector",
            "spec.selector",
            selector.to_string(),
            labels.to_string(),
        );
    }
    let (wanted, offered) = (
        claim.str("spec.storageClassName"),
        found.str("spec.storageClassName"),
    );
    if wanted != offered {
        differ(
            "storage-and-persistence/pvc-unbindable-class",
            "spec.storageClassName",
            format!("{wanted:?}"),
            format!("{offered:?}"),
        );
    }
    out
}

/// The scheduler says that the volume is elsewhere: do the pod's own rules exclude every node that the volume admits?
fn elsewhere(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let refused = pod.str("status.conditions[PodScheduled].message");
    let words = Words {
        place: Place::Condition,
        reason: pod.str("status.conditions[PodScheduled].reason"),
        message: refused,
    };
    wording::captures(words, AFFINITY)?.name("conflict")?;
    let (claim, found) = volume::claims(pod)
        .filter_map(|name| view.get("PersistentVolumeClaim", pod.namespace(), name))
        .find_map(|claim| {
            let found = view.get("PersistentVolume", "", claim.str("spec.volumeName"))?;
            found.at("spec.nodeAffinity.required").map(|_| (claim, found))
        })?;
    let nodes: Vec<&Object> = view.of_kind("Node").collect();
    let admitted = |by: &dyn Fn(&Object) -> bool| nodes.iter().filter(|node| by(node)).count();
    let by_volume = |node: &Object| admits(found.at("spec.nodeAffinity.required"), node);
    let by_pod = |node: &Object| pod_admits(pod, node);
    let both = admitted(&|node| by_volume(node) && by_pod(node));
    let (of_volume, of_pod) = (admitted(&by_volume), admitted(&by_pod));
    let workload = view.workload_of(pod);
    let pinned = of_pod < nodes.len();
    let certainty = if both == 0 && of_volume > 0 && of_pod > 0 && pinned {
        0.92
    } else {
        0.4
    };
    let message = format!(
        "{} admits {of_pod} of {} nodes by its node selector and affinity, and {} ({}) {of_volume}; {both} nodes satisfy both",
        pod.reference(),
        nodes.len(),
        found.reference(),
        claim.reference()
    );
    let selector = pod
        .at("spec.nodeSelector")
        .map_or_else(String::new, ToString::to_string);
    let mut built = signal("binding", &workload, &message)
        .mechanism(AFFINITY, certainty)
        .severity(Severity::Critical)
        .onset(pod.created())
        .affects([
            pod.reference().clone(),
            workload.clone(),
            claim.reference().clone(),
        ])
        .facts(
            pod,
            [
                "spec.nodeSelector",
                "spec.affinity.nodeAffinity",
                "status.conditions[PodScheduled].message",
            ],
        )
        .facts(found, ["spec.nodeAffinity.required"])
        .computed(&workload, "nodes.satisfying.both", &both.to_string(), None)
        .params("spec.template.spec.nodeSelector", &selector, None);
    if let Some(owner) = view.get_ref(&workload) {
        built = built.facts(owner, ["spec.template.spec.nodeSelector"]);
    }
    Some(built.build())
}

fn pod_admits(pod: &Object, node: &Object) -> bool {
    let labels = node.at("metadata.labels").unwrap_or(&Value::Null);
    let simple = pod
        .pairs("spec.nodeSelector")
        .all(|(key, value)| labels.get(key).and_then(Value::as_str) == Some(value));
    let required = pod.at("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    simple && required.is_none_or(|required| admits(Some(required), node))
}

/// Whether a node selector's terms (one of them, all its expressions) admit a node.
fn admits(selector: Option<&Value>, node: &Object) -> bool {
    let labels = node.at("metadata.labels").unwrap_or(&Value::Null);
    selector
        .and_then(|selector| selector.get("nodeSelectorTerms")?.as_array())
        .is_some_and(|terms| {
            terms.iter().any(|term| {
                term.get("matchExpressions")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .all(|expression| holds(expression, labels))
            })
        })
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let text = |field: &str| expression.get(field).and_then(Value::as_str).unwrap_or_default();
    let found = labels.get(text("key"));
    let listed = expression
        .get("values")
        .and_then(Value::as_array)
        .is_some_and(|values| found.is_some_and(|found| values.contains(found)));
    match text("operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => true,
    }
}
