//! Situations in which nothing is to be found: no fault, or one that nobody can see. Ids are `situation/slug`; none is
//! a mechanism.

use super::{Fault, FaultContext, Truth};
use crate::world::World;

/// The situations.
pub const SITUATIONS: &[&dyn Fault] = &[&Healthy, &Recovered, &NoSuchObject, &Forbidden];

/// `situation/healthy`: the named workload is healthy since long.
pub struct Healthy;

/// `situation/recovered`: what there was left no trace.
pub struct Recovered;

/// `situation/no-such-object`: the named workload does not exist.
pub struct NoSuchObject;

/// `situation/forbidden`: reads of the resources in `params.resources` (plurals) are refused.
pub struct Forbidden;

impl Fault for Healthy {
    fn id(&self) -> &'static str {
        "situation/healthy"
    }

    fn inject(&self, _: &mut World, ctx: &mut FaultContext) -> Truth {
        healthy(ctx, (60 * 24, 60 * 48))
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

impl Fault for Recovered {
    fn id(&self) -> &'static str {
        "situation/recovered"
    }

    fn inject(&self, _: &mut World, ctx: &mut FaultContext) -> Truth {
        healthy(ctx, (100, 220))
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

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

impl Fault for Forbidden {
    fn id(&self) -> &'static str {
        "situation/forbidden"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let resources = ctx.params.get("resources").and_then(|found| found.as_array());
        world.unseen.extend(
            resources
                .into_iter()
                .flatten()
                .filter_map(|plural| plural.as_str().map(str::to_owned)),
        );
        Truth::without_cause("inconclusive")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

/// Notes a healthy workload as the one that an alert or a question names.
fn healthy(ctx: &mut FaultContext, minutes_ago: (i64, i64)) -> Truth {
    let onset = ctx.minutes_ago(minutes_ago.0, minutes_ago.1);
    if let Some(workload) = ctx.pick_stateless() {
        ctx.shows(&workload, None, onset);
    }
    Truth::without_cause("not_an_issue")
}
