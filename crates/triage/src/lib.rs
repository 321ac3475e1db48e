//! Triage: what code can know about an incident without asking a model. Detectors, causal ranking, the brief.

pub mod analysis;
pub mod containers;
pub mod detectors;
pub mod evidence;
pub mod focus;
mod rank;
mod reading;
mod run;
mod verdict;
mod vitals;
pub mod wording;

pub use analysis::{network, placement, rbac};
pub use run::{Options, Triage, triage};
