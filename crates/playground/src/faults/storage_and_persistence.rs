//! Faults of the category `storage-and-persistence`.

pub mod csi_driver_unavailable;
pub mod storage_class_missing;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &storage_class_missing::StorageClassMissing,
    &csi_driver_unavailable::CsiDriverUnavailable,
];
