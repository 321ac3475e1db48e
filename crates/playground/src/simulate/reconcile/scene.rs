//! Which staged faults are still there, and how the pods failed that they struck. Must not know how pods are run.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ailment::Ailment;
use super::cluster::owner;
use crate::build::json::{number, text};
use crate::build::service::is_ready;
use crate::faults::{Truth, by_id};
use crate::shop::Shop;
use crate::stage::{Staged, StagedFault};
use crate::world::{ObjectKey, World};

/// What a served world knows of its staging.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    pub(crate) shop: Option<Shop>,
    faults: Vec<StagedFault>,
    present: Vec<bool>,
    sick: Vec<Ailment>,
    /// Workloads and templates of which pods ran well.
    well: BTreeSet<(ObjectKey, String)>,
    blocks: Vec<Block>,
    /// Classes of claims that could not be provisioned, with the provisioner's words.
    unprovisioned: Vec<(String, String)>,
}

/// A controller that could not create its pods.
#[derive(Debug)]
struct Block {
    root: ObjectKey,
    message: String,
    faults: Vec<usize>,
}

impl Scene {
    /// Reads from the staged world who is ill, and of what.
    pub(crate) fn read(world: &World, staged: Option<&Staged>) -> Self {
        let mut scene = Self {
            shop: staged.map(|staged| staged.shop.clone()),
            faults: staged.map(|staged| staged.faults.clone()).unwrap_or_default(),
            ..Self::default()
        };
        scene.present = scene.faults.iter().map(|fault| fault.is_present(world)).collect();
        for pod in world.of_kind("Pod") {
            let root = root_of(world, pod);
            let causes = scene.causes(world, pod, &root);
            if is_sick(pod, !causes.is_empty()) {
                let index = scene.sick.len();
                scene.sick.push(Ailment::of(world, pod, root, causes, index));
            } else {
                scene.well.insert((root, template_of(pod)));
            }
        }
        scene.blocks = scene.read_blocks(world);
        scene.unprovisioned = unprovisioned(world);
        scene
    }

    /// The faults that explain why this pod fails: those that name it, its workload or what owns it.
    fn causes(&self, world: &World, pod: &Value, root: &ObjectKey) -> Vec<usize> {
        let own = ObjectKey::of(pod);
        let named: Vec<usize> = self
            .faults
            .iter()
            .enumerate()
            .filter(|(index, fault)| {
                fault.names(root)
                    || own.as_ref().is_some_and(|own| fault.names(own))
                    || self.present.get(*index) == Some(&true) && fault.afflicts(world, pod) == Some(true)
            })
            .map(|(index, _)| index)
            .collect();
        let in_shop = self
            .shop
            .as_ref()
            .is_some_and(|shop| shop.named(&root.namespace, &root.name).is_some());
        if named.is_empty() && in_shop {
            return (0..self.faults.len()).collect();
        }
        named
    }

    fn read_blocks(&self, world: &World) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for event in world.of_kind("Event") {
            if text(event, "/reason") != "FailedCreate" {
                continue;
            }
            let parent = world.get(
                text(event, "/involvedObject/kind"),
                text(event, "/involvedObject/namespace"),
                text(event, "/involvedObject/name"),
            );
            let Some(root) = parent.map(|parent| root_of(world, parent)) else {
                continue;
            };
            if blocks.iter().all(|block| block.root != root) {
                blocks.push(Block {
                    faults: (0..self.faults.len()).collect(),
                    message: text(event, "/message").to_owned(),
                    root,
                });
            }
        }
        blocks
    }

    /// Looks again whether the faults are there; true when one came or went.
    pub(crate) fn look(&mut self, world: &World) -> bool {
        let now: Vec<bool> = self.faults.iter().map(|fault| fault.is_present(world)).collect();
        let changed = now != self.present;
        self.present = now;
        changed
    }

    /// The error with which the pods of an object's workload cannot be created.
    pub(crate) fn refusal(&self, world: &World, object: &Value) -> Option<&str> {
        let root = root_of(world, object);
        self.blocks
            .iter()
            .find(|block| block.root == root && self.lasts(&block.faults))
            .map(|block| block.message.as_str())
    }

    /// The error with which a claim cannot be provisioned.
    pub(crate) fn claim_refusal(&self, claim: &Value) -> Option<&str> {
        if !self.present.contains(&true) {
            return None;
        }
        let class = text(claim, "/spec/storageClassName");
        self.unprovisioned
            .iter()
            .find(|(known, _)| known == class)
            .map(|(_, message)| message.as_str())
    }

    /// An ailment by its index.
    pub(crate) fn known(&self, index: usize) -> Option<&Ailment> {
        self.sick.get(index)
    }

    /// The failure that a pod had when the world was served.
    pub(crate) fn staged(&self, pod: &Value) -> Option<&Ailment> {
        self.sick
            .iter()
            .find(|ailment| ailment.uid() == text(pod, "/metadata/uid"))
    }

    /// The failure that a pod has that starts (or starts again) now.
    pub(crate) fn ailment(&self, world: &World, pod: &Value) -> Option<&Ailment> {
        let root = root_of(world, pod);
        let mut found = self
            .sick
            .iter()
            .filter(|ailment| ailment.root == root)
            .filter(|ailment| self.strikes(world, pod, ailment));
        let template = template_of(pod);
        let first = found.next();
        let better = std::iter::once(first).flatten().chain(found);
        let own: Vec<&Ailment> = better.collect();
        own.iter()
            .find(|ailment| ailment.pod == text(pod, "/metadata/name"))
            .or_else(|| own.iter().find(|ailment| ailment.template == template))
            .or_else(|| own.first())
            .copied()
            .or_else(|| self.foreign(world, pod))
    }

    /// A failure that a fault brings upon pods of workloads that had none before.
    fn foreign(&self, world: &World, pod: &Value) -> Option<&Ailment> {
        let striking = |index: &usize| {
            self.present.get(*index) == Some(&true)
                && self
                    .faults
                    .get(*index)
                    .is_some_and(|fault| fault.afflicts(world, pod) == Some(true))
        };
        let index = (0..self.faults.len()).find(striking)?;
        self.sick.iter().find(|ailment| ailment.faults.contains(&index))
    }

    fn strikes(&self, world: &World, pod: &Value, ailment: &Ailment) -> bool {
        if ailment.faults.is_empty() {
            return ailment.template == template_of(pod);
        }
        ailment.faults.iter().any(|index| {
            let (Some(fault), Some(true)) = (self.faults.get(*index), self.present.get(*index)) else {
                return false;
            };
            fault
                .afflicts(world, pod)
                .unwrap_or_else(|| fault.is_in_data() || self.is_alike(pod, ailment))
        })
    }

    /// Whether a pod is in the place of one that failed. Where pods of one template both failed and ran, what counts
    /// is the name or the node.
    fn is_alike(&self, pod: &Value, ailment: &Ailment) -> bool {
        let template = template_of(pod);
        let ran = self.well.contains(&(ailment.root.clone(), template.clone()));
        if !ran {
            return true;
        }
        ailment.template == template
            && (ailment.pod == text(pod, "/metadata/name") || ailment.node == text(pod, "/spec/nodeName"))
    }

    /// Pods that failed when the world was served.
    pub(crate) fn patients(&self) -> impl Iterator<Item = &Ailment> {
        self.sick.iter()
    }

    fn lasts(&self, faults: &[usize]) -> bool {
        faults.is_empty()
            || faults
                .iter()
                .any(|index| self.present.get(*index).copied().unwrap_or_default())
    }
}

