//! Faults of the category `app-vs-infra`.

pub mod app_crash;
mod edits;
pub mod gpu_xid_error;
pub mod probe_misconfigured;
pub mod startup_slower_than_probe;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &app_crash::AppCrash,
    &gpu_xid_error::GpuXidError,
    &probe_misconfigured::ProbeMisconfigured,
    &startup_slower_than_probe::StartupSlowerThanProbe,
];
