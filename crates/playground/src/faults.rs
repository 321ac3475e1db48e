//! Faults: what goes wrong in a world, and what is then true. Must not know how anyone finds it out.

pub mod app_vs_infra;
pub mod cascading_failure;
pub mod config_and_secrets;
pub mod image_and_deployment;
mod release;
mod remedy;
pub mod resource_exhaustion;
pub mod situation;
pub mod storage_and_persistence;

pub use remedy::{Remedy, Step};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

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
    /// Further names for alerts and texts: `node`, `persistentvolumeclaim`, `job_name`, `horizontalpodautoscaler`, ….
    pub labels: BTreeMap<&'static str, String>,
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
    /// Role of the workload to strike, where a scenario names it.
    pub target: Option<String>,
    /// Further choices of a scenario; a fault documents those that it knows.
    pub params: Map<String, Value>,
}

/// A failure that can be put into a world.
pub trait Fault: Sync {
    /// Mechanism id, `category/slug`.
    fn id(&self) -> &'static str;
    /// Alters the world as the real components would, and says what is true of it.
    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth;
    /// Whether the fault is still there: a predicate over the cluster's state alone.
    fn present(&self, world: &World, truth: &Truth) -> bool;
    /// Whether removing the workload that is to blame is a right answer. Else the fault counts as present while a workload
    /// that the truth names is gone: who deletes what suffers has not healed it.
    fn may_be_removed(&self) -> bool {
        false
    }
    /// Whether a pod that starts (or starts again) in a served world fails as the pods did that the fault struck. Asked
    /// only while the fault is present. `None` leaves it to the simulation: pods of the workloads that the truth names
    /// fail unless their template ran well; where pods of one template both failed and ran, those of the same name or on
    /// the same node fail. A fault that strikes otherwise (a node, an image, a namespace, no pods at all) says so here.
    fn afflicts(&self, _world: &World, _truth: &Truth, _pod: &Value) -> Option<bool> {
        None
    }
    /// What people would do about it: edits that heal, and edits that a hasty engineer would take and that do not.
    fn remedies(&self, _world: &World, _shop: &Shop, _truth: &Truth) -> Vec<Remedy> {
        Vec::new()
    }
}

/// All faults.
pub fn registry() -> impl Iterator<Item = &'static dyn Fault> {
    [
        resource_exhaustion::FAULTS,
        image_and_deployment::FAULTS,
        config_and_secrets::FAULTS,
        cascading_failure::FAULTS,
        storage_and_persistence::FAULTS,
        app_vs_infra::FAULTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The fault or situation of an id.
pub fn by_id(id: &str) -> Option<&'static dyn Fault> {
    registry()
        .chain(situation::SITUATIONS.iter().copied())
        .find(|fault| fault.id() == id)
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

    /// A workload among those of `roles`: the target, if one is named (none when it is not among them).
    pub fn pick_role(&mut self, roles: &[&str]) -> Option<Workload> {
        let found: Vec<&Workload> = roles
            .iter()
            .filter(|role| self.target.as_deref().is_none_or(|target| target == **role))
            .filter_map(|role| self.shop.role(role))
            .collect();
        self.rng.pick(&found).map(|workload| (*workload).clone())
    }

    /// A text that the scenario chose.
    pub fn text_param(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_str()
    }

    /// A number that the scenario chose.
    pub fn int_param(&self, name: &str) -> Option<i64> {
        self.params.get(name)?.as_i64()
    }

    /// A stateless workload with several replicas that a pipeline deploys.
    pub fn pick_stateless(&mut self) -> Option<Workload> {
        let found: Vec<&Workload> = self
            .shop
            .workloads
            .iter()
            .filter(|workload| workload.kind == Kind::Deployment && workload.delivery == Delivery::Pipeline)
            .filter(|workload| workload.replicas > 1 && workload.volume_gi.is_none())
            .filter(|workload| {
                self.target
                    .as_deref()
                    .is_none_or(|target| target == workload.role)
            })
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
            labels: BTreeMap::new(),
        });
    }

    /// Adds a name for alerts and texts to where the fault shows.
    pub fn label(&mut self, name: &'static str, value: &str) {
        if let Some(symptom) = &mut self.symptom {
            symptom.labels.insert(name, value.to_owned());
        }
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
