//! A person edits a live ConfigMap past whoever delivers it; pods that start later follow the edit and end. Must not
//! know how it is found.

use serde_json::json;

use super::environment::{replace_by_copy, resolves, value_of};
use super::scene::{address_key, config_map, edit, end_at_start, restart, roll, set_env};
use crate::build::json::{escape, set, text};
use crate::build::log::voice::{CallFailure, failure};
use crate::build::object::{Author, KUBECTL_EDIT};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::callers::peer;
use crate::world::World;

/// `config-and-secrets/configmap-drift`. `params.lag`: `soon` (the person restarts the workload) or `later` (a release
/// that changes only the image picks the edit up, hours after it).
pub(super) struct ConfigMapDrift;

const ID: &str = "config-and-secrets/configmap-drift";
const ROLES: &[&str] = &["cart", "recommendations", "fraud", "search", "orders"];

/// `kubectl rollout restart`, whose field manager is named so since 1.20.
const KUBECTL_ROLLOUT: Author = Author {
    manager: "kubectl-rollout",
    operation: "Update",
};

impl Fault for ConfigMapDrift {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let rolled_out = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_role(ROLES) else {
            return Truth::without_cause("inconclusive");
        };
        let Some((key, expected, callee)) = address_key(world, &ctx.shop, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        let soon = match ctx.text_param("lag") {
            Some(lag) => lag == "soon",
            None => ctx.rng.chance(50),
        };
        let lag_s = if soon {
            ctx.rng.range(25, 110)
        } else {
            ctx.rng.range(2 * 3600, 30 * 3600)
        };
        let edited = time::before(rolled_out, lag_s);
        let (found, words) = wrong(ctx, &workload, &callee, &expected);
        let map = config_map(&workload);
        let field = format!("/data/{}", escape(&key));
        if let Some(object) = world.get_mut("ConfigMap", &map.namespace, &map.name) {
            set(object, &field, json!(found));
            ctx.shop
                .stamp
                .touch(object, KUBECTL_EDIT, edited, &[field.as_str()]);
        }
        let image = workload.image_at(workload.next_version());
        let rolled = if soon {
            restart_by_person(world, ctx, &workload, rolled_out)
        } else {
            roll(world, ctx, &workload, (rolled_out, false), |template| {
                set(template, "/spec/containers/0/image", json!(image));
            })
        };
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let said = [
            format!("startup check failed: {words}"),
            "shutting down".to_owned(),
        ];
        let onset = end_at_start(world, ctx, &workload, &rolled.new_pods, &said).unwrap_or(rolled_out);
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params =
            json!({ "field": format!("data.{key}"), "found": found, "expected": expected, "key": key });
        Truth::cause(map, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return false;
        };
        !value_of(world, workload, text(&cause.params, "/key"))
            .is_some_and(|address| resolves(world, &workload.namespace, &address))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = truth.victims.first() else {
            return Vec::new();
        };
        let field = format!("/data/{}", escape(text(&cause.params, "/key")));
        let expected = text(&cause.params, "/expected");
        let revert = edit(&cause.object, &field, json!(expected));
        let copied = replace_by_copy(world, (&cause.object, workload), "reverted", |map| {
            set(map, &field, json!(expected));
        });
        let variable = set_env(workload, text(&cause.params, "/key"), expected);
        vec![
            Remedy::heals("revert-config", vec![revert, restart(workload, shop.now())]),
            Remedy::heals("reverted-copy", copied),
            Remedy::heals("set-variable", vec![variable]),
            Remedy::fails("restart", vec![restart(workload, shop.now())]),
        ]
    }
}

fn restart_by_person(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    at: jiff::Timestamp,
) -> Option<crate::simulate::rollout::Rolled> {
    let change = crate::simulate::rollout::Change {
        namespace: &workload.namespace,
        name: &workload.name,
        author: KUBECTL_ROLLOUT,
        at,
        completes: false,
    };
    crate::simulate::rollout::rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(
            template,
            "/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
            json!(time::seconds(at)),
        );
    })
}

/// A value that somebody might have typed while trying something, and what the client says of it.
fn wrong(ctx: &mut FaultContext, workload: &Workload, callee: &Workload, expected: &str) -> (String, String) {
    let host = callee.host();
    let mut asked = peer(&ctx.shop, callee);
    let rng: &mut Rng = &mut ctx.rng;
    let (new, why) = match rng.below(3) {
        0 => ("localhost".to_owned(), CallFailure::Refused),
        1 => (
            format!("{}-debug.{}.svc.cluster.local", callee.name, callee.namespace),
            CallFailure::NoSuchHost,
        ),
        _ => (
            format!("{}-2.{}.svc.cluster.local", callee.name, callee.namespace),
            CallFailure::NoSuchHost,
        ),
    };
    asked.host.clone_from(&new);
    if new == "localhost" {
        "127.0.0.1".clone_into(&mut asked.address);
    }
    (
        expected.replace(&host, &new),
        failure(workload.voice, why, &asked),
    )
}
