//! A release burns several times the CPU of the one before, at the same traffic: requests get slow. Must not know how it
//! is found.

use serde_json::json;

use super::edits;
use crate::build::json::{set, text, unset};
use crate::build::time;
use crate::faults::release::is_to_blame;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::{CPU, machines, wave};
use crate::simulate::callers;
use crate::simulate::drag::{Drag, slow};
use crate::simulate::rollout::{Change, rollout};
use crate::simulate::usage::set_pod_usage;
use crate::world::World;

/// `resource-exhaustion/cpu-saturation`.
pub struct CpuSaturation;

const ID: &str = "resource-exhaustion/cpu-saturation";
const IMAGE: &str = "/spec/containers/0/image";

impl Fault for CpuSaturation {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 80);
        let roles = ["checkout", "search", "recommendations", "orders"];
        let Some(workload) = ctx.pick_role(&roles) else {
            return Truth::without_cause("inconclusive");
        };
        let image = workload.image_at(workload.next_version());
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, IMAGE, json!(image));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let times = 0.01 * f64::from(i32::try_from(ctx.rng.range(310, 395)).unwrap_or(350));
        let shop = ctx.shop.clone();
        for pod in &rolled.new_pods {
            burn(world, ctx, (&workload.namespace, pod), times);
        }
        let onset = time::after(at, 70);
        let drag = Drag {
            workload: &workload,
            pods: &[],
            from: onset,
            took_ms: ctx.rng.range(900, 2_400),
        };
        let mut victims = callers::keys(&slow(world, &shop, &mut ctx.metrics, &drag));
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        ctx.label("percent", "38.20%");
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].image", workload.name),
            "found": image, "expected": workload.image()
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| is_to_blame(world, cause))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let mut free = edits::resources_of(world, object);
        unset(&mut free, "/limits", "cpu");
        let former = Step::JsonPatch {
            object: object.clone(),
            patch: json!([{
                "op": "replace", "path": format!("/spec/template{IMAGE}"), "value": text(&cause.params, "/expected")
            }]),
        };
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("former-image", vec![former]),
            Remedy::fails("remove-limit", edits::resources(object, &free)),
            Remedy::fails("restart", edits::restart(object)),
            Remedy::fails("scale-up", edits::scale(object, 8)),
        ]
    }
}

/// A pod uses a multiple of its request; where it has a CPU limit, as much as that allows.
fn burn(world: &mut World, ctx: &mut FaultContext, (namespace, pod): (&str, &str), times: f64) {
    let Some(object) = world.get("Pod", namespace, pod).cloned() else {
        return;
    };
    let resources = "/spec/containers/0/resources";
    let request = edits::millicores(text(&object, &format!("{resources}/requests/cpu")));
    let limit = edits::millicores(text(&object, &format!("{resources}/limits/cpu")));
    let used_m = request * times;
    let phase = ctx.shop.stamp.hash(pod) % 600;
    let span = machines::since_start(&ctx.shop, &object);
    let labels = machines::container_labels(&object);
    ctx.metrics.counter(CPU, &labels, span, 900.0, |at| {
        used_m / 1_000.0 * (1.0 + 0.01 * wave(at, phase))
    });
    if limit > 0.0 {
        machines::quota(&mut ctx.metrics, &object, span, |at| {
            0.38 * (1.0 + 0.05 * wave(at, phase))
        });
    }
    set_pod_usage(world, &ctx.shop, &object, (used_m, 300.0));
}
