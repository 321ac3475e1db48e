//! A rollout requests more of a resource than any node has: its pods stay pending. Must not know how it is found.

use serde_json::json;

use super::edits;
use crate::build::json::{set, text};
use crate::faults::image_and_deployment::waiting_pods::{Preemption, hold, unavailable};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::mebibytes;
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `resource-exhaustion/insufficient-capacity`. Knows the parameter `resource`: `cpu` or `memory`.
pub struct InsufficientCapacity;

const ID: &str = "resource-exhaustion/insufficient-capacity";

impl Fault for InsufficientCapacity {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 52);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let chosen = ctx.text_param("resource").map(str::to_owned);
        let cpu = match chosen.as_deref() {
            Some(resource) => resource == "cpu",
            None => ctx.rng.chance(60),
        };
        let (resource, found, expected) = if cpu {
            (
                "cpu",
                ctx.rng.range(5, 12).to_string(),
                format!("{}m", workload.cpu_m),
            )
        } else {
            let gibibytes = ctx.rng.range(20, 48);
            let expected = format!("{}Mi", workload.memory_request_mi);
            ("memory", format!("{gibibytes}Gi"), expected)
        };
        let change = Change::of(&workload, at, false);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            let container = "/spec/containers/0/resources";
            set(
                template,
                &format!("{container}/requests/{resource}"),
                json!(found),
            );
            let limit = format!("{container}/limits/{resource}");
            if template.pointer(&limit).is_some() {
                set(template, &limit, json!(found));
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let nodes = world.of_kind("Node").count();
        let reason = format!("Insufficient {resource}");
        let message = unavailable(nodes, &[(nodes, &reason)], Preemption::NotHelpful);
        for pod in &rolled.new_pods {
            hold(world, ctx, (&workload.namespace, pod), &message);
        }
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), at);
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].resources.requests.{resource}", workload.name),
            "found": found, "expected": expected
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let requests = "/spec/template/spec/containers/0/resources/requests";
        let Some(object) = world.get("Deployment", &cause.object.namespace, &cause.object.name) else {
            return false;
        };
        let cpu = edits::millicores(text(object, &format!("{requests}/cpu")));
        let memory = mebibytes(text(object, &format!("{requests}/memory")));
        !world.of_kind("Node").any(|node| {
            let most_cpu = edits::millicores(text(node, "/status/allocatable/cpu"));
            let kib = text(node, "/status/allocatable/memory").trim_end_matches("Ki");
            let most_memory = kib.parse::<f64>().unwrap_or(0.0) / 1_024.0;
            cpu <= most_cpu && memory <= most_memory
        })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let field = text(&cause.params, "/field");
        let resource = field.rsplit('.').next().unwrap_or_default();
        let mut lower = edits::resources_of(world, object);
        let expected = json!(text(&cause.params, "/expected"));
        set(&mut lower, &format!("/requests/{resource}"), expected);
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("lower-request", edits::resources(object, &lower)),
            Remedy::fails("restart", edits::restart(object)),
            Remedy::fails("delete-pod", edits::delete_pods(world, object)),
            Remedy::fails("scale-up", edits::scale(object, 6)),
        ]
    }
}
