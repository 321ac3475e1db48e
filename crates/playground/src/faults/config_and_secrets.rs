//! Faults of the category `config-and-secrets`.

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[];
