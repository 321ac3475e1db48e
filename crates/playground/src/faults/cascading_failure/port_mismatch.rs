//! A Service sends to a port on which its pods do not listen. Must not know how it is found.

use serde_json::{Value, json};

use super::edits;
use crate::build::json::set;
use crate::build::log::voice::CallFailure;
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::simulate::settle::settle;
use crate::world::World;

/// `cascading-failure/port-mismatch`.
pub struct PortMismatch;

const ID: &str = "cascading-failure/port-mismatch";
const TARGET: &str = "/spec/ports/0/targetPort";

impl Fault for PortMismatch {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(17, 50);
        let Some(workload) = ctx.pick_role(&["cart", "checkout", "search", "recommendations", "orders"])
        else {
            return Truth::without_cause("inconclusive");
        };
        let others: Vec<u16> = [8081, 8000, 3000, 9090, 8888, 80]
            .into_iter()
            .filter(|port| *port != workload.port)
            .collect();
        let found = ctx.rng.pick(&others).copied().unwrap_or(8081);
        if let Some(service) = world.get_mut("Service", &workload.namespace, &workload.name) {
            set(service, TARGET, json!(found));
            ctx.shop.stamp.touch(service, KUBECTL_EDIT, at, &["/spec/ports"]);
        }
        settle(world, &ctx.shop);
        let from = time::after(at, 2);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from,
            until: ctx.shop.now(),
            only: &[],
        };
        let mut victims = callers::keys(&callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, None, from);
        victims.push(workload_key(&workload));
        let params = json!({
            "field": format!("spec.ports[{}].targetPort", workload.port), "found": found, "expected": workload.port
        });
        Truth::cause(
            key("", "Service", &workload.namespace, &workload.name),
            ID,
            params,
            victims,
        )
    }

    /// No selected pod declares the port that the Service sends to, by number or name.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(service) = world.object(&cause.object) else {
            return false;
        };
        let target = service.pointer(TARGET).or(service.pointer("/spec/ports/0/port"));
        let declared = world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .and_then(|workload| workload.pointer("/spec/template/spec/containers/0/ports"))
            .and_then(Value::as_array);
        !declared
            .into_iter()
            .flatten()
            .any(|port| port.get("containerPort") == target || port.get("name") == target)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let by_name = Step::StrategicPatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "ports": [{ "port": workload.port, "targetPort": "http" }] } }),
        };
        vec![
            Remedy::heals(
                "fix-target-port",
                vec![edits::replace(&cause.object, TARGET, &json!(workload.port))],
            ),
            Remedy::heals("target-port-by-name", vec![by_name]),
            Remedy::fails("restart", vec![edits::restart(shop, &workload_key(workload))]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("scale-up", vec![edits::scale(workload, workload.replicas + 2)]),
        ]
    }
}
