//! Faults: what goes wrong in a world, and what is then true. Must not know how anyone finds it out.

pub mod csi_driver_unavailable;
pub mod helm_values_regression;
pub mod image_pull_secret_missing;
pub mod image_reference_wrong;
pub mod memory_leak;
pub mod memory_limit_too_low;
pub mod network_policy_blocks;
pub mod nothing;
pub mod probe_misconfigured;
pub mod service_selector_mismatch;
pub mod storage_class_missing;

use jiff::Timestamp;
use serde_json::Value;

use crate::build::metrics::Metrics;
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Workload};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::world::{ObjectKey, World};

/// What is true of a world.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// `root_cause`, `not_an_issue` or `inconclusive`.
    pub verdict: &'static str,
    /// The causes; empty unless the verdict is `root_cause`.
    pub root_causes: Vec<RootCause>,
    /// Objects that suffer and are not to blame.
    pub victims: Vec<ObjectKey>,
}

/// One cause: the object whose change heals, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct RootCause {
    /// The object, which may be absent.
    pub object: ObjectKey,
    /// Mechanism id, `category/slug`.
    pub mechanism: &'static str,
    /// `{field, found, expected}`.
    pub params: Value,
}

/// Where the fault shows, for alerts and questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptom {
    /// The workload that suffers most.
    pub workload: ObjectKey,
    /// One of its pods that shows it.
    pub pod: Option<String>,
    /// The workload behind the public route that users complain about.
    pub front: Option<ObjectKey>,
    /// When it began to show.
    pub onset: Timestamp,
}

/// What a fault may use and leaves behind.
pub struct FaultContext {
    /// The shop of the world.
    pub shop: Shop,
    /// Metric series, written to the world at the end.
    pub metrics: Metrics,
    /// Randomness of this fault.
    pub rng: Rng,
    /// Where the fault shows; set by the fault.
    pub symptom: Option<Symptom>,
}

/// A failure that can be put into a world.
pub trait Fault: Sync {
    /// Mechanism id, `category/slug`.
    fn id(&self) -> &'static str;
    /// Alters the world as the real components would, and says what is true of it.
    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth;
    /// Whether the fault is still there: a predicate over the cluster's state alone.
    fn present(&self, world: &World, truth: &Truth) -> bool;
}

/// All faults.
pub fn registry() -> &'static [&'static dyn Fault] {
    &[
        &memory_limit_too_low::MemoryLimitTooLow,
        &memory_leak::MemoryLeak,
        &image_reference_wrong::ImageReferenceWrong,
        &image_pull_secret_missing::ImagePullSecretMissing,
        &storage_class_missing::StorageClassMissing,
        &csi_driver_unavailable::CsiDriverUnavailable,
        &service_selector_mismatch::ServiceSelectorMismatch,
        &network_policy_blocks::NetworkPolicyBlocks,
        &helm_values_regression::HelmValuesRegression,
        &probe_misconfigured::ProbeMisconfigured,
    ]
}

/// The fault of an id.
pub fn by_id(id: &str) -> Option<&'static dyn Fault> {
    registry().iter().copied().find(|fault| fault.id() == id)
}

impl Truth {
    /// One cause with its victims.
    pub fn cause(object: ObjectKey, mechanism: &'static str, params: Value, victims: Vec<ObjectKey>) -> Self {
        Self {
            verdict: "root_cause",
            root_causes: vec![RootCause {
                object,
                mechanism,
                params,
            }],
            victims,
        }
    }

    /// A verdict without a cause.
    pub fn without_cause(verdict: &'static str) -> Self {
        Self {
            verdict,
            root_causes: Vec::new(),
            victims: Vec::new(),
        }
    }
}

impl FaultContext {
    /// A moment between `low` and `high` minutes ago.
    pub fn minutes_ago(&mut self, low: i64, high: i64) -> Timestamp {
        let seconds = self.rng.range(low * 60, high * 60);
        time::before(self.shop.now(), seconds)
    }

    /// A workload among those of `roles`.
    pub fn pick_role(&mut self, roles: &[&str]) -> Option<Workload> {
        let found: Vec<&Workload> = roles.iter().filter_map(|role| self.shop.role(role)).collect();
        self.rng.pick(&found).map(|workload| (*workload).clone())
    }

    /// A stateless workload with several replicas that a pipeline deploys.
    pub fn pick_stateless(&mut self) -> Option<Workload> {
        let found: Vec<&Workload> = self
            .shop
            .workloads
            .iter()
            .filter(|workload| workload.kind == Kind::Deployment && workload.delivery == Delivery::Pipeline)
            .filter(|workload| workload.replicas > 1 && workload.volume_gi.is_none())
            .collect();
        self.rng.pick(&found).map(|workload| (*workload).clone())
    }

    /// Notes where the fault shows.
    pub fn shows(&mut self, workload: &Workload, pod: Option<&str>, onset: Timestamp) {
        let front = self.shop.role("storefront").map(workload_key);
        self.symptom = Some(Symptom {
            workload: workload_key(workload),
            pod: pod.map(str::to_owned),
            front,
            onset,
        });
    }
}

/// A key.
pub fn key(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// The key of a workload's controller.
pub fn workload_key(workload: &Workload) -> ObjectKey {
    key("apps", workload.kind.name(), &workload.namespace, &workload.name)
}
