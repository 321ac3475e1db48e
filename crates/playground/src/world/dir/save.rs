//! Writes a world directory, the same bytes for the same world.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::World;
use crate::world::dir::WorldError;

/// Directory for objects without a namespace.
const CLUSTER_SCOPED: &str = "_cluster";

/// Writes the world: `world.yaml`, one List per namespace and kind below `objects/`, logs, metrics, stimulus.
///
/// The directory is created when absent; files of an earlier world in it are not removed.
pub fn save_world(world: &World, dir: &Path) -> Result<(), WorldError> {
    let header = json!({ "cluster": world.cluster, "name": world.name, "now": world.now.to_string() });
    write_yaml(&dir.join("world.yaml"), header)?;
    for (path, items) in files(world) {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        write_yaml(&dir.join("objects").join(path), list)?;
    }
    for (key, log) in &world.logs {
        let base = dir.join("logs").join(&key.namespace).join(&key.pod);
        let parts = [
            ("log", &log.current),
            ("previous.log", &log.previous),
            ("error", &log.error),
            ("previous.error", &log.previous_error),
        ];
        for (ending, text) in parts {
            if let Some(text) = text {
                write(&base.join(format!("{}.{ending}", key.container)), text)?;
            }
        }
    }
    if !world.metrics.is_empty() {
        write(
            &dir.join("metrics.om"),
            &format!("{}\n# EOF\n", world.metrics.trim_end()),
        )?;
    }
    if let Some(captured) = &world.captured {
        let path = dir.join("captured.json");
        let text = serde_json::to_string_pretty(captured)
            .map_err(|error| WorldError::invalid(&path, error.to_string()))?;
        write(&path, &format!("{text}\n"))?;
    }
    if let Some(stimulus) = &world.stimulus {
        let mut sorted = stimulus.clone();
        sorted.sort_all_objects();
        write(&dir.join("stimulus.json"), &format!("{sorted:#}\n"))?;
    }
    Ok(())
}

/// The objects by file: `<namespace>/<kind>[.<group>].yaml`.
fn files(world: &World) -> BTreeMap<PathBuf, Vec<&Value>> {
    let mut files: BTreeMap<PathBuf, Vec<&Value>> = BTreeMap::new();
    for (key, object) in world.objects() {
        let place = if key.namespace.is_empty() {
            CLUSTER_SCOPED
        } else {
            key.namespace.as_str()
        };
        let kind = key.kind.to_lowercase();
        let name = if key.group.is_empty() {
            format!("{kind}.yaml")
        } else {
            format!("{kind}.{}.yaml", key.group)
        };
        files.entry(Path::new(place).join(name)).or_default().push(object);
    }
    files
}

fn write_yaml(path: &Path, mut value: Value) -> Result<(), WorldError> {
    value.sort_all_objects();
    let text =
        serde_saphyr::to_string(&value).map_err(|error| WorldError::invalid(path, error.to_string()))?;
    write(path, &text)
}

fn write(path: &Path, text: &str) -> Result<(), WorldError> {
    let failed = |source| WorldError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
