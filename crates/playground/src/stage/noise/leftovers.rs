//! Hygiene findings: a released volume and a ConfigMap that nothing uses.

use serde_json::json;

use crate::build::object::{PIPELINE, PROVISIONER};
use crate::build::time;
use crate::rng::Rng;
use crate::shop::Shop;
use crate::world::World;

/// Adds them.
pub fn add(world: &mut World, shop: &Shop, namespace: &str, rng: &mut Rng) {
    let created = time::days_before(shop.now(), rng.range(60, 180));
    let name = format!("pvc-{}", shop.stamp.uuid("leftover"));
    let platform = &shop.names.platform;
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": shop.stamp.meta("PersistentVolume", "", &name, created),
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "5Gi" },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": "scratch",
                "uid": shop.stamp.uid("PersistentVolumeClaim", namespace, "scratch")
            },
            "csi": { "driver": platform.driver, "fsType": "ext4", "volumeHandle": "vol-0a11ce" },
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": platform.other_class,
            "volumeMode": "Filesystem"
        },
        "status": { "phase": "Released" }
    });
    shop.stamp.put(world, volume, PROVISIONER, created);
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": shop.stamp.meta("ConfigMap", namespace, "settings-old", created),
        "data": { "LOG_LEVEL": "debug" }
    });
    shop.stamp.put(world, config, PIPELINE, created);
}
