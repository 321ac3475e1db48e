//! Triage: what code can know about an incident without asking a model. Detectors, causal ranking, the brief.

pub mod containers;
pub mod detectors;
pub mod evidence;
pub mod focus;
pub mod network;
pub mod placement;
mod rank;
pub mod rbac;
mod reading;
mod run;
mod verdict;
mod vitals;
pub mod wording;

pub use run::{Options, Triage, triage};
