//! Somebody deletes a Service whose pods are fine. Must not know how it is found.

use crate::build::json::{text, unset};
use crate::build::log::voice::CallFailure;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Shop, network};
use crate::simulate::callers::{self, Silence};
use crate::world::World;
use serde_json::{Value, json};

use super::edits;

/// `cascading-failure/service-missing`.
pub struct ServiceMissing;

const ID: &str = "cascading-failure/service-missing";

impl Fault for ServiceMissing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(15, 48);
        let Some(workload) = ctx.pick_role(&["cart", "recommendations", "orders", "fraud", "redis", "index"])
        else {
            return Truth::without_cause("inconclusive");
        };
        remove_service(world, &workload);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::NoSuchHost,
            from: time::after(at, 31),
            until: ctx.shop.now(),
            only: &[],
        };
        let affected = callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence);
        let mut victims = callers::keys(&affected);
        let nearest = affected
            .first()
            .map_or_else(|| workload.clone(), |nearest| (*nearest).clone());
        ctx.shows(&nearest, None, time::after(at, 34));
        victims.push(workload_key(&workload));
        let params = json!({ "field": "metadata.name", "found": "absent", "expected": workload.name });
        Truth::cause(
            key("", "Service", &workload.namespace, &workload.name),
            ID,
            params,
            victims,
        )
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| world.object(&cause.object).is_none())
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let callers: Vec<&Workload> = shop.callers(workload).collect();
        vec![
            Remedy::heals("create-service", vec![Step::Create(fresh(shop, workload, false))]),
            Remedy::heals("expose", vec![Step::Create(fresh(shop, workload, true))]),
            Remedy::fails("restart", vec![edits::restart(shop, &workload_key(workload))]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails(
                "restart-callers",
                callers
                    .iter()
                    .map(|caller| edits::restart(shop, &workload_key(caller)))
                    .collect(),
            ),
        ]
    }
}

/// Removes a workload's Service with its endpoints, as the garbage collector does.
fn remove_service(world: &mut World, workload: &Workload) {
    let Workload { namespace, name, .. } = workload;
    world.remove("Service", namespace, name);
    world.remove("Endpoints", namespace, name);
    let slices: Vec<String> = world
        .of_kind("EndpointSlice")
        .filter(|slice| {
            text(slice, "/metadata/namespace") == namespace
                && text(slice, "/metadata/labels/kubernetes.io~1service-name") == name
        })
        .map(|slice| text(slice, "/metadata/name").to_owned())
        .collect();
    for slice in slices {
        world.remove("EndpointSlice", namespace, &slice);
    }
}

/// The Service as people would create it: from its manifest, or by `kubectl expose`.
fn fresh(shop: &Shop, workload: &Workload, by_expose: bool) -> Value {
    let mut object = network::workload_service(shop, workload);
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        unset(&mut object, "/metadata", field);
    }
    unset(&mut object, "", "status");
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        unset(&mut object, "/spec", field);
    }
    if by_expose {
        unset(&mut object, "/metadata", "annotations");
    }
    object
}
