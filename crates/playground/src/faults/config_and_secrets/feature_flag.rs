//! A feature flag is switched on while the service runs, and the path that it opens is faulty; no rollout is near. Must not
//! know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::environment::{mounted, replace_by_copy};
use super::scene::{complain, edit, hasty, pod_names, roll};
use crate::build::json::{escape, push, set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{CallFailure, Level, line};
use crate::build::object::{Author, PIPELINE};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::world::{ObjectKey, World};

/// `config-and-secrets/feature-flag`.
pub(super) struct FeatureFlag;

const ID: &str = "config-and-secrets/feature-flag";
/// The console in which product people switch flags.
const CONSOLE: Author = Author {
    manager: "flag-console",
    operation: "Update",
};
const FLAGS: &[&str] = &[
    "new_pricing",
    "split_shipments",
    "smart_ranking",
    "guest_vouchers",
];

impl Fault for FeatureFlag {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(12, 26);
        let roles = ["checkout", "search", "cart", "recommendations", "orders"];
        let (Some(workload), Some(flag)) = (ctx.pick_role(&roles), ctx.rng.pick(FLAGS).copied()) else {
            return Truth::without_cause("inconclusive");
        };
        let days = ctx.rng.range(4, 11);
        let map = mount(world, ctx, &workload, time::days_before(ctx.shop.now(), days));
        if let Some(object) = world.get_mut("ConfigMap", &map.namespace, &map.name) {
            let field = format!("/data/{flag}");
            set(object, &field, json!("true"));
            ctx.shop.stamp.touch(object, CONSOLE, at, &[field.as_str()]);
        }
        // The kubelet brings it into the volume with its next sync (`syncFrequency`, one minute, and the cache's delay).
        let from = time::after(at, ctx.rng.range(18, 80));
        let pods = pod_names(world, &workload);
        for pod in &pods {
            let mut lines = Lines::default();
            let words = format!("flags changed: {flag}=true");
            lines.add(from, &line(&workload, pod, Level::Info, from, &words));
            super::scene::add_lines(world, &workload, pod, &lines);
        }
        complain(
            world,
            ctx,
            &workload,
            &pods,
            &error(&workload, flag),
            (from, ctx.shop.now()),
        );
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let shop = ctx.shop.clone();
        let affected = callers::answer_errors(world, &shop, &mut ctx.metrics, &silence);
        let mut victims = vec![workload_key(&workload)];
        victims.extend(callers::keys(&affected));
        ctx.shows(&workload, None, from);
        let params =
            json!({ "field": format!("data.{flag}"), "found": "true", "expected": "false", "key": flag });
        Truth::cause(map, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return false;
        };
        mounted(world, workload, text(&cause.params, "/key"))
            .iter()
            .any(|held| held == "true" || held.is_empty())
    }

    /// What runs is ready, and so is what starts: it only answers errors.
    fn afflicts(&self, _: &World, _: &Truth, _: &serde_json::Value) -> Option<bool> {
        Some(false)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let field = format!("/data/{}", escape(text(&cause.params, "/key")));
        let copied = replace_by_copy(world, (&cause.object, workload), "steady", |map| {
            set(map, &field, json!("false"));
        });
        let removed = Step::JsonPatch {
            object: cause.object.clone(),
            patch: json!([{ "op": "remove", "path": field }]),
        };
        let mut out = vec![
            Remedy::heals("switch-off", vec![edit(&cause.object, &field, json!("false"))]),
            Remedy::heals("remove-flag", vec![removed]),
            Remedy::heals("copy-without-flag", copied),
        ];
        out.extend(hasty(world, shop, workload));
        out
    }
}

/// A ConfigMap of flags, a file each, that the workload has mounted since a rollout some days ago.
fn mount(world: &mut World, ctx: &mut FaultContext, workload: &Workload, at: Timestamp) -> ObjectKey {
    let name = format!("{}-flags", workload.name);
    let mut map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": ctx.shop.stamp.meta("ConfigMap", &workload.namespace, &name, time::before(at, 40)), "data": {}
    });
    for flag in FLAGS {
        set(&mut map, &format!("/data/{flag}"), json!("false"));
    }
    ctx.shop.stamp.put(world, map, PIPELINE, time::before(at, 40));
    roll(world, ctx, workload, (at, true), |template| {
        let volume = json!({ "name": "flags", "configMap": { "name": name, "defaultMode": 420 } });
        push(template, "/spec/volumes", volume);
        let mount = json!({ "name": "flags", "mountPath": "/etc/flags", "readOnly": true });
        push(template, "/spec/containers/0/volumeMounts", mount);
    });
    key("", "ConfigMap", &workload.namespace, &name)
}

/// What the faulty path throws, in the words of the language.
fn error(workload: &Workload, flag: &str) -> String {
    match workload.voice {
        Voice::Node => format!("{flag}: TypeError: Cannot read properties of undefined (reading 'tier')"),
        Voice::Java => format!(
            "{flag}: java.lang.NullPointerException: Cannot invoke \"Tier.rate()\" because \"tier\" is null"
        ),
        Voice::Python => format!("{flag}: AttributeError: 'NoneType' object has no attribute 'tier'"),
        _ => format!(
            "{flag}: no tier for request: runtime error: invalid memory address or nil pointer dereference"
        ),
    }
}
