//! Demo cases: a world, what is said of it, and the expected answer. Must not know how anyone finds it out.

pub mod alerts;
pub mod noise;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::alerts::Fired;
use crate::build::time;
use crate::faults::{FaultContext, Symptom, Truth, by_id, nothing};
use crate::names::Names;
use crate::rng::Rng;
use crate::shop::{self, Shop, network};
use crate::simulate::settle::settle;
use crate::world::{ObjectKey, World};

/// What is wrong in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The fault of that id.
    Fault(&'static str),
    /// Nothing; the named workload is healthy since long.
    Healthy,
    /// Nothing any more; what there was left no trace.
    Recovered,
    /// The named workload does not exist.
    NoSuchObject,
}

/// How the case is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Alert `KubePodCrashLooping`.
    CrashLooping,
    /// Alert `KubePodNotReady`.
    PodNotReady,
    /// Alert on the replicas of a Deployment or StatefulSet.
    ReplicasMismatch,
    /// Alert `KubeDeploymentRolloutStuck`.
    RolloutStuck,
    /// Alert on 5xx at the edge that names the front end.
    HighErrorRate,
    /// Alert `Watchdog`.
    Watchdog,
    /// A vague question about the namespace.
    Question,
    /// A question about the workload by name.
    WorkloadQuestion,
    /// The workload itself.
    Workload,
}

/// A demo case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Stable id, never shown inside the world.
    pub id: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// The expected verdict.
    pub verdict: &'static str,
    /// What is wrong.
    pub trouble: Trouble,
    /// How it is brought up.
    pub opening: Opening,
}

/// How a case is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RenderOptions {
    /// Seed of names, ages, targets, magnitudes and noise.
    pub seed: u64,
    /// Whether namespaces, workloads and images get names without meaning.
    pub randomize: bool,
}

/// A rendered case.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The world, with its stimulus.
    pub world: World,
    /// What is true of it.
    pub truth: Truth,
}

/// Why a case cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The case names a fault that is not registered.
    #[error("case {case} names the unknown fault {fault}")]
    UnknownFault {
        /// Id of the case.
        case: String,
        /// Id of the fault.
        fault: String,
    },
    /// The fault found nothing to act upon.
    #[error("case {case} found no target in its world")]
    NoTarget {
        /// Id of the case.
        case: String,
    },
    /// The frozen clock lies outside the calendar.
    #[error("seed {seed} yields no moment")]
    NoMoment {
        /// The seed.
        seed: u64,
    },
}

const fn faulty(id: &'static str, title: &'static str, fault: &'static str, opening: Opening) -> Case {
    Case {
        id,
        title,
        verdict: "root_cause",
        trouble: Trouble::Fault(fault),
        opening,
    }
}

const CASES: &[Case] = &[
    faulty(
        "oom-after-rollout",
        "Pods are OOMKilled minutes after a rollout lowered their memory limit",
        "resource-exhaustion/memory-limit-too-low",
        Opening::CrashLooping,
    ),
    faulty(
        "slow-oom",
        "Pods are OOMKilled every few hours since a release that leaks memory",
        "resource-exhaustion/memory-leak",
        Opening::Workload,
    ),
    faulty(
        "image-tag",
        "A rollout hangs because its image tag does not exist",
        "image-and-deployment/image-reference-wrong",
        Opening::PodNotReady,
    ),
    faulty(
        "pull-secret",
        "Rescheduled pods cannot pull their image since a Secret is gone",
        "image-and-deployment/image-pull-secret-missing",
        Opening::PodNotReady,
    ),
    faulty(
        "pending-claim",
        "A workload is down because its claim names a StorageClass that does not exist",
        "storage-and-persistence/storage-class-missing",
        Opening::ReplicasMismatch,
    ),
    faulty(
        "stuck-volume",
        "A volume cannot be attached because the CSI driver is missing on one node",
        "storage-and-persistence/csi-driver-unavailable",
        Opening::PodNotReady,
    ),
    faulty(
        "edge-errors-selector",
        "The front end answers 5xx because a Service selects no pods",
        "cascading-failure/service-selector-mismatch",
        Opening::HighErrorRate,
    ),
    faulty(
        "edge-errors-policy",
        "The front end answers 5xx because a network policy blocks a flow",
        "cascading-failure/network-policy-blocks",
        Opening::Question,
    ),
    faulty(
        "helm-values",
        "A Helm revision points a service at a database host that does not exist",
        "image-and-deployment/helm-values-regression",
        Opening::CrashLooping,
    ),
    faulty(
        "rollout-readiness",
        "A rollout hangs because the readiness probe asks the wrong port",
        "app-vs-infra/probe-misconfigured",
        Opening::RolloutStuck,
    ),
    Case {
        id: "watchdog",
        title: "The Watchdog alert fires, as it always does",
        verdict: "not_an_issue",
        trouble: Trouble::Healthy,
        opening: Opening::Watchdog,
    },
    Case {
        id: "recovered",
        title: "An alert about a workload that has recovered without a trace",
        verdict: "not_an_issue",
        trouble: Trouble::Recovered,
        opening: Opening::ReplicasMismatch,
    },
    Case {
        id: "healthy-question",
        title: "Someone asks about a workload that is healthy",
        verdict: "not_an_issue",
        trouble: Trouble::Healthy,
        opening: Opening::WorkloadQuestion,
    },
    Case {
        id: "no-such-object",
        title: "An alert about a workload that does not exist",
        verdict: "inconclusive",
        trouble: Trouble::NoSuchObject,
        opening: Opening::ReplicasMismatch,
    },
];

