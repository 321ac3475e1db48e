//! Faults of the category `resource-exhaustion`.

pub mod memory_leak;
pub mod memory_limit_too_low;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[&memory_limit_too_low::MemoryLimitTooLow, &memory_leak::MemoryLeak];
