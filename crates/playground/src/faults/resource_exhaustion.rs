//! Faults of the category `resource-exhaustion`.

pub mod connection_pool_exhausted;
pub mod cpu_limit_throttling;
pub mod cpu_saturation;
mod denied;
pub mod disk_pressure_eviction;
mod edits;
pub mod ephemeral_storage_limit;
pub mod gpu_thermal_throttling;
pub mod hpa_cannot_scale;
pub mod insufficient_capacity;
pub mod kernel_table_exhausted;
pub mod limit_range_violation;
pub mod memory_leak;
pub mod memory_limit_too_low;
pub mod node_cpu_starvation;
pub mod node_memory_starvation;
pub mod node_pod_capacity;
pub mod oom_by_webhook;
pub mod priority_preemption;
pub mod quota_exceeded;
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
    &gpu_thermal_throttling::GpuThermalThrottling,
    &ephemeral_storage_limit::EphemeralStorageLimit,
    &insufficient_capacity::InsufficientCapacity,
    &quota_exceeded::QuotaExceeded,
    &limit_range_violation::LimitRangeViolation,
    &cpu_saturation::CpuSaturation,
    &hpa_cannot_scale::HpaCannotScale,
    &node_pod_capacity::NodePodCapacity,
    &oom_by_webhook::OomByWebhook,
    &priority_preemption::PriorityPreemption,
    &connection_pool_exhausted::ConnectionPoolExhausted,
    &kernel_table_exhausted::KernelTableExhausted,
];
