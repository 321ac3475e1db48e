//! Faults of the category `app-vs-infra`.

pub mod app_crash;
pub mod clock_skew;
pub(super) mod edits;
pub mod gpu_xid_error;
pub mod hardware_fault;
pub mod kube_component_down;
pub mod lock_wait;
pub mod network_degraded;
pub mod node_not_ready;
pub mod performance_degradation;
pub mod probe_misconfigured;
pub mod slow_query;
pub mod startup_slower_than_probe;
pub mod traffic_surge;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &app_crash::AppCrash,
    &clock_skew::ClockSkew,
    &gpu_xid_error::GpuXidError,
    &hardware_fault::HardwareFault,
    &kube_component_down::KubeComponentDown,
    &lock_wait::LockWait,
    &network_degraded::NetworkDegraded,
    &node_not_ready::NodeNotReady,
    &performance_degradation::PerformanceDegradation,
    &probe_misconfigured::ProbeMisconfigured,
    &slow_query::SlowQuery,
    &startup_slower_than_probe::StartupSlowerThanProbe,
    &traffic_surge::TrafficSurge,
];
