//! Faults of the category `app-vs-infra`.

pub mod probe_misconfigured;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[&probe_misconfigured::ProbeMisconfigured];
