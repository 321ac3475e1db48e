//! Edits that people make about volumes, as remedies of several faults. Must not know which of them heals what.

use serde_json::{Value, json};

use crate::build::json::{items, number, set, text, unset};
use crate::build::workload::Workload;
use crate::faults::{Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::world::{ObjectKey, World};

/// The shop's workload that is the cause or suffers most.
pub fn sufferer<'a>(shop: &'a Shop, truth: &Truth) -> Option<&'a Workload> {
    truth
        .root_causes
        .iter()
        .map(|cause| &cause.object)
        .chain(&truth.victims)
        .filter(|found| matches!(found.kind.as_str(), "Deployment" | "StatefulSet"))
        .find_map(|found| shop.named(&found.namespace, &found.name))
}

/// What a hasty engineer tries with any pod that waits: a restart of the workload, and another pod.
pub fn hasty(shop: &Shop, truth: &Truth) -> Vec<Remedy> {
    let mut out = Vec::new();
    if let Some(workload) = sufferer(shop, truth) {
        out.push(Remedy::fails("restart", vec![restart(&workload_key(workload))]));
    }
    if let Some(pod) = truth.victims.iter().find(|victim| victim.kind == "Pod") {
        out.push(Remedy::fails("delete-pod", vec![Step::Delete(pod.clone())]));
    }
    out
}

/// `kubectl rollout restart`.
pub fn restart(workload: &ObjectKey) -> Step {
    Step::MergePatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": { "metadata": { "annotations": {
            "kubectl.kubernetes.io/restartedAt": "2026-06-30T12:00:00Z"
        } } } } }),
    }
}

/// Deletes the workload's pods.
pub fn delete_pods(world: &World, workload: &Workload) -> Vec<Step> {
    pods_of(world, workload)
        .iter()
        .map(|pod| Step::Delete(key("", "Pod", &workload.namespace, text(pod, "/metadata/name"))))
        .collect()
}

/// Deletes a claim, with the pods that use it, and creates it again with changes. The claims of a StatefulSet follow
/// its templates, which cannot be changed, so the set is created again, too, and makes the claim itself.
pub fn renew_claim(
    world: &World,
    workload: &Workload,
    claim: &str,
    change: impl Fn(&mut Value),
) -> Vec<Step> {
    let namespace = workload.namespace.as_str();
    let Some(found) = world.get("PersistentVolumeClaim", namespace, claim) else {
        return Vec::new();
    };
    let delete = Step::Delete(key("", "PersistentVolumeClaim", namespace, claim));
    let set_key = workload_key(workload);
    if let ("StatefulSet", Some(parent)) = (set_key.kind.as_str(), world.object(&set_key)) {
        let mut again = bare(parent);
        let templates = again
            .pointer_mut("/spec/volumeClaimTemplates")
            .and_then(Value::as_array_mut);
        templates.into_iter().flatten().for_each(&change);
        return vec![Step::Delete(set_key), delete, Step::Create(again)];
    }
    let mut fresh = bare(found);
    unset(&mut fresh, "/spec", "volumeName");
    change(&mut fresh);
    let mut steps = vec![delete];
    steps.extend(delete_pods(world, workload));
    steps.push(Step::Create(fresh));
    steps
}

/// Creates a claim like another under a name of its own with changes, and has the workload use it. A StatefulSet names its
/// claims after its templates, so the set is created again with a renamed one.
pub fn move_to_claim(
    world: &World,
    workload: &Workload,
    claim: &str,
    change: impl Fn(&mut Value),
) -> Vec<Step> {
    const NEW: &str = "restored";
    let set_key = workload_key(workload);
    let (Some(parent), Some(found)) = (
        world.object(&set_key),
        world.get("PersistentVolumeClaim", &workload.namespace, claim),
    ) else {
        return Vec::new();
    };
    if set_key.kind == "StatefulSet" {
        let mut again = bare(parent);
        set(
            &mut again,
            "/spec/volumeClaimTemplates/0/metadata/name",
            json!(NEW),
        );
        if let Some(template) = again.pointer_mut("/spec/volumeClaimTemplates/0") {
            change(template);
        }
        set(
            &mut again,
            "/spec/template/spec/containers/0/volumeMounts/0/name",
            json!(NEW),
        );
        return vec![Step::Delete(set_key), Step::Create(again)];
    }
    let mut fresh = bare(found);
    unset(&mut fresh, "/spec", "volumeName");
    let name = format!("{claim}-{NEW}");
    set(&mut fresh, "/metadata/name", json!(name));
    change(&mut fresh);
    let volume = json!({ "name": "data", "persistentVolumeClaim": { "claimName": name } });
    let pointed = Step::StrategicPatch {
        object: set_key,
        patch: json!({ "spec": { "template": { "spec": { "volumes": [volume] } } } }),
    };
    vec![Step::Create(fresh), pointed]
}

/// The claims that pods of a workload use which start now; `None` for one that is named and not there. Those of a StatefulSet
/// that are not there yet are made by its controller.
pub fn claims_in_use<'a>(world: &'a World, workload: &ObjectKey) -> Vec<Option<&'a Value>> {
    let Some(object) = world.object(workload) else {
        return Vec::new();
    };
    let claim = |name: &str| world.get("PersistentVolumeClaim", &workload.namespace, name);
    let named = items(object, "/spec/template/spec/volumes")
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
        .map(claim);
    let made = items(object, "/spec/volumeClaimTemplates")
        .iter()
        .flat_map(|template| {
            let stem = format!("{}-{}", text(template, "/metadata/name"), workload.name);
            (0..number(object, "/spec/replicas"))
                .filter_map(move |ordinal| claim(&format!("{stem}-{ordinal}")))
        });
    named.chain(made.map(Some)).collect()
}

/// The workload that the truth names first.
pub fn struck(truth: &Truth) -> Option<&ObjectKey> {
    truth
        .victims
        .iter()
        .find(|victim| matches!(victim.kind.as_str(), "Deployment" | "StatefulSet"))
}

/// An object as someone writes it into a file: without what the API server adds.
pub fn bare(object: &Value) -> Value {
    let mut fresh = object.clone();
    unset(&mut fresh, "", "status");
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
        "annotations",
        "finalizers",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        unset(&mut fresh, "/metadata", field);
    }
    fresh
}

/// Sets a field of the first container's template of a workload.
pub fn patch_template(workload: &Workload, pointer: &str, value: Value) -> Step {
    let mut template = json!({});
    set(&mut template, pointer, value);
    Step::StrategicPatch {
        object: workload_key(workload),
        patch: json!({ "spec": { "template": template } }),
    }
}
