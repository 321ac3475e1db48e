//! Faults of the category `image-and-deployment`.

pub mod bad_command;
pub mod bad_release;
pub(super) mod edits;
pub mod gitops_source_broken;
pub mod helm_release_failed;
pub mod helm_values_regression;
pub mod image_layer_corrupt;
pub mod image_pull_secret_missing;
pub mod image_reference_wrong;
pub mod image_wrong_architecture;
pub mod init_container_failing;
pub mod job_failing;
pub(super) mod pulls;
pub mod registry_rate_limited;
pub mod registry_unreachable;
pub mod rollout_stuck;
pub mod scaled_to_zero;
pub mod scheduling_node;
pub mod scheduling_rule;
#[cfg(test)]
mod tests;
pub(super) mod waiting_pods;

use scheduling_node::{Closing, SchedulingNode};
use scheduling_rule::{Rule, SchedulingRule};

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &image_reference_wrong::ImageReferenceWrong,
    &image_pull_secret_missing::ImagePullSecretMissing,
    &registry_unreachable::RegistryUnreachable,
    &registry_rate_limited::RegistryRateLimited,
    &image_wrong_architecture::ImageWrongArchitecture,
    &image_layer_corrupt::ImageLayerCorrupt,
    &init_container_failing::InitContainerFailing,
    &rollout_stuck::RolloutStuck,
    &bad_command::BadCommand,
    &helm_values_regression::HelmValuesRegression,
    &job_failing::JobFailing,
    &helm_release_failed::HelmReleaseFailed,
    &scaled_to_zero::ScaledToZero,
    &SchedulingRule(Rule::NodeSelector),
    &SchedulingRule(Rule::Affinity),
    &SchedulingRule(Rule::AntiAffinity),
    &SchedulingRule(Rule::TopologySpread),
    &SchedulingRule(Rule::HostPort),
    &SchedulingNode(Closing::Cordon),
    &SchedulingNode(Closing::Taint),
    &gitops_source_broken::GitOpsSourceBroken,
    &bad_release::BadRelease,
];
