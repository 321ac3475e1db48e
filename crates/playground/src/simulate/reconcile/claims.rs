//! Claims, volumes and attachments: the volume controller, the provisioner, the attacher. Must not know who stores
//! what.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cluster::{Cluster, Note, millis};
use super::scene::Scene;
use super::template::amount;
use crate::build::json::{escape, flag, items, set, text};
use crate::build::object::{Author, CONTROLLER, PROVISIONER, annotate};
use crate::build::time;
use crate::shop::storage::PROVISIONER_KEYS;
use crate::world::World;

const CONTROLLER_NAME: &str = "persistentvolume-controller";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const ATTACHER: Author = Author {
    manager: "csi-attacher",
    operation: "Update",
};

/// Brings a claim nearer to being bound, or lets it go.
pub(super) fn sync(
    cluster: &mut Cluster<'_>,
    scene: &Scene,
    namespace: &str,
    name: &str,
) -> Option<SignedDuration> {
    let claim = cluster.get("PersistentVolumeClaim", namespace, name)?;
    if claim.pointer("/metadata/deletionTimestamp").is_some() {
        let foreign = items(&claim, "/metadata/finalizers")
            .iter()
            .any(|finalizer| finalizer != "kubernetes.io/pvc-protection");
        if !foreign && !is_used(cluster.world(), &claim) {
            cluster.remove(&claim);
        }
        return None;
    }
    if text(&claim, "/status/phase") == "Bound" {
        return None;
    }
    if let Some(volume) = available(cluster.world(), &claim) {
        bind(cluster, &claim, &volume);
        return None;
    }
    provision(cluster, scene, &claim)
}

fn provision(cluster: &mut Cluster<'_>, scene: &Scene, claim: &Value) -> Option<SignedDuration> {
    let class_name = text(claim, "/spec/storageClassName");
    if class_name.is_empty() {
        let words = "no persistent volumes available for this claim and no storage class is set";
        say(cluster, claim, ("Normal", "FailedBinding"), words);
        return Some(SignedDuration::from_secs(15));
    }
    let Some(class) = cluster.get("StorageClass", "", class_name) else {
        let words = format!("storageclass.storage.k8s.io \"{class_name}\" not found");
        say(cluster, claim, ("Warning", "ProvisioningFailed"), &words);
        return Some(SignedDuration::from_secs(15));
    };
    let selected = annotation(claim, SELECTED_NODE).to_owned();
    if text(&class, "/volumeBindingMode") == "WaitForFirstConsumer" && selected.is_empty() {
        let words = "waiting for first consumer to be created before binding";
        say(cluster, claim, ("Normal", "WaitForFirstConsumer"), words);
        return None;
    }
    let driver = text(&class, "/provisioner").to_owned();
    if let Some(words) = scene.claim_refusal(claim) {
        let words = words.to_owned();
        said_by(cluster, claim, &driver, ("Warning", "ProvisioningFailed"), &words);
        return Some(SignedDuration::from_secs(60));
    }
    let Some(asked) = asked_at(cluster.world(), claim) else {
        let words = format!(
            "Waiting for a volume to be created either by the external provisioner '{driver}' or manually by the \
             system administrator. If volume creation is delayed, please verify that the provisioner is running and \
             correctly registered."
        );
        say(cluster, claim, ("Normal", "ExternalProvisioning"), &words);
        if cluster.world().get("CSIDriver", "", &driver).is_some() {
            let words = format!(
                "External provisioner is provisioning volume for claim \"{}/{}\"",
                text(claim, "/metadata/namespace"),
                text(claim, "/metadata/name")
            );
            said_by(cluster, claim, &driver, ("Normal", "Provisioning"), &words);
        }
        return Some(SignedDuration::from_secs(4));
    };
    if cluster.world().get("CSIDriver", "", &driver).is_none() {
        return Some(SignedDuration::from_secs(15));
    }
    if cluster.age_s(asked) < 3 {
        return Some(millis(1_000));
    }
    let volume = make_volume(cluster, claim, &class, &selected);
    let words = format!(
        "Successfully provisioned volume {}",
        text(&volume, "/metadata/name")
    );
    said_by(
        cluster,
        claim,
        &driver,
        ("Normal", "ProvisioningSucceeded"),
        &words,
    );
    bind(cluster, claim, &volume);
    None
}

