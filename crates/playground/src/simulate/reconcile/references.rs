//! Secrets and ConfigMaps that a pod refers to and that are not there (`pkg/kubelet/kubelet_pods.go`,
//! `makeEnvironmentVariables`; `pkg/volume/secret`, `pkg/volume/configmap`). Must not know why they lack.

use serde_json::{Value, json};

use crate::build::json::{flag, items, set, text};
use crate::world::World;

/// The first error that a pod of a template would meet.
pub(crate) fn unresolved(world: &World, namespace: &str, template: &Value) -> Option<String> {
    let mut pod = template.clone();
    set(&mut pod, "/metadata/namespace", json!(namespace));
    items(template, "/spec/containers")
        .iter()
        .find_map(|container| environment(world, &pod, container))
        .or_else(|| volumes(world, &pod))
}

/// The first error of a container's environment.
pub(super) fn environment(world: &World, pod: &Value, container: &Value) -> Option<String> {
    let namespace = text(pod, "/metadata/namespace");
    for source in items(container, "/envFrom") {
        for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            if let Some(reference) = source
                .get(field)
                .filter(|reference| !flag(reference, "/optional"))
                && world.get(kind, namespace, text(reference, "/name")).is_none()
            {
                return Some(not_found(kind, text(reference, "/name")));
            }
        }
    }
    for variable in items(container, "/env") {
        for (field, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
            let Some(reference) = variable
                .pointer(&format!("/valueFrom/{field}"))
                .filter(|reference| !flag(reference, "/optional"))
            else {
                continue;
            };
            let (name, key) = (text(reference, "/name"), text(reference, "/key"));
            let Some(found) = world.get(kind, namespace, name) else {
                return Some(not_found(kind, name));
            };
            if !has(found, key) {
                return Some(format!("couldn't find key {key} in {kind} {namespace}/{name}"));
            }
        }
    }
    None
}

/// The first error of mounting a pod's volumes.
pub(super) fn volumes(world: &World, pod: &Value) -> Option<String> {
    let namespace = text(pod, "/metadata/namespace");
    for volume in items(pod, "/spec/volumes") {
        let volume_name = text(volume, "/name");
        for (field, name_field, kind) in [
            ("configMap", "name", "ConfigMap"),
            ("secret", "secretName", "Secret"),
        ] {
            let Some(source) = volume.get(field).filter(|source| !flag(source, "/optional")) else {
                continue;
            };
            let name = text(source, &format!("/{name_field}"));
            let failed = format!("MountVolume.SetUp failed for volume \"{volume_name}\" : ");
            let Some(found) = world.get(kind, namespace, name) else {
                return Some(failed + &not_found(kind, name));
            };
            let lacking = items(source, "/items")
                .iter()
                .map(|item| text(item, "/key"))
                .find(|key| !has(found, key));
            if let Some(key) = lacking {
                let word = if kind == "Secret" { "secret" } else { "config" };
                return Some(format!("{failed}references non-existent {word} key: {key}"));
            }
        }
    }
    None
}

fn has(object: &Value, key: &str) -> bool {
    ["data", "binaryData", "stringData"]
        .iter()
        .any(|part| object.get(part).is_some_and(|data| data.get(key).is_some()))
}

fn not_found(kind: &str, name: &str) -> String {
    format!("{} \"{name}\" not found", kind.to_lowercase())
}
