//! The one node of a pool already runs as many pods as its kubelet takes: replicas of a scale-up stay pending although
//! CPU and memory are free. Must not know how it is found.

use serde_json::{Value, json};

use super::edits;
use crate::build::json::{escape, number, set, text};
use crate::build::object::KUBELET;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::image_and_deployment::edits::{delete_all, unready_pods};
use crate::faults::image_and_deployment::pulls::add_pod;
use crate::faults::image_and_deployment::scaled_to_zero::write_scale;
use crate::faults::image_and_deployment::scheduling_node::{POOL, pin};
use crate::faults::image_and_deployment::waiting_pods::{Preemption, hold, unavailable};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Node, Shop};
use crate::simulate::rollout::active_set;
use crate::world::World;

/// `resource-exhaustion/node-pod-capacity`.
pub struct NodePodCapacity;

const ID: &str = "resource-exhaustion/node-pod-capacity";
/// `pkg/scheduler/framework/plugins/noderesources/fit.go`, `fitsRequest`.
const REASON: &str = "Too many pods";

impl Fault for NodePodCapacity {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(19, 50);
        let nodes = ctx.shop.nodes.clone();
        let roles = ["checkout", "search", "recommendations", "orders", "fraud"];
        let (Some(workload), Some(node)) = (ctx.pick_role(&roles), ctx.rng.pick(&nodes).cloned()) else {
            return Truth::without_cause("inconclusive");
        };
        let pools = ["dense", "standard", "green", "tier-1"];
        let pool = ctx.rng.pick(&pools).copied().unwrap_or("green");
        pin(world, ctx, &workload, &node, pool);
        let most = residents(world, &node.name);
        limit(world, ctx, &node, most);
        let more = usize::try_from(ctx.rng.range(1, 3)).unwrap_or(1);
        let pods = scale_up(world, ctx, (&workload, &node), more, at);
        let elsewhere = "node(s) didn't match Pod's node affinity/selector";
        let reasons = [(1, REASON), (nodes.len() - 1, elsewhere)];
        let message = unavailable(nodes.len(), &reasons, Preemption::NoVictimsOn(1));
        for pod in &pods {
            hold(world, ctx, (&workload.namespace, pod), &message);
        }
        ctx.shows(&workload, pods.first().map(String::as_str), time::after(at, 3));
        ctx.label("node", &node.name);
        let params = json!({
            "field": "status.allocatable.pods", "found": most.to_string(), "expected": (most + more).to_string(), "pool": pool,
            "fits": workload.replicas
        });
        let mut victims = vec![workload_key(&workload)];
        victims.extend(pods.iter().map(|pod| key("", "Pod", &workload.namespace, pod)));
        Truth::cause(key("", "Node", "", &node.name), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let (Some(cause), Some(victim)) = (truth.root_causes.first(), truth.victims.first()) else {
            return false;
        };
        let (node, pool) = (cause.object.name.as_str(), text(&cause.params, "/pool"));
        let Some(workload) = world.object(victim) else {
            return false;
        };
        let label = escape(POOL);
        let is_pinned = text(workload, &format!("/spec/template/spec/nodeSelector/{label}")) == pool;
        let is_alone = world
            .of_kind("Node")
            .filter(|found| text(found, &format!("/metadata/labels/{label}")) == pool)
            .all(|found| text(found, "/metadata/name") == node);
        let number_at = |object: &Value, pointer: &str| text(object, pointer).parse::<i64>().unwrap_or(0);
        let most = world
            .get("Node", "", node)
            .map_or(0, |found| number_at(found, "/status/allocatable/pods"));
        let is_small = most <= number_at(&cause.params, "/found");
        let is_crowded = number(workload, "/spec/replicas") > number(&cause.params, "/fits");
        is_pinned && is_alone && is_small && is_crowded
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(victim)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let unpin = Step::JsonPatch {
            object: victim.clone(),
            patch: json!([{ "op": "remove", "path": "/spec/template/spec/nodeSelector" }]),
        };
        let mut out = vec![
            Remedy::heals("drop-node-selector", vec![unpin]),
            Remedy::fails("restart", edits::restart(victim)),
            Remedy::fails("delete-pod", delete_all(&unready_pods(world, victim))),
        ];
        if let Some(node) = shop.nodes.iter().find(|node| node.name != cause.object.name) {
            let pool = json!({ "metadata": { "labels": { POOL: cause.params["pool"] } } });
            let join = Step::MergePatch {
                object: key("", "Node", "", &node.name),
                patch: pool,
            };
            out.push(Remedy::heals("widen-pool", vec![join]));
        }
        if let Some(workload) = shop.named(&victim.namespace, &victim.name) {
            let before = i64::try_from(workload.replicas).unwrap_or(2);
            out.push(Remedy::heals("scale-back", edits::scale(victim, before)));
            out.push(Remedy::fails("scale-up", edits::scale(victim, before + 5)));
        }
        out
    }
}

/// How many pods a node runs.
fn residents(world: &World, node: &str) -> usize {
    world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/spec/nodeName") == node)
        .filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .count()
}

/// The kubelet's `maxPods` as it reports it since the node joined (`pkg/kubelet/nodestatus/setters.go`, `MachineInfo`).
fn limit(world: &mut World, ctx: &FaultContext, node: &Node, most: usize) {
    let Some(object) = world.get_mut("Node", "", &node.name) else {
        return;
    };
    for part in ["capacity", "allocatable"] {
        set(object, &format!("/status/{part}/pods"), json!(most.to_string()));
    }
    let at = time::before(ctx.shop.now(), 140);
    ctx.shop.stamp.touch(object, KUBELET, at, &["/status"]);
}

/// `kubectl scale`: the ReplicaSet makes the further pods at once.
fn scale_up(
    world: &mut World,
    ctx: &mut FaultContext,
    (workload, node): (&Workload, &Node),
    more: usize,
    at: jiff::Timestamp,
) -> Vec<String> {
    let Some(active) = active_set(world, &workload.namespace, &workload.name) else {
        return Vec::new();
    };
    let set_name = text(&active, "/metadata/name").to_owned();
    let counts = (workload.replicas, workload.replicas + more);
    write_scale(world, ctx, workload, &set_name, counts, (at, "kubectl"));
    (0i64..)
        .take(more)
        .filter_map(|delay| add_pod(world, ctx, workload, node, time::after(at, 1 + delay)))
        .collect()
}