/// When the controller asked the external provisioner.
fn asked_at(world: &World, claim: &Value) -> Option<jiff::Timestamp> {
    world
        .objects_of("", "Event", Some(text(claim, "/metadata/namespace")))
        .map(|(_, event)| event)
        .find(|event| {
            text(event, "/reason") == "ExternalProvisioning"
                && text(event, "/involvedObject/uid") == text(claim, "/metadata/uid")
        })
        .and_then(|event| time::parse(text(event, "/firstTimestamp")))
}

fn make_volume(cluster: &mut Cluster<'_>, claim: &Value, class: &Value, node: &str) -> Value {
    let driver = text(class, "/provisioner");
    let uid = text(claim, "/metadata/uid");
    let name = format!("pvc-{uid}");
    let handle = format!(
        "vol-0{}",
        cluster
            .stamp
            .digest(&format!("handle/{name}"))
            .get(..16)
            .unwrap_or_default()
    );
    let size = claim
        .pointer("/spec/resources/requests/storage")
        .cloned()
        .unwrap_or(json!("1Gi"));
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": name, "annotations": { "pv.kubernetes.io/provisioned-by": driver },
            "finalizers": ["kubernetes.io/pv-protection"]
        },
        "spec": {
            "accessModes": claim.pointer("/spec/accessModes"), "capacity": { "storage": size },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "uid": uid,
                "namespace": text(claim, "/metadata/namespace"), "name": text(claim, "/metadata/name")
            },
            "csi": { "driver": driver, "fsType": "ext4", "volumeHandle": handle },
            "persistentVolumeReclaimPolicy": text(class, "/reclaimPolicy"),
            "storageClassName": text(class, "/metadata/name"), "volumeMode": "Filesystem"
        },
        "status": { "phase": "Bound" }
    });
    if let Some((key, zone)) = topology(cluster.world(), driver, node) {
        let terms = json!([{ "matchExpressions": [{ "key": key, "operator": "In", "values": [zone] }] }]);
        set(
            &mut volume,
            "/spec/nodeAffinity/required/nodeSelectorTerms",
            terms,
        );
    }
    cluster.create(volume.clone(), PROVISIONER);
    volume
}

/// The zone in which a driver makes volumes for a node: its own topology key on that node.
fn topology(world: &World, driver: &str, node: &str) -> Option<(String, String)> {
    let registered = world
        .of_kind("CSINode")
        .flat_map(|found| items(found, "/spec/drivers"))
        .find(|found| text(found, "/name") == driver)?;
    let object = world.get("Node", "", node)?;
    items(registered, "/topologyKeys").iter().find_map(|key| {
        let key = key.as_str().filter(|key| *key != "kubernetes.io/os")?;
        let zone = text(object, &format!("/metadata/labels/{}", escape(key)));
        (!zone.is_empty()).then(|| (key.to_owned(), zone.to_owned()))
    })
}

/// A volume that is free and large enough, or made for the claim.
fn available(world: &World, claim: &Value) -> Option<Value> {
    let wanted = text(claim, "/spec/volumeName");
    let size = claim
        .pointer("/spec/resources/requests/storage")
        .map_or(0.0, amount);
    let modes = items(claim, "/spec/accessModes");
    world
        .of_kind("PersistentVolume")
        .find(|volume| {
            let reference = volume.pointer("/spec/claimRef");
            let is_meant = reference.is_none_or(|reference| {
                text(reference, "/name") == text(claim, "/metadata/name")
                    && text(reference, "/namespace") == text(claim, "/metadata/namespace")
                    && [text(claim, "/metadata/uid"), ""].contains(&text(reference, "/uid"))
            });
            let is_named = wanted.is_empty() || wanted == text(volume, "/metadata/name");
            let phase = text(volume, "/status/phase");
            is_meant
                && is_named
                && (phase == "Available" || reference.is_some() && phase != "Failed" || phase.is_empty())
                && text(volume, "/spec/storageClassName") == text(claim, "/spec/storageClassName")
                && volume.pointer("/spec/capacity/storage").map_or(0.0, amount) >= size
                && modes
                    .iter()
                    .all(|mode| items(volume, "/spec/accessModes").contains(mode))
        })
        .cloned()
}

