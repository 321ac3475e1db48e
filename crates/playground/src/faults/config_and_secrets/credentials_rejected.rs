//! Somebody changes a login's password on the database server and not in the Secret. Must not know how it is found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::environment::{replace_by_copy, value_of};
use super::login;
use super::scene::{edit, restart};
use crate::build::json::{set, text};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/credentials-rejected`.
pub(super) struct CredentialsRejected;

const ID: &str = "config-and-secrets/credentials-rejected";

impl Fault for CredentialsRejected {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(16, 48);
        let target = ctx.pick_role(login::ROLES);
        let (Some(workload), Some(database)) = (target, ctx.shop.role("postgres").cloned()) else {
            return Truth::without_cause("inconclusive");
        };
        login::password_changed(world, &workload, &database, at);
        let pods = login::oldest_first(world, &workload);
        let from = login::first_refusal(ctx, at);
        let mut victims = login::fail(world, ctx, &workload, &pods, from);
        victims.push(workload_key(&workload));
        ctx.shows(&workload, pods.first().map(String::as_str), from);
        let secret = login::secret(&workload);
        let held = world
            .object(&secret)
            .map(|object| ctx.shop.stamp.digest(text(object, "/data/password")));
        let params = json!({
            "field": "data.password", "found": "what the server no longer accepts",
            "expected": "what the server accepts since", "held": held, "seed": ctx.shop.stamp.seed,
            "now": time::seconds(ctx.shop.now())
        });
        Truth::cause(secret, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let stamp = crate::build::object::Stamp {
            seed: cause
                .params
                .get("seed")
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0),
            now: world.now,
        };
        let Some(workload) = truth
            .victims
            .iter()
            .find(|victim| victim.group == "apps" && format!("{}-db", victim.name) == cause.object.name)
        else {
            return false;
        };
        value_of(world, workload, "DB_PASSWORD")
            .is_none_or(|value| stamp.digest(&STANDARD.encode(value)) == text(&cause.params, "/held"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop
            .workloads
            .iter()
            .find(|workload| login::secret(workload) == cause.object)
        else {
            return Vec::new();
        };
        let (object, now) = (workload_key(workload), shop.now());
        let password = json!("bmV3LXBhc3N3b3JkLTEyMw==");
        let fresh = edit(&cause.object, "/data/password", password.clone());
        let copied = replace_by_copy(world, (&cause.object, &object), "rotated", |secret| {
            set(secret, "/data/password", password);
        });
        let mut out = vec![
            Remedy::heals("update-secret", vec![fresh, restart(&object, now)]),
            Remedy::heals("another-secret", copied),
            Remedy::fails("restart", vec![restart(&object, now)]),
        ];
        if let Some(database) = shop.role("postgres") {
            let step = restart(&workload_key(database), now);
            out.push(Remedy::fails("restart-database", vec![step]));
        }
        out
    }
}
