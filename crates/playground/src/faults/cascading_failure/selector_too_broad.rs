//! A Service's selector also catches the pods of other applications. Must not know how it is found.

use serde_json::json;

use super::edits;
use crate::build::json::{set, text};
use crate::build::log::voice::CallFailure;
use crate::build::object::KUBECTL_EDIT;
use crate::build::service::selects;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::simulate::settle::settle;
use crate::world::World;

/// `cascading-failure/selector-too-broad`.
pub struct SelectorTooBroad;

const ID: &str = "cascading-failure/selector-too-broad";
/// The label that all workloads of a team's pipeline share.
const SHARED: &str = "app.kubernetes.io/part-of";

impl Fault for SelectorTooBroad {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 50);
        let Some(workload) = ctx.pick_role(&["cart", "orders", "recommendations", "search", "checkout"])
        else {
            return Truth::without_cause("inconclusive");
        };
        let found = json!({ SHARED: workload.namespace });
        if let Some(service) = world.get_mut("Service", &workload.namespace, &workload.name) {
            set(service, "/spec/selector", found.clone());
            ctx.shop
                .stamp
                .touch(service, KUBECTL_EDIT, at, &["/spec/selector"]);
        }
        settle(world, &ctx.shop);
        let from = time::after(at, 2);
        go_astray(world, ctx, &workload, from);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let affected = callers::answer_errors(world, &ctx.shop, &mut ctx.metrics, &silence);
        let mut victims = callers::keys(&affected);
        ctx.shows(&workload, None, from);
        victims.push(workload_key(&workload));
        let params = json!({ "field": "spec.selector", "found": found, "expected": workload.selector() });
        Truth::cause(
            key("", "Service", &workload.namespace, &workload.name),
            ID,
            params,
            victims,
        )
    }

    /// The Service selects pods of another application.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(selector) = world
            .object(&cause.object)
            .and_then(|service| service.pointer("/spec/selector"))
        else {
            return false;
        };
        world
            .of_kind("Deployment")
            .filter(|workload| text(workload, "/metadata/namespace") == cause.object.namespace)
            .filter(|workload| text(workload, "/metadata/name") != cause.object.name)
            .any(|workload| {
                workload
                    .pointer("/spec/template/metadata/labels")
                    .is_some_and(|labels| selects(selector, labels))
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let selector = "/spec/selector";
        let mut narrower = workload.selector();
        narrower[SHARED] = json!(workload.namespace);
        vec![
            Remedy::heals(
                "fix-selector",
                vec![edits::replace(&cause.object, selector, &workload.selector())],
            ),
            Remedy::heals(
                "narrow-selector",
                vec![edits::replace(&cause.object, selector, &narrower)],
            ),
            Remedy::fails("restart", vec![edits::restart(shop, &workload_key(workload))]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("scale-up", vec![edits::scale(workload, workload.replicas + 3)]),
        ]
    }
}

/// A share of the calls reaches applications that know no such path, or that do not listen on the port.
fn go_astray(world: &mut World, ctx: &mut FaultContext, workload: &Workload, from: jiff::Timestamp) {
    let shop = ctx.shop.clone();
    let url = format!("http://{}:{}/v1/items", workload.host(), workload.port);
    let callers: Vec<&Workload> = shop.callers(workload).collect();
    for (index, caller) in callers.into_iter().enumerate() {
        let message = if index % 2 == 0 {
            format!("upstream call failed: unexpected status 404 from GET {url}")
        } else {
            crate::build::log::voice::failure(
                caller.voice,
                CallFailure::Refused,
                &callers::peer(&shop, workload),
            )
        };
        let silence = Silence {
            callee: workload,
            why: CallFailure::Refused,
            from,
            until: shop.now(),
            only: &[],
        };
        callers::log_failures(world, caller, &silence, &message, &mut ctx.rng);
    }
}