fn bind(cluster: &mut Cluster<'_>, claim: &Value, volume: &Value) {
    let name = text(volume, "/metadata/name").to_owned();
    if let Some(mut held) = cluster.get("PersistentVolume", "", &name)
        && (text(&held, "/status/phase") != "Bound" || held.pointer("/spec/claimRef/uid").is_none())
    {
        let reference = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "uid": text(claim, "/metadata/uid"),
            "namespace": text(claim, "/metadata/namespace"), "name": text(claim, "/metadata/name")
        });
        set(&mut held, "/spec/claimRef", reference);
        set(&mut held, "/status/phase", json!("Bound"));
        cluster.update(held, CONTROLLER, &["/spec/claimRef"]);
    }
    let mut bound = claim.clone();
    set(&mut bound, "/spec/volumeName", json!(name));
    annotate(&mut bound, "pv.kubernetes.io/bind-completed", "yes");
    annotate(&mut bound, "pv.kubernetes.io/bound-by-controller", "yes");
    let status = json!({
        "phase": "Bound", "accessModes": volume.pointer("/spec/accessModes"),
        "capacity": volume.pointer("/spec/capacity")
    });
    set(&mut bound, "/status", status);
    cluster.update(bound, CONTROLLER, &["/spec/volumeName"]);
}

fn say(cluster: &mut Cluster<'_>, claim: &Value, (kind, reason): (&str, &str), message: &str) {
    cluster.note(&Note {
        object: claim,
        kind,
        reason,
        message,
        component: CONTROLLER_NAME,
        field: "",
    });
}

fn said_by(
    cluster: &mut Cluster<'_>,
    claim: &Value,
    driver: &str,
    (kind, reason): (&str, &str),
    message: &str,
) {
    let instance = cluster.stamp.uuid(&format!("provisioner/{driver}"));
    cluster.note(&Note {
        object: claim,
        kind,
        reason,
        message,
        component: &format!("{driver}_{instance}"),
        field: "",
    });
}

/// Names of the claims that a pod mounts.
pub(super) fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    items(pod, "/spec/volumes")
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
}

