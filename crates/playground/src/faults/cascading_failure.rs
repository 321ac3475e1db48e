//! Faults of the category `cascading-failure`.

pub mod control_plane_overload;
pub mod dependency_down;
pub mod dependency_slow;
pub mod dns_broken;
pub mod dns_policy_wrong;
pub(super) mod edits;
pub mod ingress_misrouted;
pub mod network_policy_blocks;
pub mod node_failure_avalanche;
pub mod port_mismatch;
pub mod queue_backlog;
pub mod retry_storm;
pub mod selector_too_broad;
pub mod service_missing;
pub mod service_selector_mismatch;
pub mod shared_cause_multi_pod;
pub mod shared_pvc_corruption;
#[cfg(test)]
mod tests;
pub mod upstream_rate_limited;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &service_selector_mismatch::ServiceSelectorMismatch,
    &network_policy_blocks::NetworkPolicyBlocks,
    &dependency_down::DependencyDown,
    &dependency_slow::DependencySlow,
    &shared_cause_multi_pod::SharedCauseMultiPod,
    &dns_broken::DnsBroken,
    &dns_policy_wrong::DnsPolicyWrong,
    &shared_pvc_corruption::SharedPvcCorruption,
    &node_failure_avalanche::NodeFailureAvalanche,
    &service_missing::ServiceMissing,
    &port_mismatch::PortMismatch,
    &selector_too_broad::SelectorTooBroad,
    &ingress_misrouted::IngressMisrouted,
    &retry_storm::RetryStorm,
    &queue_backlog::QueueBacklog,
    &upstream_rate_limited::UpstreamRateLimited,
    &control_plane_overload::ControlPlaneOverload,
];
