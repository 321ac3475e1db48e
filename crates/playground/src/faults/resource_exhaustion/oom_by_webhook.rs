//! A webhook that sets the sizes of new pods knows too little of this one: its pods run with a smaller memory limit than
//! their template asks for. Must not know how it is found.

use serde_json::{Value, json};

use super::edits;
use super::memory_limit_too_low::{overrun, silence};
use crate::build::json::{set, text};
use crate::build::time;
use crate::faults::config_and_secrets::webhook::{Webhook, matches_pods, mutate};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::{Shop, telemetry};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `resource-exhaustion/oom-by-webhook-or-job`.
pub struct OomByWebhook;

const ID: &str = "resource-exhaustion/oom-by-webhook-or-job";
const NAMES: &[&str] = &["pod-sizer", "rightsize", "size-keeper"];

impl Fault for OomByWebhook {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 38);
        let (Some(workload), Some(name)) = (ctx.pick_stateless(), ctx.rng.pick(NAMES).copied()) else {
            return Truth::without_cause("inconclusive");
        };
        let webhook = Webhook {
            kind: "MutatingWebhookConfiguration",
            name,
            verb: "mutate",
            image: "admission-sizer:1.3.0",
            days: 0,
        };
        let installed = time::before(at, ctx.rng.range(1_800, 160_000));
        let object = webhook.install_at(world, ctx, 2, installed);
        let image = workload.image_at(workload.next_version());
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, "/spec/containers/0/image", json!(image));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let share = u64::try_from(ctx.rng.range(40, 64)).unwrap_or(50);
        let found = format!("{}Mi", (workload.memory_use_mi * share / 100 / 8 * 8).max(24));
        let life_s = ctx.rng.range(24, 70);
        for pod in &rolled.new_pods {
            let place = (workload.namespace.as_str(), pod.as_str());
            for part in ["limits", "requests"] {
                mutate(world, place, &format!("/resources/{part}/memory"), &json!(found));
            }
            if let Some(object) = world.get("Pod", &workload.namespace, pod).cloned() {
                telemetry::add_pod(&ctx.shop, &mut ctx.metrics, &object, at);
            }
            let jitter = ctx.rng.range(0, 12);
            overrun(world, ctx, &workload, pod, life_s + jitter);
        }
        let onset = time::after(at, life_s + 3);
        let mut victims = vec![workload_key(&workload)];
        victims.extend(silence(world, ctx, &workload, onset));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params = json!({
            "field": format!("spec.containers[{}].resources.limits.memory", workload.name), "found": found,
            "expected": format!("{}Mi", workload.memory_limit_mi), "namespace": workload.namespace
        });
        Truth::cause(object, ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| matches_pods(world, &cause.object, text(&cause.params, "/namespace")))
    }

    /// Every pod of the workload that is made while the webhook answers gets the small limit.
    fn afflicts(&self, world: &World, truth: &Truth, pod: &Value) -> Option<bool> {
        let victim = truth.victims.first()?;
        Some(&crate::simulate::reconcile::root_of(world, pod) == victim)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let anew = edits::restart(workload);
        let mut removed = vec![Step::Delete(cause.object.clone())];
        removed.extend(anew.clone());
        let mut excluded = vec![Step::JsonPatch {
            object: cause.object.clone(),
            patch: json!([{
                "op": "add", "path": "/webhooks/0/namespaceSelector/matchExpressions/0/values/-",
                "value": workload.namespace
            }]),
        }];
        excluded.extend(anew.clone());
        let mut larger = edits::resources_of(world, workload);
        set(&mut larger, "/limits/memory", json!("4Gi"));
        vec![
            Remedy::heals("delete-webhook", removed),
            Remedy::heals("exclude-namespace", excluded),
            Remedy::fails("raise-limit", edits::resources(workload, &larger)),
            Remedy::fails("restart", anew),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
            Remedy::fails("rollout-undo", edits::undo(world, workload)),
        ]
    }
}
