//! A rollout asks for a key that the Secret does not have, or the Secret loses a key that pods ask for. Must not know how
//! it is found.

use serde_json::{Value, json};

use super::environment::value_of;
use super::login;
use super::scene::{cannot_create, hasty, oldest_pod, replace_pod, roll, undo, variable};
use crate::build::json::{set, text, unset};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::world::{ObjectKey, World};

/// `config-and-secrets/key-missing`. `params.form`: `template` (the reference is wrong) or `object` (the key is gone).
pub(super) struct KeyMissing;

const ID: &str = "config-and-secrets/key-missing";

impl Fault for KeyMissing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 46);
        let Some(workload) = ctx.pick_role(&["orders", "ledger"]) else {
            return Truth::without_cause("inconclusive");
        };
        let template = match ctx.text_param("form") {
            Some(form) => form == "template",
            None => ctx.rng.chance(50),
        };
        let secret = login::secret(&workload);
        let staged = if template {
            ask_wrongly(world, ctx, &workload, at)
        } else {
            lose_key(world, ctx, &workload, &secret, at)
        };
        let Some((pod, wrong)) = staged else {
            return Truth::without_cause("inconclusive");
        };
        let message = format!(
            "couldn't find key {wrong} in Secret {}/{}",
            secret.namespace, secret.name
        );
        cannot_create(world, ctx, &workload, &pod, &message);
        ctx.shows(&workload, Some(&pod), time::after(at, 3));
        let object = workload_key(&workload);
        let victims = if template {
            Vec::new()
        } else {
            vec![object.clone()]
        };
        let root = if template { object } else { secret.clone() };
        let field = if template {
            format!(
                "spec.template.spec.containers[{}].env[DB_PASSWORD].valueFrom.secretKeyRef.key",
                workload.name
            )
        } else {
            format!("data.{wrong}")
        };
        let expected = if template {
            "password"
        } else {
            "the key that the workload asks for"
        };
        let params = json!({ "field": field, "found": wrong, "expected": expected, "secret": secret.name });
        Truth::cause(root, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        workload_of(truth).is_some_and(|workload| {
            value_of(world, workload, "DB_PASSWORD").is_none_or(|value| value.is_empty())
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), workload_of(truth)) else {
            return Vec::new();
        };
        let mut out = hasty(world, shop, workload);
        let secret = key("", "Secret", &workload.namespace, text(&cause.params, "/secret"));
        let add = Step::MergePatch {
            patch: json!({ "stringData": { text(&cause.params, "/found"): "again-the-same" } }),
            object: secret.clone(),
        };
        if cause.object.kind == "Secret" {
            out.push(Remedy::heals("restore-key", vec![add]));
            let asked = ask_for(workload, &secret.name, "db-password");
            out.push(Remedy::heals("fix-reference", vec![asked]));
            return out;
        }
        if let Some(step) = undo(world, workload) {
            out.push(Remedy::heals("rollout-undo", vec![step]));
        }
        let asked = ask_for(workload, &secret.name, text(&cause.params, "/expected"));
        out.push(Remedy::heals("fix-reference", vec![asked]));
        out.push(Remedy::heals("add-key", vec![add]));
        out
    }
}

/// The variable's reference to a key of the Secret.
fn ask_for(workload: &ObjectKey, secret: &str, key: &str) -> Step {
    let variable =
        json!({ "name": "DB_PASSWORD", "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } });
    Step::StrategicPatch {
        object: workload.clone(),
        patch: json!({ "spec": { "template": { "spec": {
            "containers": [{ "name": workload.name, "env": [variable] }] } } } }),
    }
}

fn workload_of(truth: &Truth) -> Option<&ObjectKey> {
    let cause = truth.root_causes.first()?;
    if cause.object.kind == "Secret" {
        truth.victims.first()
    } else {
        Some(&cause.object)
    }
}

fn ask_wrongly(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    at: jiff::Timestamp,
) -> Option<(String, String)> {
    let wrong = (*ctx.rng.pick(&["db-password", "pasword", "PASSWORD"])?).to_owned();
    let rolled = roll(world, ctx, workload, (at, false), |template| {
        if let Some(index) = variable(template, "DB_PASSWORD") {
            let field = format!("/spec/containers/0/env/{index}/valueFrom/secretKeyRef/key");
            set(template, &field, json!(wrong));
        }
    })?;
    Some((rolled.new_pods.first()?.clone(), wrong))
}

/// A person renames the key; nothing happens until a pod is replaced.
fn lose_key(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    secret: &ObjectKey,
    at: jiff::Timestamp,
) -> Option<(String, String)> {
    let object = world.get_mut("Secret", &secret.namespace, &secret.name)?;
    let value = object.pointer("/data/password")?.clone();
    unset(object, "/data", "password");
    set(object, "/data/db-password", value);
    let edited = time::before(at, ctx.rng.range(240, 2_400));
    let stamp = ctx.shop.stamp.clone();
    if let Some(entries) = object
        .pointer_mut("/metadata/managedFields")
        .and_then(Value::as_array_mut)
    {
        for entry in entries {
            unset(entry, "/fieldsV1/f:data", "f:password");
        }
    }
    stamp.touch(object, KUBECTL_EDIT, edited, &["/data/db-password"]);
    let old = oldest_pod(world, workload)?;
    let pod = replace_pod(world, ctx, workload, &old, at)?;
    Some((pod, "password".to_owned()))
}
