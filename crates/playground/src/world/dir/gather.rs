//! Reads what OpenShift's `oc adm must-gather` (`oc adm inspect`) writes, as far as it is objects and container logs:
//! `cluster-scoped-resources/<group>/…`, `namespaces/<namespace>/<group>/<plural>.yaml` and
//! `namespaces/<namespace>/pods/<pod>/<container>/<container>/logs/*.log`. Files of another content are left alone.

use std::path::{Path, PathBuf};

use crate::world::World;
use crate::world::dir::manifest::{Manifests, is_manifest};
use crate::world::dir::{WorldError, dump, entries, file_name, read};

const CLUSTER_SCOPED: &str = "cluster-scoped-resources";
const NAMESPACES: &str = "namespaces";
/// How deep the folder of an image may lie below the one that is given.
const DEPTH: usize = 2;

/// Reads a must-gather into the world; `false` when the directory does not look like one.
pub(crate) fn load(dir: &Path, world: &mut World) -> Result<bool, WorldError> {
    let mut roots = Vec::new();
    find_roots(dir, DEPTH, &mut roots)?;
    if roots.is_empty() {
        return Ok(false);
    }
    let mut seen = Manifests::default();
    for root in roots {
        load_objects(&root.join(CLUSTER_SCOPED), world, &mut seen)?;
        for namespace in entries(&root.join(NAMESPACES))? {
            load_objects(&namespace, world, &mut seen)?;
            load_logs(&namespace, world)?;
        }
    }
    dump::add_namespaces(world);
    world.unseen = dump::left_out(&seen);
    Ok(true)
}

/// Folders that hold the two that a must-gather consists of: one per image that gathered.
fn find_roots(dir: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<(), WorldError> {
    if dir.join(CLUSTER_SCOPED).is_dir() || (depth < DEPTH && dir.join(NAMESPACES).is_dir()) {
        out.push(dir.to_owned());
    } else if depth > 0 {
        for below in entries(dir)?.iter().filter(|path| path.is_dir()) {
            find_roots(below, depth - 1, out)?;
        }
    }
    Ok(())
}

fn load_objects(dir: &Path, world: &mut World, seen: &mut Manifests) -> Result<(), WorldError> {
    for path in entries(dir)? {
        if path.is_dir() {
            load_objects(&path, world, seen)?;
        } else if is_manifest(&path) {
            // Beside objects there are files of tools; what is no object is none of ours.
            if let Ok(found) = seen.read(&path) {
                found.into_iter().for_each(|object| {
                    world.insert(object);
                });
            }
        }
    }
    Ok(())
}

fn load_logs(namespace: &Path, world: &mut World) -> Result<(), WorldError> {
    for pod in entries(&namespace.join("pods"))? {
        for container in entries(&pod)?.into_iter().filter(|path| path.is_dir()) {
            let logs = container.join(file_name(&container)).join("logs");
            let text = |name: &str| {
                let file = logs.join(name);
                file.exists().then(|| read(&file)).transpose()
            };
            let (current, previous) = (text("current.log")?, text("previous.log")?);
            if current.is_some() || previous.is_some() {
                let log = world.log_mut(file_name(namespace), file_name(&pod), file_name(&container));
                log.current = current;
                log.previous = previous.filter(|text| !text.is_empty());
            }
        }
    }
    Ok(())
}
