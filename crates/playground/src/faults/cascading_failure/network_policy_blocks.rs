//! A new network policy selects a backend and admits only others than its callers. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{items, text};
use crate::build::log::voice::CallFailure;
use crate::build::object::INSTALLER;
use crate::build::service::selects;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::network::policy;
use crate::simulate::callers::{self, Silence};
use crate::world::World;

/// `cascading-failure/network-policy-blocks`.
pub struct NetworkPolicyBlocks;

const ID: &str = "cascading-failure/network-policy-blocks";

impl Fault for NetworkPolicyBlocks {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 50);
        let roles = [
            "cart",
            "catalog",
            "search",
            "recommendations",
            "orders",
            "checkout",
        ];
        // A scenario may name a data store, whose callers' namespace the policy then leaves out.
        let found = ctx
            .pick_role(&roles)
            .or_else(|| ctx.pick_role(&["redis", "index", "fraud"]));
        let Some(workload) = found else {
            return Truth::without_cause("inconclusive");
        };
        let (name, admitted) = (policy_name(ctx, &workload), ctx.shop.names.namespace("platform"));
        let object = one_sided(ctx, &workload, &name, &admitted, at);
        let found = object
            .pointer("/spec/ingress/0/from")
            .cloned()
            .unwrap_or_default();
        ctx.shop.stamp.put(world, object, INSTALLER, at);
        let from = time::after(at, 6);
        let blocked = blocked_callers(ctx, &workload, &admitted);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::TimedOut,
            from,
            until: ctx.shop.now(),
            only: &blocked,
        };
        let mut victims = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, None, from);
        victims.push(workload_key(&workload));
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        let params = json!({
            "field": "spec.ingress[0].from", "found": found,
            "expected": { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": workload.namespace } } }
        });
        Truth::cause(
            key("networking.k8s.io", "NetworkPolicy", &workload.namespace, &name),
            ID,
            params,
            victims,
        )
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(object) = world.get("NetworkPolicy", &cause.object.namespace, &cause.object.name) else {
            return false;
        };
        let selector = object
            .pointer("/spec/podSelector/matchLabels")
            .cloned()
            .unwrap_or_default();
        let admits = items(object, "/spec/ingress")
            .iter()
            .any(|rule| admits(rule, &cause.object.namespace));
        !admits
            && world.of_kind("Pod").any(|pod| {
                text(pod, "/metadata/namespace") == cause.object.namespace
                    && pod
                        .pointer("/metadata/labels")
                        .is_some_and(|labels| selects(&selector, labels))
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let victim = truth.victims.iter().find(|victim| victim.kind == "Service");
        let Some(workload) = victim.and_then(|victim| shop.named(&victim.namespace, &victim.name)) else {
            return Vec::new();
        };
        let expected = cause.params.pointer("/expected").cloned().unwrap_or_default();
        let mut peers = cause
            .params
            .pointer("/found")
            .cloned()
            .unwrap_or_else(|| json!([]));
        if let Some(list) = peers.as_array_mut() {
            list.push(expected);
        }
        let allow = json!([{ "from": peers }]);
        vec![
            Remedy::heals(
                "allow-flow",
                vec![edits::replace(&cause.object, "/spec/ingress", &allow)],
            ),
            Remedy::heals("delete-policy", vec![Step::Delete(cause.object.clone())]),
            Remedy::fails("restart", vec![edits::restart(shop, &workload_key(workload))]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("scale-up", vec![edits::scale(workload, workload.replicas + 2)]),
        ]
    }
}

/// Callers outside the admitted namespace, and the ingress controller.
fn blocked_callers(ctx: &FaultContext, workload: &Workload, admitted: &str) -> Vec<&'static str> {
    let callers = ctx
        .shop
        .workloads
        .iter()
        .filter(|caller| caller.calls.contains(&workload.role));
    callers
        .filter(|caller| caller.namespace != admitted)
        .map(|caller| caller.role)
        .chain(std::iter::once("ingress"))
        .collect()
}

/// Whether a rule admits pods of the policy's own namespace.
fn admits(rule: &Value, namespace: &str) -> bool {
    let peers = items(rule, "/from");
    peers.is_empty()
        || peers.iter().any(|peer| match peer.pointer("/namespaceSelector") {
            None => true,
            Some(selector) => {
                let wanted = text(selector, "/matchLabels/kubernetes.io~1metadata.name");
                wanted.is_empty() || wanted == namespace
            }
        })
}

fn policy_name(ctx: &mut FaultContext, workload: &Workload) -> String {
    let endings = ["ingress", "access", "scope", "baseline"];
    let ending = ctx.rng.pick(&endings).copied().unwrap_or("access");
    format!("{}-{ending}", workload.name)
}

fn one_sided(ctx: &FaultContext, workload: &Workload, name: &str, admitted: &str, at: Timestamp) -> Value {
    let pods = json!({ "matchLabels": workload.selector() });
    policy(&ctx.shop, &workload.namespace, name, &pods, &[admitted], at)
}
