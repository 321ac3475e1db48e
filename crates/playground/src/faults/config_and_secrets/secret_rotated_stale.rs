//! A database password is rotated, server and Secret alike; containers that started before still use the old one. Must
//! not know how it is found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::login;
use super::scene::{replace_pod, restart, rollout_is_due};
use crate::build::json::{items, set, text};
use crate::build::object::{Author, PIPELINE};
use crate::build::template::credentials;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::pods_of;
use crate::world::{ObjectKey, World};

/// `config-and-secrets/secret-rotated-stale`. `params.fresh` (boolean) says whether a pod was replaced since.
pub(super) struct SecretRotatedStale;

const ID: &str = "config-and-secrets/secret-rotated-stale";

/// The External Secrets Operator (`pkg/controllers/externalsecret`, field owner prefix `externalsecrets.external-secrets.io`).
const OPERATOR: Author = Author {
    manager: "external-secrets",
    operation: "Update",
};

impl Fault for SecretRotatedStale {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(16, 48);
        let target = ctx.pick_role(login::ROLES);
        let (Some(workload), Some(database)) = (target, ctx.shop.role("postgres").cloned()) else {
            return Truth::without_cause("inconclusive");
        };
        let author = if ctx.rng.chance(60) { OPERATOR } else { PIPELINE };
        let value = STANDARD.encode(login::new_password(&mut ctx.rng));
        if let Some(secret) = world.get_mut("Secret", &workload.namespace, &credentials(&workload)) {
            set(secret, "/data/password", json!(value));
            ctx.shop.stamp.touch(secret, author, at, &["/data/password"]);
        }
        login::password_changed(world, &workload, &database, time::before(at, 1));
        let mut pods = login::oldest_first(world, &workload);
        let fresh = ctx
            .params
            .get("fresh")
            .and_then(serde_json::Value::as_bool)
            .unwrap_or_else(|| ctx.rng.chance(70));
        if fresh && pods.len() > 1 {
            let gone = pods.remove(0);
            let moved = time::after(at, ctx.rng.range(200, 700));
            replace_pod(world, ctx, &workload, &gone, moved);
        }
        let from = login::first_refusal(ctx, at);
        let victims = login::fail(world, ctx, &workload, &pods, from);
        ctx.shows(&workload, pods.first().map(String::as_str), from);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].env[DB_PASSWORD]", workload.name),
            "found": "the value from before the rotation", "expected": "the value since the rotation",
            "secret": credentials(&workload), "rotated": time::seconds(at)
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(rotated) = time::parse(text(&cause.params, "/rotated")) else {
            return false;
        };
        let stale = world.of_kind("Pod").any(|pod| {
            text(pod, "/metadata/namespace") == cause.object.namespace
                && text(pod, "/spec/containers/0/name") == cause.object.name
                && items(pod, "/status/containerStatuses").iter().any(|status| {
                    time::parse(text(status, "/state/running/startedAt")).is_some_and(|start| start < rotated)
                })
        });
        stale && !rollout_is_due(world, &cause.object)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let workload = shop.named(&cause.object.namespace, &cause.object.name);
        let pods: Vec<Step> = workload
            .map(|workload| pods_of(world, workload))
            .unwrap_or_default()
            .iter()
            .filter_map(ObjectKey::of)
            .map(Step::Delete)
            .collect();
        let secret = key(
            "",
            "Secret",
            &cause.object.namespace,
            text(&cause.params, "/secret"),
        );
        let annotated = json!({ "metadata": { "annotations": { "force-sync": time::seconds(shop.now()) } } });
        let mut out = vec![
            Remedy::heals("restart", vec![restart(&cause.object, shop.now())]),
            Remedy::heals("delete-all-pods", pods),
            Remedy::fails(
                "sync-secret-again",
                vec![Step::MergePatch {
                    object: secret,
                    patch: annotated,
                }],
            ),
        ];
        if let Some(database) = shop.role("postgres") {
            let step = restart(&workload_key(database), shop.now());
            out.push(Remedy::fails("restart-database", vec![step]));
        }
        out
    }
}
