//! A Service selects labels that none of its pods carry. Must not know how it is found.

use serde_json::json;

use super::edits;
use crate::build::json::set;
use crate::build::log::voice::CallFailure;
use crate::build::object::KUBECTL_EDIT;
use crate::build::service::selects;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::world::World;

/// `cascading-failure/service-selector-mismatch`.
pub struct ServiceSelectorMismatch;

const ID: &str = "cascading-failure/service-selector-mismatch";

impl Fault for ServiceSelectorMismatch {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 50);
        let roles = ["cart", "checkout", "search", "recommendations", "orders"];
        let Some(workload) = ctx.pick_role(&roles) else {
            return Truth::without_cause("inconclusive");
        };
        let expected = workload.selector();
        let found = altered(&workload, &mut ctx.rng);
        if let Some(service) = world.get_mut("Service", &workload.namespace, &workload.name) {
            set(service, "/spec/selector", found.clone());
            ctx.shop
                .stamp
                .touch(service, KUBECTL_EDIT, at, &["/spec/selector"]);
        }
        let from = time::after(at, 2);
        crate::simulate::settle::settle(world, &ctx.shop);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let affected = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, None, from);
        let params = json!({ "field": "spec.selector", "found": found, "expected": expected });
        let mut victims = affected;
        victims.push(workload_key(&workload));
        Truth::cause(
            key("", "Service", &workload.namespace, &workload.name),
            ID,
            params,
            victims,
        )
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(service) = world.get("Service", &cause.object.namespace, &cause.object.name) else {
            return false;
        };
        let selector = service.pointer("/spec/selector").cloned().unwrap_or_default();
        !world
            .of_kind("Pod")
            .filter(|pod| pod.pointer("/metadata/namespace") == Some(&json!(cause.object.namespace)))
            .any(|pod| {
                pod.pointer("/metadata/labels")
                    .is_some_and(|labels| selects(&selector, labels))
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let mut service = crate::shop::network::workload_service(shop, workload);
        for field in ["uid", "creationTimestamp", "resourceVersion"] {
            crate::build::json::unset(&mut service, "/metadata", field);
        }
        let again = vec![Step::Delete(cause.object.clone()), Step::Create(service)];
        vec![
            Remedy::heals(
                "fix-selector",
                vec![edits::replace(
                    &cause.object,
                    "/spec/selector",
                    &workload.selector(),
                )],
            ),
            Remedy::heals("recreate-service", again),
            Remedy::fails("restart", vec![edits::restart(shop, &workload_key(workload))]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("scale-up", vec![edits::scale(workload, workload.replicas + 2)]),
        ]
    }
}

/// A selector that looks right and matches nothing.
fn altered(workload: &Workload, rng: &mut Rng) -> serde_json::Value {
    let name = &workload.name;
    match rng.below(3) {
        0 => json!({ "app": format!("{name}-svc") }),
        1 => json!({ "app": name, "tier": "backend" }),
        _ => json!({ "app.kubernetes.io/name": name }),
    }
}
