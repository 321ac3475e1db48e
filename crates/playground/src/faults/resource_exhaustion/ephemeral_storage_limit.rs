//! A rollout limits local storage below what the application keeps in temporary files: the kubelet evicts pod after pod on
//! nodes that have room. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::{set, text, unset};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::mebibytes;
use crate::simulate::pressure::{evict, replace};
use crate::simulate::rollout::{Change, rollout};
use crate::world::World;

/// `resource-exhaustion/ephemeral-storage-limit`.
pub struct EphemeralStorageLimit;

const ID: &str = "resource-exhaustion/ephemeral-storage-limit";
const LIMIT: &str = "/spec/containers/0/resources/limits/ephemeral-storage";

impl Fault for EphemeralStorageLimit {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(40, 58);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let found = ctx
            .rng
            .pick(&["256Mi", "512Mi", "1Gi"])
            .copied()
            .unwrap_or("512Mi");
        let change = Change::of(&workload, at, true);
        let rolled = rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
            set(template, LIMIT, json!(found));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let life_s = ctx.rng.range(11, 15) * 60;
        let mut onset = ctx.shop.now();
        let mut last_evicted = None;
        for (ordinal, pod) in rolled.new_pods.iter().enumerate() {
            let shift = 150 * i64::try_from(ordinal).unwrap_or(0);
            let (first, evicted) = exceed(
                world,
                ctx,
                &workload,
                pod,
                (time::after(at, life_s + shift), life_s, found),
            );
            onset = onset.min(first);
            last_evicted = last_evicted.or(evicted);
        }
        let shown = last_evicted.or_else(|| rolled.new_pods.first().cloned());
        ctx.shows(&workload, shown.as_deref(), onset);
        let params = json!({
            "field": format!(
                "spec.template.spec.containers[{}].resources.limits.ephemeral-storage", workload.name
            ),
            "found": found, "expected": "unset"
        });
        Truth::cause(workload_key(&workload), ID, params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let tight = mebibytes(text(&cause.params, "/found")) * 1.4;
        world
            .get("Deployment", &cause.object.namespace, &cause.object.name)
            .map(|object| mebibytes(text(object, &format!("/spec/template{LIMIT}"))))
            .is_some_and(|limit| limit > 0.0 && limit < tight)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let mut raised = edits::resources_of(world, object);
        set(&mut raised, "/limits/ephemeral-storage", json!("8Gi"));
        let mut free = raised.clone();
        unset(&mut free, "/limits", "ephemeral-storage");
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("raise-limit", edits::resources(object, &raised)),
            Remedy::heals("remove-limit", edits::resources(object, &free)),
            Remedy::fails("restart", edits::restart(object)),
            Remedy::fails("delete-pod", edits::delete_pods(world, object)),
        ]
    }
}

/// One replica: evicted after a while, replaced on the same node, and so on. Returns the first eviction and the last
/// pod that was evicted (`pkg/kubelet/eviction/helpers.go`, `podEphemeralStorageMessageFmt`).
fn exceed(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    (first, life_s, limit): (Timestamp, i64, &str),
) -> (Timestamp, Option<String>) {
    let shop = ctx.shop.clone();
    let message =
        format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. ");
    let (mut current, mut at, mut last) = (pod.to_owned(), first, None);
    while at < time::before(shop.now(), 90) {
        let found = world
            .get("Pod", &workload.namespace, &current)
            .map(|object| text(object, "/spec/nodeName").to_owned());
        let Some(node) = shop.nodes.iter().find(|node| Some(&node.name) == found.as_ref()) else {
            break;
        };
        let place = (workload.namespace.as_str(), current.as_str());
        evict(world, &shop, &mut ctx.metrics, place, &message, at);
        last = Some(current.clone());
        let next = replace(world, &shop, &mut ctx.metrics, workload, node, time::after(at, 1));
        match next {
            Some(next) => current = next,
            None => break,
        }
        at = time::after(at, life_s);
    }
    (first, last)
}
