//! Staging: a baseline, faults, noise and what is said of it become a world with its truth. Must not know how anyone
//! finds it out.

pub mod alerts;
pub mod names;
pub mod noise;
pub mod stimulus;

use jiff::Timestamp;
use serde_json::{Map, Value};

use self::names::Place;
use self::stimulus::Stimulus;
use crate::faults::{FaultContext, Symptom, Truth, by_id};
use crate::names::Names;
use crate::rng::Rng;
use crate::shop;
use crate::simulate::finish::finish;
use crate::simulate::settle::settle;
use crate::world::World;

/// What to stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Staging {
    /// Name, never shown inside the world; part of the seed.
    pub name: String,
    /// What goes wrong, in order.
    pub faults: Vec<FaultSpec>,
    /// Names of noises ([`noise::add`]); `standard` alone for the usual mixture.
    pub noise: Vec<String>,
    /// What is said of it.
    pub stimulus: Stimulus,
}

/// A fault (or situation) with what a scenario chooses of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaultSpec {
    /// Id, `category/slug` or `situation/slug`.
    pub id: String,
    /// Role of the workload to strike; chosen by the seed for `None`.
    pub target: Option<String>,
    /// Further choices, which the fault documents.
    pub params: Map<String, Value>,
}

/// How it is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RenderOptions {
    /// Seed of names, ages, targets, magnitudes and noise.
    pub seed: u64,
    /// Whether namespaces, workloads and images get names without meaning.
    pub randomize: bool,
}

/// A staged world.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The world, with its stimulus.
    pub world: World,
    /// What is true of it.
    pub truth: Truth,
    /// What is true by fault, in the order of the staging.
    pub truths: Vec<Truth>,
    /// Ids of the faults and situations, in the same order.
    pub fault_ids: Vec<String>,
    /// The shop, with its roles.
    pub shop: shop::Shop,
}

/// A fault in a world, with what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StagedFault {
    /// Id, `category/slug`.
    pub id: String,
    /// What is true of it.
    pub truth: Truth,
}

/// What a server needs to know of a staged world so that faults last until they are mended.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// The faults, in the order of the staging; situations are none.
    pub faults: Vec<StagedFault>,
    /// The shop, with its roles.
    pub shop: shop::Shop,
}

impl Staging {
    /// One fault amid the usual noise, told by the name of the workload that shows it.
    pub fn of_fault(name: &str, fault: &str) -> Self {
        Self {
            name: name.to_owned(),
            faults: vec![FaultSpec {
                id: fault.to_owned(),
                ..FaultSpec::default()
            }],
            noise: vec!["standard".to_owned()],
            stimulus: Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
        }
    }
}

impl Rendered {
    /// The faults and the shop, for a server.
    pub fn staged(&self) -> Staged {
        let faults = self.fault_ids.iter().zip(&self.truths);
        Staged {
            faults: faults
                .filter(|(_, truth)| !truth.root_causes.is_empty())
                .map(|(id, truth)| StagedFault {
                    id: id.clone(),
                    truth: truth.clone(),
                })
                .collect(),
            shop: self.shop.clone(),
        }
    }
}

/// Why something cannot be staged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A fault is not registered.
    #[error("{staging}: unknown fault {fault}")]
    UnknownFault {
        /// Name of the staging.
        staging: String,
        /// Id of the fault.
        fault: String,
    },
    /// A noise is not known.
    #[error("{staging}: unknown noise {noise}")]
    UnknownNoise {
        /// Name of the staging.
        staging: String,
        /// Name of the noise.
        noise: String,
    },
    /// An alert rule is not known.
    #[error("{staging}: unknown alert rule {rule}")]
    UnknownRule {
        /// Name of the staging.
        staging: String,
        /// Name of the rule.
        rule: String,
    },
    /// A fault found nothing to act upon.
    #[error("{staging}: a fault found no target in its world")]
    NoTarget {
        /// Name of the staging.
        staging: String,
    },
    /// The frozen clock lies outside the calendar.
    #[error("seed {seed} yields no moment")]
    NoMoment {
        /// The seed.
        seed: u64,
    },
}

