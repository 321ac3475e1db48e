//! What is named does not exist: it never did, or it was deleted.

use crate::build::json::text;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Truth};
use crate::simulate::callers::pods_of;
use crate::simulate::rollout::{remove_pod, stopping_event};
use crate::world::World;

/// `situation/no-such-object`: the named workload does not exist.
pub struct NoSuchObject;

/// `situation/deleted`: the named workload was deleted some time ago, with its pods and ReplicaSets.
pub struct Deleted;

impl Fault for NoSuchObject {
    fn id(&self) -> &'static str {
        "situation/no-such-object"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let onset = ctx.minutes_ago(20, 50);
        if let Some(workload) = ctx.pick_stateless() {
            let mut ghost = workload;
            ghost.name = format!("{}-{}", ghost.name, ctx.shop.stamp.suffix("ghost", 3));
            if world.get("Deployment", &ghost.namespace, &ghost.name).is_none() {
                ctx.shows(&ghost, None, onset);
            }
        }
        Truth::without_cause("inconclusive")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

impl Fault for Deleted {
    fn id(&self) -> &'static str {
        "situation/deleted"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 40);
        // Nobody calls it, so that nothing else suffers.
        let Some(workload) = ctx.pick_role(&["notifications", "dashboards"]) else {
            return Truth::without_cause("inconclusive");
        };
        let namespace = workload.namespace.as_str();
        for pod in pods_of(world, &workload) {
            let name = text(&pod, "/metadata/name").to_owned();
            stopping_event(world, &ctx.shop, namespace, &name, at);
            remove_pod(world, &mut ctx.metrics, namespace, &name, time::after(at, 4));
        }
        let sets: Vec<String> = world
            .of_kind("ReplicaSet")
            .filter(|set| {
                text(set, "/metadata/namespace") == namespace
                    && text(set, "/metadata/ownerReferences/0/name") == workload.name
            })
            .map(|set| text(set, "/metadata/name").to_owned())
            .collect();
        for set in sets {
            world.remove("ReplicaSet", namespace, &set);
        }
        world.remove("Deployment", namespace, &workload.name);
        for kind in ["Service", "Endpoints", "EndpointSlice"] {
            world.remove(kind, namespace, &workload.name);
        }
        ctx.shows(&workload, None, at);
        Truth::without_cause("inconclusive")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}
