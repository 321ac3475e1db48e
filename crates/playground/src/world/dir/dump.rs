//! Reads what `kubectl cluster-info dump --output-directory` writes: a directory per namespace with one List per
//! kind and `<pod>/logs.txt`, and `nodes.json` at the top; also a plain folder of what `kubectl get -o yaml|json` wrote.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::api::resource::builtin::{BUILT_IN, Row};
use crate::world::World;
use crate::world::dir::manifest::{Manifests, is_manifest};
use crate::world::dir::{WorldError, entries, file_name, read};

/// Reads the dump, or any files that `kubectl get -o yaml|json` wrote, into the world; `false` when there are none.
pub(crate) fn load(dir: &Path, world: &mut World) -> Result<bool, WorldError> {
    let mut found = false;
    let mut seen = Manifests::default();
    for path in entries(dir)? {
        if path.is_dir() {
            found |= load_namespace(&path, world, &mut seen)?;
        } else if is_manifest(&path)
            && file_name(&path) != "world.yaml"
            && file_name(&path) != "stimulus.json"
        {
            found |= load_objects(&path, world, &mut seen)?;
        }
    }
    if found {
        add_namespaces(world);
        world.unseen = left_out(&seen);
    }
    Ok(found)
}

/// Its plurals are those of pods and nodes.
const METRICS: &str = "metrics.k8s.io";

/// Resources that no file spoke of: nothing is known of them. Namespaces are known by the objects in them.
pub(crate) fn left_out(seen: &Manifests) -> BTreeSet<String> {
    BUILT_IN
        .iter()
        .map(Row::resource)
        .filter(|resource| resource.kind != "Namespace" && resource.group != METRICS)
        .filter(|resource| !seen.speak_of(&resource.kind, &resource.plural))
        .map(|resource| resource.plural)
        .collect()
}

fn load_objects(path: &Path, world: &mut World, seen: &mut Manifests) -> Result<bool, WorldError> {
    let objects = seen.read(path)?;
    objects.into_iter().for_each(|object| {
        world.insert(object);
    });
    Ok(true)
}

fn load_namespace(dir: &Path, world: &mut World, seen: &mut Manifests) -> Result<bool, WorldError> {
    let mut found = false;
    for path in entries(dir)? {
        let logs = path.join("logs.txt");
        if path.is_dir() && logs.exists() {
            load_logs(&read(&logs)?, file_name(dir), file_name(&path), world);
        } else if is_manifest(&path) {
            found |= load_objects(&path, world, seen)?;
        }
    }
    Ok(found)
}

/// Splits `logs.txt` at the markers that kubectl writes around each container.
fn load_logs(text: &str, namespace: &str, pod: &str, world: &mut World) {
    let mut container = None;
    let mut log = String::new();
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end();
        if let Some(name) = marked(marker, "==== START logs for container ") {
            container = Some(name);
            log.clear();
        } else if let Some(at) = marker.find("==== END logs for container ") {
            // A log without a final line end runs into the marker.
            log.push_str(marker.get(..at).unwrap_or_default());
            keep(world, (namespace, pod), container.take(), &log);
        } else {
            log.push_str(line);
        }
    }
    keep(world, (namespace, pod), container, &log);
}

fn keep(world: &mut World, (namespace, pod): (&str, &str), container: Option<&str>, log: &str) {
    let Some(container) = container else { return };
    let entry = world.log_mut(namespace, pod, container);
    match log
        .strip_prefix("Request log error: ")
        .or_else(|| log.strip_prefix("Create log request error: "))
    {
        Some(message) => entry.error = Some(message.trim_end().to_owned()),
        None => entry.current = Some(log.to_owned()),
    }
}

fn marked<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.split(" of pod ").next()
}

/// A dump holds no Namespace objects: adds those that its objects live in.
pub(crate) fn add_namespaces(world: &mut World) {
    let names: std::collections::BTreeSet<String> = world
        .objects()
        .map(|(key, _)| key.namespace.clone())
        .filter(|name| !name.is_empty())
        .collect();
    for name in names {
        if world.get("Namespace", "", &name).is_none() {
            world.insert(json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
                "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
            }));
        }
    }
}
