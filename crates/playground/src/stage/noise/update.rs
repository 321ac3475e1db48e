//! A harmless rollout of another workload some hours ago.

use serde_json::json;

use crate::build::json::set;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::FaultContext;
use crate::rng::Rng;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// Rolls out the next version.
pub fn add(world: &mut World, ctx: &mut FaultContext, workload: &Workload, rng: &mut Rng) {
    let at = time::before(ctx.shop.now(), rng.range(2 * 3_600, 15 * 3_600));
    let image = workload.image_at(workload.next_version());
    let change = Change::of(workload, at, true);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(template, "/spec/containers/0/image", json!(image));
    });
}
