//! Situations in which nothing is to be found: no fault, or one that nobody can see. Ids are `situation/slug`; none is
//! a mechanism.

pub mod gone;
pub mod passed;
pub mod unseen;

use super::{Fault, FaultContext, Truth};
use crate::build::json::text;
use crate::simulate::callers::pods_of;
use crate::world::World;

/// The situations.
pub const SITUATIONS: &[&dyn Fault] = &[
    &passed::Healthy,
    &passed::Recovered,
    &passed::Replaced,
    &passed::Spiked,
    &passed::Maintenance,
    &gone::NoSuchObject,
    &gone::Deleted,
    &unseen::Forbidden,
    &unseen::Outside,
    &unseen::Silent,
];

/// Notes a healthy workload as the one that an alert or a question names.
fn healthy(world: &World, ctx: &mut FaultContext, minutes_ago: (i64, i64)) -> Truth {
    let onset = ctx.minutes_ago(minutes_ago.0, minutes_ago.1);
    if let Some(workload) = ctx.pick_stateless() {
        let pods = pods_of(world, &workload);
        let pod = pods.first().map(|pod| text(pod, "/metadata/name"));
        ctx.shows(&workload, pod, onset);
    }
    Truth::without_cause("not_an_issue")
}
