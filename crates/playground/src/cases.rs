//! Demo cases: a world, what is said of it, and the expected answer. Must not know how anyone finds it out.

#[cfg(test)]
mod tests;

use crate::stage::stimulus::Stimulus;
use crate::stage::{FaultSpec, Staging, render as stage};
pub use crate::stage::{RenderError, RenderOptions, Rendered};

/// How the case is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The alert rule of that name.
    Alert(&'static str),
    /// A vague question about the namespace of the front end.
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
    /// What is wrong: id of the fault or situation.
    pub fault: &'static str,
    /// How it is brought up.
    pub opening: Opening,
}

/// Stands for the rule of the workload's kind.
const REPLICAS_MISMATCH: &str = "Kube{kind}ReplicasMismatch";

const fn faulty(id: &'static str, title: &'static str, fault: &'static str, opening: Opening) -> Case {
    Case {
        id,
        title,
        verdict: "root_cause",
        fault,
        opening,
    }
}

const CASES: &[Case] = &[
    faulty(
        "oom-after-rollout",
        "Pods are OOMKilled minutes after a rollout lowered their memory limit",
        "resource-exhaustion/memory-limit-too-low",
        Opening::Alert("KubePodCrashLooping"),
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
        Opening::Alert("KubePodNotReady"),
    ),
    faulty(
        "pull-secret",
        "Rescheduled pods cannot pull their image since a Secret is gone",
        "image-and-deployment/image-pull-secret-missing",
        Opening::Alert("KubePodNotReady"),
    ),
    faulty(
        "pending-claim",
        "A workload is down because its claim names a StorageClass that does not exist",
        "storage-and-persistence/storage-class-missing",
        Opening::Alert(REPLICAS_MISMATCH),
    ),
    faulty(
        "stuck-volume",
        "A volume cannot be attached because the CSI driver is missing on one node",
        "storage-and-persistence/csi-driver-unavailable",
        Opening::Alert("KubePodNotReady"),
    ),
    faulty(
        "edge-errors-selector",
        "The front end answers 5xx because a Service selects no pods",
        "cascading-failure/service-selector-mismatch",
        Opening::Alert("HighErrorRate"),
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
        Opening::Alert("KubePodCrashLooping"),
    ),
    faulty(
        "rollout-readiness",
        "A rollout hangs because the readiness probe asks the wrong port",
        "app-vs-infra/probe-misconfigured",
        Opening::Alert("KubeDeploymentRolloutStuck"),
    ),
    Case {
        id: "watchdog",
        title: "The Watchdog alert fires, as it always does",
        verdict: "not_an_issue",
        fault: "situation/healthy",
        opening: Opening::Alert("Watchdog"),
    },
    Case {
        id: "recovered",
        title: "An alert about a workload that has recovered without a trace",
        verdict: "not_an_issue",
        fault: "situation/recovered",
        opening: Opening::Alert(REPLICAS_MISMATCH),
    },
    Case {
        id: "healthy-question",
        title: "Someone asks about a workload that is healthy",
        verdict: "not_an_issue",
        fault: "situation/healthy",
        opening: Opening::WorkloadQuestion,
    },
    Case {
        id: "no-such-object",
        title: "An alert about a workload that does not exist",
        verdict: "inconclusive",
        fault: "situation/no-such-object",
        opening: Opening::Alert(REPLICAS_MISMATCH),
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
    stage(&case.staging(), options)
}

impl Case {
    /// The case as a staging.
    pub fn staging(&self) -> Staging {
        Staging {
            name: self.id.to_owned(),
            faults: vec![FaultSpec {
                id: self.fault.to_owned(),
                ..FaultSpec::default()
            }],
            noise: vec!["standard".to_owned()],
            stimulus: self.opening.stimulus(),
        }
    }
}

impl Opening {
    fn stimulus(self) -> Stimulus {
        match self {
            Self::Alert(rule) => Stimulus::Alert(rule.to_owned()),
            Self::Question => Stimulus::Question {
                text: "Some users report errors on the site for a while now. What is going on?".to_owned(),
                namespace: "{front_namespace}".to_owned(),
            },
            Self::WorkloadQuestion => Stimulus::Question {
                text: "Is something wrong with {workload}? A colleague thinks that it is slow.".to_owned(),
                namespace: "{namespace}".to_owned(),
            },
            Self::Workload => Stimulus::Workload("{namespace}/{kind}/{workload}".to_owned()),
        }
    }
}
