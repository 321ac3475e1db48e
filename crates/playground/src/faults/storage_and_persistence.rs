//! Faults of the category `storage-and-persistence`.

pub mod backup_failed;
pub mod csi_driver_unavailable;
pub mod database_read_only;
pub mod edits;
pub mod filesystem_corrupt;
pub mod provisioning_failed;
pub mod pv_node_affinity_conflict;
pub mod pvc_conflict;
pub mod pvc_missing;
pub mod pvc_unbindable;
pub mod snapshot_failed;
pub mod storage_class_missing;
pub mod unplaced;
pub mod volume_attach_timeout;
pub mod volume_full;
pub mod waiting;
pub mod writes;

#[cfg(test)]
mod tests;

use super::Fault;

/// The category's faults.
pub const FAULTS: &[&dyn Fault] = &[
    &storage_class_missing::StorageClassMissing,
    &csi_driver_unavailable::CsiDriverUnavailable,
    &pvc_conflict::PvcConflict,
    &provisioning_failed::ProvisioningFailed,
    &volume_attach_timeout::VolumeAttachTimeout,
    &filesystem_corrupt::FilesystemCorrupt,
    &snapshot_failed::SnapshotFailed,
    &backup_failed::BackupFailed,
    &pvc_missing::PvcMissing,
    &pvc_unbindable::NONE,
    &pvc_unbindable::SIZE,
    &pvc_unbindable::MODE,
    &pvc_unbindable::SELECTOR,
    &pvc_unbindable::CLASS,
    &pv_node_affinity_conflict::PvNodeAffinityConflict,
    &volume_full::VolumeFull,
    &database_read_only::DatabaseReadOnly,
];
