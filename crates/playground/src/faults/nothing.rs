//! The absence of a fault, for cases in which nothing is wrong.

use super::{FaultContext, Truth};
use crate::world::World;

/// Notes a healthy workload as the one that an alert or a question names.
pub fn healthy(ctx: &mut FaultContext, minutes_ago: (i64, i64)) -> Truth {
    let onset = ctx.minutes_ago(minutes_ago.0, minutes_ago.1);
    if let Some(workload) = ctx.pick_stateless() {
        ctx.shows(&workload, None, onset);
    }
    Truth::without_cause("not_an_issue")
}

/// Notes a workload that the world does not hold.
pub fn absent(world: &World, ctx: &mut FaultContext) -> Truth {
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