/// Stages a world. The same options give the same bytes.
///
/// # Errors
/// When a fault, noise or alert rule is not known, or a fault found nothing to act upon.
pub fn render(staging: &Staging, options: RenderOptions) -> Result<Rendered, RenderError> {
    let no_target = || RenderError::NoTarget {
        staging: staging.name.clone(),
    };
    let names = if options.randomize {
        Names::randomized(options.seed)
    } else {
        Names::classic()
    };
    let baseline = shop::build(names, options.seed, moment(options.seed)?);
    let mut world = baseline.world;
    let mut ctx = FaultContext {
        shop: baseline.shop,
        metrics: baseline.metrics,
        rng: Rng::new(options.seed).fork(&staging.name),
        symptom: None,
        target: None,
        params: Map::new(),
    };
    let mut truths = Vec::new();
    let mut first: Option<Symptom> = None;
    for spec in &staging.faults {
        truths.push(inject(staging, spec, &mut world, &mut ctx)?);
        first = first.or_else(|| ctx.symptom.take());
    }
    let symptom = first.ok_or_else(no_target)?;
    let truth = union(&truths);
    noise::add(&mut world, &mut ctx, &staging.noise, &truth, &symptom).map_err(|noise| {
        RenderError::UnknownNoise {
            staging: staging.name.clone(),
            noise,
        }
    })?;
    settle(&mut world, &ctx.shop);
    finish(&mut world, &ctx.shop.stamp);
    world.metrics = ctx.metrics.to_text();
    let place = Place::of(&symptom, &ctx.shop);
    let said = staging
        .stimulus
        .at(&place)
        .map_err(|rule| RenderError::UnknownRule {
            staging: staging.name.clone(),
            rule,
        })?;
    world.stimulus = Some(said);
    Ok(Rendered {
        world,
        truth,
        truths,
        fault_ids: staging.faults.iter().map(|spec| spec.id.clone()).collect(),
        shop: ctx.shop,
    })
}

/// The frozen clock of a seed: some moment of the spring of 2026.
fn moment(seed: u64) -> Result<Timestamp, RenderError> {
    let mut rng = Rng::new(seed).fork("moment");
    let seconds = 1_773_133_200 + rng.range(0, 90 * 86_400);
    Timestamp::from_second(seconds).map_err(|_| RenderError::NoMoment { seed })
}

fn inject(
    staging: &Staging,
    spec: &FaultSpec,
    world: &mut World,
    ctx: &mut FaultContext,
) -> Result<Truth, RenderError> {
    let fault = by_id(&spec.id).ok_or_else(|| RenderError::UnknownFault {
        staging: staging.name.clone(),
        fault: spec.id.clone(),
    })?;
    ctx.target.clone_from(&spec.target);
    ctx.params.clone_from(&spec.params);
    let truth = fault.inject(world, ctx);
    let is_fault = !spec.id.starts_with("situation/");
    if is_fault && truth.root_causes.is_empty() {
        return Err(RenderError::NoTarget {
            staging: staging.name.clone(),
        });
    }
    Ok(truth)
}

/// What is true of a world with several faults: all causes, and the victims that are no cause themselves.
fn union(truths: &[Truth]) -> Truth {
    let mut whole = Truth::without_cause("not_an_issue");
    for truth in truths {
        whole.root_causes.extend(truth.root_causes.iter().cloned());
        whole.victims.extend(truth.victims.iter().cloned());
        if truth.verdict == "inconclusive" {
            whole.verdict = "inconclusive";
        }
    }
    if !whole.root_causes.is_empty() {
        whole.verdict = "root_cause";
    }
    whole
        .victims
        .retain(|victim| !whole.root_causes.iter().any(|cause| &cause.object == victim));
    whole
}
