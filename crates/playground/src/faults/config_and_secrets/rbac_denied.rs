//! A Role loses a verb that a workload's account needs. Must not know how it is found.

use serde_json::{Value, json};

use super::scene::{complain, edit, pod_names, restart};
use crate::build::json::{items, set};
use crate::build::object::PIPELINE;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/rbac-denied`.
pub(super) struct RbacDenied;

const ID: &str = "config-and-secrets/rbac-denied";
const VERBS: &str = "/rules/0/verbs";

impl Fault for RbacDenied {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 46);
        let Some(workload) = ctx.pick_role(&["reports"]) else {
            return Truth::without_cause("inconclusive");
        };
        let namespace = workload.namespace.clone();
        let role = key("rbac.authorization.k8s.io", "Role", &namespace, &workload.name);
        if let Some(object) = world.get_mut("Role", &namespace, &workload.name) {
            set(object, VERBS, json!(["get"]));
            ctx.shop.stamp.touch(object, PIPELINE, at, &["/rules"]);
        }
        let account = format!("system:serviceaccount:{namespace}:{}", workload.name);
        let message = format!(
            "kubernetes.client.exceptions.ApiException: (403) Reason: Forbidden HTTP response body: configmaps is \
             forbidden: User \"{account}\" cannot list resource \"configmaps\" in API group \"\" in the namespace \
             \"{namespace}\""
        );
        let from = time::after(at, ctx.rng.range(4, 40));
        let now = ctx.shop.now();
        let pods = pod_names(world, &workload);
        complain(world, ctx, &workload, &pods, &message, (from, now));
        ctx.shows(&workload, pods.first().map(String::as_str), from);
        let params = json!({ "field": "rules[0].verbs", "found": "get", "expected": "get, list" });
        Truth::cause(role, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let allows = |role: &Value| {
            items(role, "/rules").iter().any(|rule| {
                items(rule, "/resources")
                    .iter()
                    .any(|resource| resource == "configmaps" || resource == "*")
                    && items(rule, "/verbs")
                        .iter()
                        .any(|verb| verb == "list" || verb == "*")
            })
        };
        let roles = world.of_kind("Role").filter(|role| {
            crate::build::json::text(role, "/metadata/namespace") == cause.object.namespace
                && crate::build::json::text(role, "/metadata/name") == cause.object.name
        });
        !roles.into_iter().any(allows)
    }

    fn remedies(&self, _: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"] }]);
        vec![
            Remedy::heals("grant-verb", vec![edit(&cause.object, "/rules", rules)]),
            Remedy::fails("restart", vec![restart(workload, shop.now())]),
        ]
    }
}
