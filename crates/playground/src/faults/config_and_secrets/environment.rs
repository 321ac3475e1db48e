//! What reaches a workload's first container from ConfigMaps and Secrets, and edits that take it from elsewhere. Must not know
//! which value is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::build::json::{items, set, text, unset};
use crate::faults::Step;
use crate::simulate::reconcile::unresolved;
use crate::world::{ObjectKey, World};

const TEMPLATE: &str = "/spec/template";

/// The value of a variable in pods that start now: the last entry of `env` wins over all of `envFrom`, of which the last wins
/// (`pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`).
pub(super) fn value_of(world: &World, workload: &ObjectKey, name: &str) -> Option<String> {
    let object = world.object(workload)?;
    let container = object.pointer("/spec/template/spec/containers/0")?;
    let namespace = workload.namespace.as_str();
    let own = items(container, "/env")
        .iter()
        .rev()
        .find(|variable| text(variable, "/name") == name);
    if let Some(own) = own {
        if let Some(value) = own.get("value").and_then(Value::as_str) {
            return Some(value.to_owned());
        }
        return [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")]
            .into_iter()
            .find_map(|(field, kind)| {
                let reference = own.pointer(&format!("/valueFrom/{field}"))?;
                let held = world.get(kind, namespace, text(reference, "/name"))?;
                datum(held, text(reference, "/key"))
            });
    }
    items(container, "/envFrom").iter().rev().find_map(|source| {
        let key = name.strip_prefix(text(source, "/prefix"))?;
        [("configMapRef", "ConfigMap"), ("secretRef", "Secret")]
            .into_iter()
            .find_map(|(field, kind)| {
                let held = world.get(kind, namespace, text(source, &format!("/{field}/name")))?;
                datum(held, key)
            })
    })
}

/// The values of a key in the ConfigMaps that the workload mounts; an empty one where the ConfigMap, or the key that the volume
/// asks for, is not there.
pub(super) fn mounted(world: &World, workload: &ObjectKey, key: &str) -> Vec<String> {
    let Some(object) = world.object(workload) else {
        return Vec::new();
    };
    items(object, "/spec/template/spec/volumes")
        .iter()
        .filter_map(|volume| volume.get("configMap"))
        .filter_map(|source| {
            let is_asked = items(source, "/items")
                .iter()
                .any(|item| text(item, "/key") == key);
            let held = world.get("ConfigMap", &workload.namespace, text(source, "/name"));
            match (held, held.and_then(|held| datum(held, key))) {
                (_, Some(value)) => Some(value),
                (Some(_), None) if !is_asked => None,
                _ => Some(String::new()),
            }
        })
        .collect()
}

/// Whether the host of an address (`host:port` or a URL) is a Service, as a pod of the namespace looks it up.
pub(super) fn resolves(world: &World, namespace: &str, address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or_default();
    let mut labels = host.split('.');
    let name = labels.next().unwrap_or_default();
    let place = labels.next().unwrap_or(namespace);
    world.get("Service", place, name).is_some_and(|service| {
        let alias = text(service, "/spec/externalName");
        // An alias of a Service; two in a row are not followed.
        let mut target = alias.split('.');
        alias.is_empty()
            || target.next().zip(target.next()).is_some_and(|(name, place)| {
                world
                    .get("Service", place, name)
                    .is_some_and(|found| text(found, "/spec/externalName").is_empty())
            })
    })
}

/// Whether the workload refers to an object or a key that is not there.
pub(super) fn lacks_reference(world: &World, workload: &ObjectKey) -> bool {
    world
        .object(workload)
        .and_then(|object| object.pointer(TEMPLATE))
        .is_some_and(|template| unresolved(world, &workload.namespace, template).is_some())
}

/// A value of a ConfigMap or a Secret as a container sees it.
fn datum(held: &Value, key: &str) -> Option<String> {
    let value = held.get("data")?.get(key)?.as_str()?;
    if text(held, "/kind") != "Secret" {
        return Some(value.to_owned());
    }
    String::from_utf8(STANDARD.decode(value).ok()?).ok()
}

/// The workload's references to an object renamed: to a copy of it with another name.
pub(super) fn repoint(world: &World, workload: &ObjectKey, from: &str, to: &str) -> Option<Step> {
    let mut template = world.object(workload)?.pointer(TEMPLATE)?.clone();
    rename(&mut template, from, to);
    Some(Step::JsonPatch {
        object: workload.clone(),
        patch: json!([{ "op": "replace", "path": TEMPLATE, "value": template }]),
    })
}

/// Every reference to a ConfigMap or a Secret in a template.
fn rename(value: &mut Value, from: &str, to: &str) {
    const REFERENCES: &[(&str, &str)] = &[
        ("configMapRef", "name"),
        ("configMapKeyRef", "name"),
        ("configMap", "name"),
        ("secretRef", "name"),
        ("secretKeyRef", "name"),
        ("secret", "secretName"),
    ];
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| rename(item, from, to)),
        Value::Object(map) => {
            for (field, inner) in map.iter_mut() {
                let name = REFERENCES.iter().find(|(known, _)| known == field);
                if let Some((_, name)) = name
                    && inner.get(*name) == Some(&json!(from))
                {
                    set(inner, &format!("/{name}"), json!(to));
                }
                rename(inner, from, to);
            }
        }
        _ => {}
    }
}

/// Creates an object like another under a name of its own, with changes.
pub(super) fn copy(held: &Value, name: &str, change: impl FnOnce(&mut Value)) -> Step {
    let mut fresh = held.clone();
    for field in [
        "uid",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
        "generation",
        "annotations",
    ] {
        unset(&mut fresh, "/metadata", field);
    }
    set(&mut fresh, "/metadata/name", json!(name));
    change(&mut fresh);
    Step::Create(fresh)
}

/// A copy of an object of the world, and a workload that takes it instead.
pub(super) fn replace_by_copy(
    world: &World,
    (object, workload): (&ObjectKey, &ObjectKey),
    suffix: &str,
    change: impl FnOnce(&mut Value),
) -> Vec<Step> {
    let name = format!("{}-{suffix}", object.name);
    let Some(held) = world.object(object) else {
        return Vec::new();
    };
    let mut steps = vec![copy(held, &name, change)];
    steps.extend(repoint(world, workload, &object.name, &name));
    steps
}