/// What keeps a pod from any node: claims that are missing, going, or neither bound nor waiting for a node
/// (`pkg/scheduler/framework/plugins/volumebinding`).
pub(super) fn before_nodes(world: &World, pod: &Value) -> Result<(), String> {
    let namespace = text(pod, "/metadata/namespace");
    for name in claims_of(pod) {
        let Some(claim) = world.get("PersistentVolumeClaim", namespace, name) else {
            return Err(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        if claim.pointer("/metadata/deletionTimestamp").is_some() {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if text(claim, "/status/phase") != "Bound" && !waits_for_node(world, claim) {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    Ok(())
}

fn waits_for_node(world: &World, claim: &Value) -> bool {
    world
        .get("StorageClass", "", text(claim, "/spec/storageClassName"))
        .is_some_and(|class| text(class, "/volumeBindingMode") == "WaitForFirstConsumer")
}

/// Whether a node can reach the volumes of a pod.
pub(super) fn on_node(world: &World, pod: &Value, node: &Value) -> Result<(), String> {
    let namespace = text(pod, "/metadata/namespace");
    let conflict = claims_of(pod)
        .filter_map(|name| world.get("PersistentVolumeClaim", namespace, name))
        .filter_map(|claim| world.get("PersistentVolume", "", text(claim, "/spec/volumeName")))
        .any(|volume| {
            let terms = items(volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
            !terms.is_empty() && !terms.iter().any(|term| super::scheduler::meets(term, node))
        });
    if conflict {
        return Err("node(s) had volume node affinity conflict".to_owned());
    }
    Ok(())
}

/// Whether all claims of a pod are bound; those that wait for a node are told of it.
pub(super) fn ready_on(cluster: &mut Cluster<'_>, pod: &Value, node: &str) -> bool {
    let namespace = text(pod, "/metadata/namespace");
    let unbound: Vec<Value> = claims_of(pod)
        .filter_map(|name| cluster.get("PersistentVolumeClaim", namespace, name))
        .filter(|claim| text(claim, "/status/phase") != "Bound")
        .collect();
    for claim in &unbound {
        if annotation(claim, SELECTED_NODE).is_empty() {
            let mut told = claim.clone();
            let class = text(claim, "/spec/storageClassName");
            let driver = cluster
                .world()
                .get("StorageClass", "", class)
                .map(|class| text(class, "/provisioner").to_owned());
            annotate(&mut told, SELECTED_NODE, node);
            for key in PROVISIONER_KEYS {
                annotate(&mut told, key, driver.as_deref().unwrap_or_default());
            }
            cluster.update_metadata(told);
        }
    }
    unbound.is_empty()
}

/// Attaches the volumes of a pod to its node; the error is the attach/detach controller's.
pub(super) fn attach(cluster: &mut Cluster<'_>, pod: &Value) -> Result<(), String> {
    let namespace = text(pod, "/metadata/namespace");
    let volumes: Vec<Value> = claims_of(pod)
        .filter_map(|name| cluster.world().get("PersistentVolumeClaim", namespace, name))
        .filter_map(|claim| {
            cluster
                .world()
                .get("PersistentVolume", "", text(claim, "/spec/volumeName"))
        })
        .cloned()
        .collect();
    volumes
        .iter()
        .try_for_each(|volume| attach_one(cluster, pod, volume))
}

fn attach_one(cluster: &mut Cluster<'_>, pod: &Value, volume: &Value) -> Result<(), String> {
    let (name, node) = (text(volume, "/metadata/name"), text(pod, "/spec/nodeName"));
    let driver = text(volume, "/spec/csi/driver");
    if driver.is_empty() {
        return Ok(());
    }
    let attachments: Vec<Value> = cluster
        .list("VolumeAttachment", "")
        .into_iter()
        .filter(|found| text(found, "/spec/source/persistentVolumeName") == name)
        .collect();
    let here = attachments
        .iter()
        .find(|found| text(found, "/spec/nodeName") == node);
    if here.is_some_and(|found| flag(found, "/status/attached")) {
        return Ok(());
    }
    for other in attachments
        .iter()
        .filter(|found| text(found, "/spec/nodeName") != node)
    {
        if let Some(user) = user_on(cluster.world(), pod, volume, text(other, "/spec/nodeName")) {
            return Err(format!(
                "Multi-Attach error for volume \"{name}\" Volume is already used by pod(s) {user}"
            ));
        }
        cluster.remove(other);
    }
    let registered = cluster.world().get("CSINode", "", node).is_some_and(|found| {
        items(found, "/spec/drivers")
            .iter()
            .any(|known| text(known, "/name") == driver)
    });
    let mut attachment = here.cloned().unwrap_or_else(|| {
        let digest = cluster.stamp.digest(&format!("attachment/{name}/{node}"));
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
            "metadata": {
                "name": format!("csi-{digest}"),
                "finalizers": [format!("external-attacher/{}", driver.replace('.', "-"))]
            },
            "spec": { "attacher": driver, "nodeName": node, "source": { "persistentVolumeName": name } }
        })
    });
    let error = format!("CSINode {node} does not contain driver {driver}");
    let status = if registered {
        json!({ "attached": true })
    } else {
        let at = time::seconds(cluster.now());
        json!({ "attached": false, "attachError": { "message": error, "time": at } })
    };
    if here.is_some() {
        cluster.update_status(attachment, status);
    } else {
        set(&mut attachment, "/status", status);
        cluster.create(attachment, ATTACHER);
    }
    if !registered {
        return Err(format!(
            "AttachVolume.Attach failed for volume \"{name}\" : {error}"
        ));
    }
    cluster.note(&Note {
        object: pod,
        kind: "Normal",
        reason: "SuccessfulAttachVolume",
        message: &format!("AttachVolume.Attach succeeded for volume \"{name}\" "),
        component: "attachdetach-controller",
        field: "",
    });
    Ok(())
}

/// Another pod on a node that still uses a volume.
fn user_on(world: &World, pod: &Value, volume: &Value, node: &str) -> Option<String> {
    let namespace = text(volume, "/spec/claimRef/namespace");
    let claim = text(volume, "/spec/claimRef/name");
    world
        .objects_of("", "Pod", Some(namespace))
        .map(|(_, other)| other)
        .filter(|other| text(other, "/metadata/uid") != text(pod, "/metadata/uid"))
        .filter(|other| text(other, "/spec/nodeName") == node)
        .filter(|other| !matches!(text(other, "/status/phase"), "Succeeded" | "Failed"))
        .find(|other| claims_of(other).any(|name| name == claim))
        .map(|other| text(other, "/metadata/name").to_owned())
}

/// Whether a scheduled pod uses a claim (`pkg/controller/volume/pvcprotection`).
fn is_used(world: &World, claim: &Value) -> bool {
    world
        .objects_of("", "Pod", Some(text(claim, "/metadata/namespace")))
        .filter(|(_, pod)| !text(pod, "/spec/nodeName").is_empty())
        .any(|(_, pod)| claims_of(pod).any(|name| name == text(claim, "/metadata/name")))
}

fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    text(object, &format!("/metadata/annotations/{}", escape(key)))
}