/// All demo cases.
pub fn cases() -> &'static [Case] {
    CASES
}

/// Renders a case: baseline, fault, noise, stimulus. The same options give the same bytes.
///
/// # Errors
/// When the case names an unknown fault, or the fault found nothing to act upon.
pub fn render(case: &Case, options: RenderOptions) -> Result<Rendered, RenderError> {
    let names = if options.randomize {
        Names::randomized(options.seed)
    } else {
        Names::classic()
    };
    let now = moment(options.seed)?;
    let baseline = shop::build(names, options.seed, now);
    let mut world = baseline.world;
    let rng = Rng::new(options.seed).fork(case.id);
    let mut ctx = FaultContext {
        shop: baseline.shop,
        metrics: baseline.metrics,
        rng,
        symptom: None,
    };
    let truth = inject(case, &mut world, &mut ctx)?;
    let symptom = ctx.symptom.clone().ok_or_else(|| RenderError::NoTarget {
        case: case.id.to_owned(),
    })?;
    noise::add(&mut world, &mut ctx, &truth, &symptom);
    settle(&mut world, &ctx.shop);
    world.metrics = ctx.metrics.to_text();
    world.stimulus = Some(stimulus(case.opening, &ctx.shop, &symptom));
    Ok(Rendered { world, truth })
}

/// The frozen clock of a seed: some moment of the spring of 2026.
fn moment(seed: u64) -> Result<Timestamp, RenderError> {
    let mut rng = Rng::new(seed).fork("moment");
    let seconds = 1_773_133_200 + rng.range(0, 90 * 86_400);
    Timestamp::from_second(seconds).map_err(|_| RenderError::NoMoment { seed })
}

fn inject(case: &Case, world: &mut World, ctx: &mut FaultContext) -> Result<Truth, RenderError> {
    match case.trouble {
        Trouble::Fault(id) => {
            let fault = by_id(id).ok_or_else(|| RenderError::UnknownFault {
                case: case.id.to_owned(),
                fault: id.to_owned(),
            })?;
            Ok(fault.inject(world, ctx))
        }
        Trouble::Healthy => Ok(nothing::healthy(ctx, (60 * 24, 60 * 48))),
        Trouble::Recovered => Ok(nothing::healthy(ctx, (100, 220))),
        Trouble::NoSuchObject => Ok(nothing::absent(world, ctx)),
    }
}

fn stimulus(opening: Opening, shop: &Shop, symptom: &Symptom) -> Value {
    let ObjectKey {
        kind,
        namespace,
        name,
        ..
    } = &symptom.workload;
    match opening {
        Opening::Question => {
            let front = symptom.front.as_ref().map_or(namespace, |front| &front.namespace);
            json!({ "question": "Some users report errors on the site for a while now. What is going on?", "namespace": front })
        }
        Opening::WorkloadQuestion => {
            json!({ "question": format!("Is something wrong with {name}? A colleague thinks that it is slow."), "namespace": namespace })
        }
        Opening::Workload => json!({ "workload": format!("{namespace}/{kind}/{name}") }),
        _ => json!({ "alertmanager": alerts::payload(&fired(opening, shop, symptom), &shop.names.cluster) }),
    }
}

fn fired(opening: Opening, shop: &Shop, symptom: &Symptom) -> Fired {
    let ObjectKey {
        kind,
        namespace,
        name,
        ..
    } = &symptom.workload;
    let cluster = &shop.names.cluster;
    let pod = symptom.pod.clone().unwrap_or_else(|| name.clone());
    let starts_at = alerts::after_fifteen_minutes(symptom.onset, shop.now());
    match opening {
        Opening::CrashLooping => alerts::crash_looping(namespace, &pod, name, cluster, starts_at),
        Opening::PodNotReady => alerts::pod_not_ready(namespace, &pod, cluster, starts_at),
        Opening::RolloutStuck => alerts::rollout_stuck(namespace, name, cluster, starts_at),
        Opening::HighErrorRate => {
            let front = symptom.front.as_ref().unwrap_or(&symptom.workload);
            let at = time::after(symptom.onset, 360).min(time::before(shop.now(), 20));
            alerts::high_error_rate(&front.namespace, &front.name, &network::ingress_name(shop), at)
        }
        Opening::Watchdog => alerts::watchdog(time::days_before(shop.now(), 11)),
        _ => alerts::replicas_mismatch(kind, namespace, name, cluster, starts_at),
    }
}
