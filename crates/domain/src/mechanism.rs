//! The mechanism catalogue: what can go wrong, as data with stable ids.

mod app_vs_infra;
mod cascading_failure;
mod config_and_secrets;
mod image_and_deployment;
mod resource_exhaustion;
mod storage_and_persistence;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way in which things go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mechanism {
    /// Stable id, `category/slug`.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
    /// Which object the healing edit touches: the root object of a report.
    pub root_object: RootObject,
    /// Legal only where no more specific mechanism fits.
    pub last_resort: bool,
}

/// Kind of object that the fix of a mechanism edits or creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are Kubernetes' own words")]
pub enum RootObject {
    Workload,
    Service,
    Ingress,
    NetworkPolicy,
    Secret,
    ConfigMap,
    PersistentVolumeClaim,
    PersistentVolume,
    StorageClass,
    CsiDaemonSet,
    VolumeSnapshot,
    Node,
    Release,
    Webhook,
    Quota,
    LimitRange,
    PriorityClass,
    HorizontalPodAutoscaler,
    ServiceAccount,
    Role,
    GitOpsApplication,
    Certificate,
    ControlPlane,
    External,
    Any,
}

impl RootObject {
    /// Whether an object of this kind can be the root of such a mechanism.
    pub fn admits(self, kind: &str) -> bool {
        match self {
            Self::Workload | Self::CsiDaemonSet => {
                matches!(
                    kind,
                    "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "ReplicaSet" | "Pod"
                )
            }
            Self::Service => matches!(kind, "Service" | "Deployment" | "StatefulSet" | "DaemonSet"),
            Self::Ingress => matches!(kind, "Ingress" | "IngressClass"),
            Self::Release => kind == "Release",
            Self::NetworkPolicy => kind.ends_with("NetworkPolicy"),
            Self::Secret => matches!(kind, "Secret" | "ServiceAccount"),
            Self::StorageClass => matches!(kind, "StorageClass" | "PersistentVolumeClaim"),
            _ => true,
        }
    }
}

/// All mechanisms, category by category.
pub fn catalogue() -> impl Iterator<Item = &'static Mechanism> {
    [
        resource_exhaustion::MECHANISMS,
        image_and_deployment::MECHANISMS,
        config_and_secrets::MECHANISMS,
        cascading_failure::MECHANISMS,
        storage_and_persistence::MECHANISMS,
        app_vs_infra::MECHANISMS,
    ]
    .into_iter()
    .flatten()
}

/// Id of a mechanism of the catalogue; parsing refuses unknown ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(with = "String")]
pub struct MechanismId(&'static str);

/// An id that the catalogue does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mechanism `{0}`")]
pub struct UnknownMechanism(pub String);

impl MechanismId {
    /// The id as text.
    pub fn as_str(&self) -> &'static str {
        self.0
    }

    /// The catalogue's entry; ids are only made from entries.
    pub fn entry(&self) -> Option<&'static Mechanism> {
        catalogue().find(|mechanism| mechanism.id == self.0)
    }

    /// The part before the slash.
    pub fn category(&self) -> &'static str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl FromStr for MechanismId {
    type Err = UnknownMechanism;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        catalogue()
            .find(|mechanism| mechanism.id == text)
            .map(|mechanism| Self(mechanism.id))
            .ok_or_else(|| UnknownMechanism(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for MechanismId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl From<MechanismId> for String {
    fn from(id: MechanismId) -> Self {
        id.0.to_owned()
    }
}

impl fmt::Display for MechanismId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
