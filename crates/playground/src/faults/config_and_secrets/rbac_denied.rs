//! A Role loses a verb that a workload's account needs. Must not know how it is found.

use serde_json::{Value, json};

use super::scene::{complain, edit, pod_names, restart};
use crate::build::json::{items, set, text};
use crate::build::object::PIPELINE;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/rbac-denied`.
pub(super) struct RbacDenied;

const ID: &str = "config-and-secrets/rbac-denied";
const GROUP: &str = "rbac.authorization.k8s.io";
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
        let role = key(GROUP, "Role", &namespace, &workload.name);
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
        let Some(workload) = truth.victims.first() else {
            return false;
        };
        let account = world
            .object(workload)
            .map(|object| text(object, "/spec/template/spec/serviceAccountName"))
            .unwrap_or_default();
        !may_list(world, &workload.namespace, account)
    }

    fn remedies(&self, _: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"] }]);
        let (namespace, name) = (&workload.namespace, format!("{}-list", cause.object.name));
        let role = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "Role",
            "metadata": { "name": name, "namespace": namespace }, "rules": rules
        });
        let binding = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding",
            "metadata": { "name": name, "namespace": namespace },
            "roleRef": { "apiGroup": GROUP, "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": workload.name, "namespace": namespace }]
        });
        let second = vec![Step::Create(role), Step::Create(binding)];
        vec![
            Remedy::heals("grant-verb", vec![edit(&cause.object, "/rules", rules)]),
            Remedy::heals("second-role", second),
            Remedy::fails("restart", vec![restart(workload, shop.now())]),
        ]
    }
}

/// Whether any binding lets an account list the ConfigMaps of its namespace (`pkg/registry/rbac/validation/rule.go`).
fn may_list(world: &World, namespace: &str, account: &str) -> bool {
    let groups = [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ];
    let is_meant = |subject: &Value| match text(subject, "/kind") {
        "ServiceAccount" => text(subject, "/name") == account && text(subject, "/namespace") == namespace,
        "Group" => groups.iter().any(|group| group == text(subject, "/name")),
        _ => text(subject, "/name") == format!("system:serviceaccount:{namespace}:{account}"),
    };
    let allows = |role: &Value| {
        items(role, "/rules").iter().any(|rule| {
            let names = |pointer: &str, wanted: &str| {
                items(rule, pointer)
                    .iter()
                    .any(|found| found == wanted || found == "*")
            };
            names("/apiGroups", "") && names("/resources", "configmaps") && names("/verbs", "list")
        })
    };
    world
        .of_kind("RoleBinding")
        .filter(|binding| text(binding, "/metadata/namespace") == namespace)
        .chain(world.of_kind("ClusterRoleBinding"))
        .filter(|binding| items(binding, "/subjects").iter().any(is_meant))
        .filter_map(|binding| {
            let kind = text(binding, "/roleRef/kind");
            let place = if kind == "Role" { namespace } else { "" };
            world.get(kind, place, text(binding, "/roleRef/name"))
        })
        .any(allows)
}
