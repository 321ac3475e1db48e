//! What controllers, kubelets and callers do when something changes. Must not know which change is a fault.

pub mod callers;
pub mod drag;
pub mod finish;
pub mod init;
pub mod lives;
pub mod pace;
pub mod pods;
pub mod pressure;
pub mod probes;
pub(crate) mod reconcile;
pub mod rollout;
pub mod settle;
pub mod slowness;
pub mod spawn;
pub mod tenant;
pub mod traffic;
pub mod usage;
