//! A rollout points a caller at a host that no Service has; it runs and answers errors. Must not know how it is found.

use serde_json::{Value, json};

use super::environment::{resolves, value_of};
use super::scene::{complain, hasty, roll, set_env, undo, variable};
use crate::build::json::{set, text};
use crate::build::log::voice::{CallFailure, failure};
use crate::build::template::url_variable;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, peer};
use crate::world::World;

/// `config-and-secrets/service-address-wrong`.
pub(super) struct ServiceAddressWrong;

const ID: &str = "config-and-secrets/service-address-wrong";

impl Fault for ServiceAddressWrong {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 46);
        let Some(workload) = ctx.pick_role(&["checkout", "recommendations", "storefront"]) else {
            return Truth::without_cause("inconclusive");
        };
        let callees: Vec<_> = ctx
            .shop
            .callees(&workload)
            .into_iter()
            .map(|callee| callee.workload.clone())
            .filter(|callee| callee.voice.speaks_http())
            .collect();
        let Some(callee) = ctx.rng.pick(&callees).cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let (name, namespace) = (&callee.name, &callee.namespace);
        let hosts = [
            format!("{name}-svc.{namespace}.svc.cluster.local"),
            format!("{name}-v2.{namespace}.svc.cluster.local"),
            format!("{name}.{}.svc.cluster.local", ctx.shop.names.namespace("data")),
        ];
        let host = ctx.rng.pick(&hosts).cloned().unwrap_or_default();
        let found = format!("http://{host}:{}", callee.port);
        let expected = format!("http://{}:{}", callee.host(), callee.port);
        let name = url_variable(&callee);
        let rolled = roll(world, ctx, &workload, (at, true), |template| {
            if let Some(index) = variable(template, &name) {
                set(
                    template,
                    &format!("/spec/containers/0/env/{index}/value"),
                    json!(found),
                );
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let mut asked = peer(&ctx.shop, &callee);
        asked.host = host;
        let message = failure(workload.voice, CallFailure::NoSuchHost, &asked);
        let now = ctx.shop.now();
        let from = time::after(at, 70);
        complain(world, ctx, &workload, &rolled.new_pods, &message, (from, now));
        let shop = ctx.shop.clone();
        let affected = callers::errors(world, &shop, &mut ctx.metrics, &workload, (from, now));
        let mut victims = callers::keys(&affected);
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), from);
        let field = format!(
            "spec.template.spec.containers[{}].env[{name}].value",
            workload.name
        );
        let params = json!({ "field": field, "found": found, "expected": expected, "variable": name });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        !value_of(world, &cause.object, text(&cause.params, "/variable"))
            .is_some_and(|address| resolves(world, &cause.object.namespace, &address))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let mut out = hasty(world, shop, &cause.object);
        if let Some(step) = undo(world, &cause.object) {
            out.push(Remedy::heals("rollout-undo", vec![step]));
        }
        let step = set_env(
            &cause.object,
            text(&cause.params, "/variable"),
            text(&cause.params, "/expected"),
        );
        out.push(Remedy::heals("fix-address", vec![step]));
        let (found, expected) = (host(&cause.params, "/found"), host(&cause.params, "/expected"));
        let mut labels = found.split('.');
        if let (Some(name), Some(namespace)) = (labels.next(), labels.next()) {
            let alias = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
                "spec": { "type": "ExternalName", "externalName": expected }
            });
            out.push(Remedy::heals("create-service", vec![Step::Create(alias)]));
        }
        out
    }
}

/// The host of a URL among the parameters.
fn host<'a>(params: &'a Value, pointer: &str) -> &'a str {
    text(params, pointer)
        .trim_start_matches("http://")
        .split(':')
        .next()
        .unwrap_or_default()
}
