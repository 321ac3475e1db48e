//! A rollout sets a pod's DNS policy so that it asks the node's name server instead of the cluster's. Must not know how
//! it is found.

use serde_json::json;

use super::edits;
use crate::build::json::{set, text};
use crate::build::log::voice::{CallFailure, failure};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence, peer};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `cascading-failure/dns-policy-wrong`.
pub struct DnsPolicyWrong;

const ID: &str = "cascading-failure/dns-policy-wrong";

impl Fault for DnsPolicyWrong {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 48);
        let Some(workload) = ctx.pick_role(&["cart", "checkout", "orders", "recommendations", "search"])
        else {
            return Truth::without_cause("inconclusive");
        };
        let is_none = ctx.rng.chance(40);
        let found = if is_none { "None" } else { "Default" };
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/dnsPolicy", json!(found));
            if is_none {
                set(
                    template,
                    "/spec/dnsConfig",
                    json!({ "nameservers": ["1.1.1.1", "8.8.8.8"] }),
                );
            }
        });
        if rolled.is_none() {
            return Truth::without_cause("inconclusive");
        }
        let server = if is_none { "1.1.1.1" } else { "10.0.0.2" };
        let from = time::after(at, 70);
        let shop = ctx.shop.clone();
        for callee in shop.callees(&workload) {
            let silence = Silence {
                callee: callee.workload,
                why: CallFailure::NoSuchHost,
                from,
                until: shop.now(),
                only: &[],
            };
            let message = failure(
                workload.voice,
                CallFailure::NoSuchHost,
                &peer(&shop, callee.workload),
            );
            let message = message.replace("10.100.0.10:53", &format!("{server}:53"));
            callers::log_failures(world, &workload, &silence, &message, &mut ctx.rng);
        }
        // Above, it looks like any service that answers 502.
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: shop.now(),
            only: &[],
        };
        let affected = callers::answer_errors(world, &shop, &mut ctx.metrics, &silence);
        ctx.shows(
            &workload,
            rolled
                .and_then(|rolled| rolled.new_pods.first().cloned())
                .as_deref(),
            from,
        );
        let mut victims = callers::keys(&affected);
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        let params =
            json!({ "field": "spec.template.spec.dnsPolicy", "found": found, "expected": "ClusterFirst" });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .and_then(|cause| world.object(&cause.object))
            .is_some_and(|object| matches!(text(object, "/spec/template/spec/dnsPolicy"), "Default" | "None"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let policy = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "template": { "spec": { "dnsPolicy": "ClusterFirst", "dnsConfig": null } } } }),
        };
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, workload)),
            Remedy::heals("cluster-first", vec![policy]),
            Remedy::fails("restart", vec![edits::restart(shop, &cause.object)]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails(
                "restart-dns",
                vec![edits::restart(
                    shop,
                    &key("apps", "Deployment", "kube-system", "coredns"),
                )],
            ),
        ]
    }
}