/// Provisioners that answered with an error; a class that does not exist is seen in the state.
fn unprovisioned(world: &World) -> Vec<(String, String)> {
    world
        .of_kind("Event")
        .filter(|event| text(event, "/reason") == "ProvisioningFailed")
        .filter(|event| !text(event, "/message").starts_with("storageclass.storage.k8s.io"))
        .filter_map(|event| {
            let claim = world.get(
                "PersistentVolumeClaim",
                text(event, "/involvedObject/namespace"),
                text(event, "/involvedObject/name"),
            )?;
            let class = text(claim, "/spec/storageClassName").to_owned();
            Some((class, text(event, "/message").to_owned()))
        })
        .collect()
}

impl StagedFault {
    /// Whether the fault is still there.
    pub fn is_present(&self, world: &World) -> bool {
        by_id(&self.id).is_some_and(|fault| {
            let Truth {
                root_causes, victims, ..
            } = &self.truth;
            let roots = root_causes
                .iter()
                .map(|cause| &cause.object)
                .filter(|_| !fault.may_be_removed());
            let is_gone = |key: &ObjectKey| is_workload(key) && world.object(key).is_none();
            fault.present(world, &self.truth) || roots.chain(victims).any(is_gone)
        })
    }

    fn afflicts(&self, world: &World, pod: &Value) -> Option<bool> {
        by_id(&self.id)?.afflicts(world, &self.truth, pod)
    }

    /// Whether the fault is in what pods read when they start: then their template does not matter.
    fn is_in_data(&self) -> bool {
        self.truth
            .root_causes
            .iter()
            .any(|cause| matches!(cause.object.kind.as_str(), "ConfigMap" | "Secret"))
    }

    fn names(&self, key: &ObjectKey) -> bool {
        let Truth {
            root_causes, victims, ..
        } = &self.truth;
        root_causes.iter().any(|cause| &cause.object == key) || victims.contains(key)
    }
}

/// Whether a key names what keeps pods running, or runs them on a schedule.
fn is_workload(key: &ObjectKey) -> bool {
    matches!(
        key.kind.as_str(),
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob"
    )
}

/// A pod that does not run as it should. One that restarted and runs again is ill only where a fault explains it.
fn is_sick(pod: &Value, is_explained: bool) -> bool {
    if text(pod, "/status/phase") == "Succeeded" {
        return false;
    }
    !is_ready(pod)
        || is_explained
            && number(pod, "/status/containerStatuses/0/restartCount") > 0
            && pod
                .pointer("/status/containerStatuses/0/lastState/terminated")
                .is_some()
}

/// The controller at the top of an object's chain of owners, or the object itself.
pub(crate) fn root_of<'a>(world: &'a World, object: &'a Value) -> ObjectKey {
    let mut at = object;
    for _ in 0..4 {
        let Some(reference) = owner(at) else { break };
        let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
        let namespace = text(at, "/metadata/namespace");
        match world.get(kind, namespace, name) {
            Some(parent) => at = parent,
            None => {
                return crate::faults::key("apps", kind, namespace, name);
            }
        }
    }
    ObjectKey::of(at).unwrap_or_else(|| crate::faults::key("", "", "", ""))
}

/// What tells the pods of one template from those of another: the ReplicaSet, or the revision.
pub(crate) fn template_of(pod: &Value) -> String {
    match owner(pod) {
        Some(parent) if text(parent, "/kind") == "ReplicaSet" => text(parent, "/name").to_owned(),
        _ => text(pod, "/metadata/labels/controller-revision-hash").to_owned(),
    }
}
