//! Faults of the category `resource-exhaustion`.

pub mod cpu_limit_throttling;
pub mod disk_pressure_eviction;
mod edits;
pub mod memory_leak;
pub mod memory_limit_too_low;
pub mod node_cpu_starvation;
pub mod node_memory_starvation;
#[cfg(test)]
mod tests;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &memory_limit_too_low::MemoryLimitTooLow,
    &memory_leak::MemoryLeak,
    &cpu_limit_throttling::CpuLimitThrottling,
    &node_memory_starvation::NodeMemoryStarvation,
    &node_cpu_starvation::NodeCpuStarvation,
    &disk_pressure_eviction::DiskPressureEviction,
];
