//! What controllers, kubelets and callers do when something changes. Must not know which change is a fault.

pub mod callers;
pub mod lives;
pub mod pods;
pub(crate) mod reconcile;
pub mod rollout;
pub mod settle;
pub mod spawn;
pub mod usage;
