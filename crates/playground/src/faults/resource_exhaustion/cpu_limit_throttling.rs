//! A rollout sets a CPU limit below what the application uses at its usual load: the kernel's quota stalls it, requests
//! get slow, nothing crashes. Must not know how it is found.

use serde_json::{Value, json};

use super::edits;
use crate::build::json::{set, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::{CPU, machines, wave};
use crate::simulate::callers;
use crate::simulate::drag::{Drag, slow};
use crate::simulate::rollout::{Change, rollout};
use crate::simulate::usage::set_pod_usage;
use crate::world::World;

/// `resource-exhaustion/cpu-limit-throttling`.
pub struct CpuLimitThrottling;

const ID: &str = "resource-exhaustion/cpu-limit-throttling";
const LIMIT: &str = "/spec/containers/0/resources/limits/cpu";
const REQUEST: &str = "/spec/containers/0/resources/requests/cpu";

impl Fault for CpuLimitThrottling {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 80);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let need_m = workload.cpu_m * u64::try_from(ctx.rng.range(130, 190)).unwrap_or(150) / 100;
        let limit_m = (need_m * u64::try_from(ctx.rng.range(34, 52)).unwrap_or(40) / 100 / 5 * 5).max(20);
        let found = format!("{limit_m}m");
        let expected = before(world, ctx, &workload, as_f64(need_m));
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, LIMIT, json!(found));
            if workload.cpu_m > limit_m {
                set(template, REQUEST, json!(found));
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let share = 0.58 + ctx.rng.fraction() * 0.3;
        for pod in &rolled.new_pods {
            throttle(world, ctx, &workload, pod, (as_f64(limit_m), share));
        }
        let onset = time::after(at, 70);
        let drag = Drag {
            workload: &workload,
            pods: &[],
            from: onset,
            took_ms: ctx.rng.range(900, 2_400),
        };
        let shop = ctx.shop.clone();
        let mut victims = callers::keys(&slow(world, &shop, &mut ctx.metrics, &drag));
        victims.push(key("", "Service", &workload.namespace, &workload.name));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        ctx.label("percent", &format!("{:.2}%", share * 100.0));
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].resources.limits.cpu", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let enough = edits::millicores(text(&cause.params, "/found")) * 1.7;
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .map(|object| edits::millicores(text(object, &format!("/spec/template{LIMIT}"))))
            .is_some_and(|limit| limit > 0.0 && limit < enough)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let resources = edits::resources_of(world, object);
        let mut raised = resources.clone();
        set(&mut raised, "/limits/cpu", json!("1"));
        let mut free = resources;
        crate::build::json::unset(&mut free, "/limits", "cpu");
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("raise-limit", edits::resources(object, &raised)),
            Remedy::heals("remove-limit", edits::resources(object, &free)),
            Remedy::fails("restart", edits::restart(object)),
            Remedy::fails("delete-pod", edits::delete_pods(world, object)),
        ]
    }
}

/// What the pods used before, and the limit that they had.
fn before(world: &World, ctx: &mut FaultContext, workload: &Workload, need_m: f64) -> String {
    let mut limit = String::new();
    for pod in callers::pods_of(world, workload) {
        used(ctx, &pod, need_m);
        text(&pod, LIMIT).clone_into(&mut limit);
    }
    if limit.is_empty() {
        "unset".to_owned()
    } else {
        limit
    }
}

/// A pod runs at its limit, and most of its periods end early.
fn throttle(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    (limit_m, share): (f64, f64),
) {
    let Some(object) = world.get("Pod", &workload.namespace, pod).cloned() else {
        return;
    };
    used(ctx, &object, limit_m * 0.98);
    let phase = ctx.shop.stamp.hash(pod) % 600;
    let span = machines::since_start(&ctx.shop, &object);
    machines::quota(&mut ctx.metrics, &object, span, |at| {
        share * (1.0 + 0.06 * wave(at, phase))
    });
    let memory = as_f64(workload.memory_use_mi);
    set_pod_usage(world, &ctx.shop, &object, (limit_m * 0.98, memory));
}

/// Sets the CPU time of a pod's first container at a steady rate.
fn used(ctx: &mut FaultContext, pod: &Value, cpu_m: f64) {
    let phase = ctx.shop.stamp.hash(text(pod, "/metadata/name")) % 600;
    let span = machines::since_start(&ctx.shop, pod);
    let labels = machines::container_labels(pod);
    ctx.metrics.counter(CPU, &labels, span, 4_000.0, |at| {
        cpu_m / 1_000.0 * (1.0 + 0.02 * wave(at, phase))
    });
}

fn as_f64(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}
