//! A namespace gets a LimitRange whose maximum lies below what a workload has had for long: its next rollout cannot
//! create pods. Must not know how it is found.

use serde_json::json;

use super::denied::deny;
use super::edits;
use crate::build::json::{set, text};
use crate::build::object::INSTALLER;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::mebibytes;
use crate::world::World;

/// `resource-exhaustion/limit-range-violation`.
pub struct LimitRangeViolation;

const ID: &str = "resource-exhaustion/limit-range-violation";
const NAME: &str = "container-bounds";

impl Fault for LimitRangeViolation {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 48);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let share = u64::try_from(ctx.rng.range(55, 85)).unwrap_or(70);
        let most = (workload.memory_limit_mi * share / 100 / 8 * 8).max(64);
        let created = time::before(at, ctx.rng.range(3, 20) * 3_600);
        let range = json!({
            "apiVersion": "v1", "kind": "LimitRange",
            "metadata": ctx.shop.stamp.meta("LimitRange", &workload.namespace, NAME, created),
            "spec": { "limits": [{
                "type": "Container", "max": { "memory": format!("{most}Mi") }, "min": { "memory": "16Mi" },
                "default": { "memory": format!("{most}Mi") }, "defaultRequest": { "memory": "64Mi" }
            }] }
        });
        ctx.shop.stamp.put(world, range, INSTALLER, created);
        let why = format!(
            "maximum memory usage per Container is {most}Mi, but limit is {}Mi",
            workload.memory_limit_mi
        );
        if deny(world, ctx, &workload, at, &why).is_none() {
            return Truth::without_cause("inconclusive");
        }
        ctx.shows(&workload, None, at);
        let params = json!({
            "field": "spec.limits[Container].max.memory", "found": format!("{most}Mi"),
            "expected": format!("{}Mi", workload.memory_limit_mi)
        });
        let object = key("", "LimitRange", &workload.namespace, NAME);
        Truth::cause(object, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some((cause, victim)) = truth.root_causes.first().zip(truth.victims.first()) else {
            return false;
        };
        let most = world
            .get("LimitRange", &cause.object.namespace, &cause.object.name)
            .map(|range| mebibytes(text(range, "/spec/limits/0/max/memory")));
        let limit = world
            .get("Deployment", &victim.namespace, &victim.name)
            .map(|found| {
                mebibytes(text(
                    found,
                    "/spec/template/spec/containers/0/resources/limits/memory",
                ))
            });
        most.zip(limit)
            .is_some_and(|(most, limit)| most > 0.0 && limit > most)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some((cause, victim)) = truth.root_causes.first().zip(truth.victims.first()) else {
            return Vec::new();
        };
        let raise = Step::JsonPatch {
            object: cause.object.clone(),
            patch: json!([{ "op": "replace", "path": "/spec/limits/0/max/memory", "value": "8Gi" }]),
        };
        let mut lower = edits::resources_of(world, victim);
        set(&mut lower, "/limits/memory", json!(text(&cause.params, "/found")));
        set(&mut lower, "/requests/memory", json!("64Mi"));
        vec![
            Remedy::heals("raise-maximum", vec![raise]),
            Remedy::heals("delete-limit-range", vec![Step::Delete(cause.object.clone())]),
            Remedy::heals("lower-limit", edits::resources(victim, &lower)),
            Remedy::fails("restart", edits::restart(victim)),
            Remedy::fails("scale-up", edits::scale(victim, 8)),
        ]
    }
}
