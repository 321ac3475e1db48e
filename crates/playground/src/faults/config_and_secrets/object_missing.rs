//! A ConfigMap or a Secret that a workload takes variables from is deleted; a pod that is replaced cannot start. Must not
//! know how it is found.

use serde_json::{Value, json};

use super::environment::{self, lacks_reference, repoint, value_of};
use super::login;
use super::scene::{cannot_create, config_map, hasty, oldest_pod, replace_pod};
use crate::build::json::{entries, set, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::world::{ObjectKey, World};

/// `config-and-secrets/configmap-missing`.
pub(super) struct ConfigMapMissing;
/// `config-and-secrets/secret-missing`.
pub(super) struct SecretMissing;

impl Fault for ConfigMapMissing {
    fn id(&self) -> &'static str {
        "config-and-secrets/configmap-missing"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        delete(world, ctx, &workload, config_map(&workload), self.id())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        is_missing(world, truth)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        remedies(world, shop, truth)
    }
}

impl Fault for SecretMissing {
    fn id(&self) -> &'static str {
        "config-and-secrets/secret-missing"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let Some(workload) = ctx.pick_role(&["orders", "ledger", "catalog", "payments-api"]) else {
            return Truth::without_cause("inconclusive");
        };
        delete(world, ctx, &workload, login::secret(&workload), self.id())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        is_missing(world, truth)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        remedies(world, shop, truth)
    }
}

/// Deletes the object; some time later a pod is replaced, and its container cannot be made.
fn delete(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    object: ObjectKey,
    id: &'static str,
) -> Truth {
    let at = ctx.minutes_ago(18, 48);
    let held = world.remove_object(&object);
    let replaced = oldest_pod(world, workload).and_then(|old| replace_pod(world, ctx, workload, &old, at));
    let (Some(pod), Some(held)) = (replaced, held) else {
        return Truth::without_cause("inconclusive");
    };
    let message = format!("{} \"{}\" not found", object.kind.to_lowercase(), object.name);
    cannot_create(world, ctx, workload, &pod, &message);
    ctx.shows(workload, Some(&pod), time::after(at, 3));
    let victims = vec![workload_key(workload), key("", "Pod", &workload.namespace, &pod)];
    let params =
        json!({ "field": "metadata.name", "found": null, "expected": object.name, "copy": plain(held) });
    Truth::cause(object, id, params, victims)
}

/// The object as somebody would create it again.
fn plain(held: Value) -> Value {
    let mut copy = held;
    for field in ["uid", "resourceVersion", "managedFields", "creationTimestamp"] {
        crate::build::json::unset(&mut copy, "/metadata", field);
    }
    copy
}

/// The workload refers to what is not there, or goes without the variables that came from it.
fn is_missing(world: &World, truth: &Truth) -> bool {
    let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
        return false;
    };
    let arrives = |name: &str| value_of(world, workload, name).is_some();
    let all_arrive = if cause.object.kind == "Secret" {
        arrives("DB_PASSWORD")
    } else {
        entries(&cause.params, "/copy/data").all(|(name, _)| arrives(name))
    };
    lacks_reference(world, workload) || !all_arrive
}

fn remedies(world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
    let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
        return Vec::new();
    };
    let mut copy = cause.params.get("copy").cloned().unwrap_or_default();
    if text(&copy, "/kind").is_empty() {
        set(&mut copy, "/kind", json!(cause.object.kind));
    }
    let name = format!("{}-restored", cause.object.name);
    let mut renamed = vec![environment::copy(&copy, &name, |_| {})];
    renamed.extend(repoint(world, workload, &cause.object.name, &name));
    let mut out = hasty(world, shop, workload);
    out.push(Remedy::heals("create-again", vec![Step::Create(copy)]));
    out.push(Remedy::heals("create-under-other-name", renamed));
    out
}
