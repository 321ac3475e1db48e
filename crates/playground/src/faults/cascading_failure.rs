//! Faults of the category `cascading-failure`.

pub mod network_policy_blocks;
pub mod service_selector_mismatch;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &service_selector_mismatch::ServiceSelectorMismatch,
    &network_policy_blocks::NetworkPolicyBlocks,
];
