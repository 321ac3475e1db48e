//! A PriorityClass became the default of the cluster: a batch workload without a class of its own inherits it, and the
//! scheduler pushes pods of the shop out for it. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::event::{Happening, record_scheduling};
use crate::build::json::{flag, items, set, text};
use crate::build::object::INSTALLER;
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Node, Shop};
use crate::simulate::pressure::{replace, residents};
use crate::simulate::rollout::{remove_pod, stopping_event};
use crate::simulate::tenant::{Tenancy, background, deploy, template};
use crate::world::World;

/// `resource-exhaustion/priority-preemption`.
pub struct PriorityPreemption;

const ID: &str = "resource-exhaustion/priority-preemption";
const NAMES: &[&str] = &["standard", "business", "tier-one", "regular"];

impl Fault for PriorityPreemption {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(9, 46);
        let made = time::before(at, ctx.rng.range(900, 30_000));
        let value = ctx.rng.range(10, 900) * 1_000;
        let (Some(name), Some(node)) = (ctx.rng.pick(NAMES).copied(), emptiest(world, &ctx.shop)) else {
            return Truth::without_cause("inconclusive");
        };
        let pushed = movable(world, &ctx.shop, &node);
        let Some((first, _)) = pushed.first().cloned() else {
            return Truth::without_cause("inconclusive");
        };
        class(world, &ctx.shop, name, (value, made));
        let preemptor = arrive(world, ctx, (&node, &pushed), (name, value), at);
        let mut victims = Vec::new();
        let mut gone = None;
        for (workload, pod) in &pushed {
            push_out(world, ctx, (workload, pod), (&preemptor, &node), at);
            let elsewhere = ctx
                .shop
                .nodes
                .iter()
                .find(|other| other.name != node.name)
                .cloned();
            if let Some(elsewhere) = elsewhere {
                let anew = replace(
                    world,
                    &ctx.shop,
                    &mut ctx.metrics,
                    workload,
                    &elsewhere,
                    time::after(at, 2),
                );
                if let Some(anew) = anew {
                    give_priority(world, (&workload.namespace, &anew), (name, value));
                }
            }
            gone = gone.or_else(|| Some(text(pod, "/metadata/name").to_owned()));
            if !victims.contains(&workload_key(workload)) {
                victims.push(workload_key(workload));
            }
        }
        ctx.shows(&first, gone.as_deref(), at);
        ctx.label("node", &node.name);
        let params = json!({ "field": "globalDefault", "found": true, "expected": false });
        Truth::cause(
            key("scheduling.k8s.io", "PriorityClass", "", name),
            ID,
            params,
            victims,
        )
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            world
                .object(&cause.object)
                .is_some_and(|class| flag(class, "/globalDefault"))
        })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let plain = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "globalDefault": false }),
        };
        let mut out = vec![
            Remedy::heals("unset-global-default", vec![plain]),
            Remedy::heals("delete-class", vec![Step::Delete(cause.object.clone())]),
        ];
        if let Some(victim) = truth.victims.first() {
            out.push(Remedy::fails("restart", edits::restart(victim)));
            out.push(Remedy::fails("delete-pod", edits::delete_pods(world, victim)));
        }
        out
    }
}

/// Millicores that the pods of a node request.
fn requested(world: &World, node: &str) -> f64 {
    world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/spec/nodeName") == node)
        .filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .map(millicores)
        .sum()
}

fn millicores(pod: &Value) -> f64 {
    items(pod, "/spec/containers")
        .iter()
        .map(|container| edits::millicores(text(container, "/resources/requests/cpu")))
        .sum()
}

/// The pods of a node that the scheduler may push out and that run anywhere.
fn movable(world: &World, shop: &Shop, node: &Node) -> Vec<(Workload, Value)> {
    residents(world, shop, &node.name)
        .into_iter()
        .filter(|(workload, _)| workload.kind == Kind::Deployment && workload.delivery == Delivery::Pipeline)
        .filter(|(workload, _)| workload.volume_gi.is_none())
        .collect()
}

/// The node with most CPU left among those where pods can be pushed out: the scheduler needs the fewest victims there.
fn emptiest(world: &World, shop: &Shop) -> Option<Node> {
    shop.nodes
        .iter()
        .filter(|node| !movable(world, shop, node).is_empty())
        .min_by(|a, b| requested(world, &a.name).total_cmp(&requested(world, &b.name)))
        .cloned()
}

fn class(world: &mut World, shop: &Shop, name: &str, (value, made): (i64, Timestamp)) {
    let object = json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": shop.stamp.meta("PriorityClass", "", name, made),
        "value": value, "globalDefault": true, "preemptionPolicy": "PreemptLowerPriority",
        "description": "Workloads that must not wait"
    });
    shop.stamp.put(world, object, INSTALLER, made);
}

/// The priority that admission gives to a pod without a class of its own (`plugin/pkg/admission/priority/admission.go`).
fn give_priority(world: &mut World, (namespace, pod): (&str, &str), (name, value): (&str, i64)) {
    if let Some(object) = world.get_mut("Pod", namespace, pod) {
        set(object, "/spec/priority", json!(value));
        set(object, "/spec/priorityClassName", json!(name));
    }
}

/// A batch workload whose pod fits nowhere unless others leave; gives its pod's uid.
fn arrive(
    world: &mut World,
    ctx: &mut FaultContext,
    (node, pushed): (&Node, &[(Workload, Value)]),
    (name, value): (&str, i64),
    at: Timestamp,
) -> String {
    let shop = ctx.shop.clone();
    let freed: f64 = pushed.iter().map(|(_, pod)| millicores(pod)).sum();
    let asked = 3_920.0 - requested(world, &node.name) + freed;
    let tenant = background(&shop, "batch", "platform", 1);
    let sized = |cpu: &str| json!({ "requests": { "cpu": cpu, "memory": "512Mi" }, "limits": { "cpu": cpu, "memory": "2Gi" } });
    let before = template(&shop, &tenant, &sized("500m"), &[]);
    let now = template(&shop, &tenant, &sized(&format!("{asked:.0}m")), &[]);
    let tenancy = Tenancy {
        workload: &tenant,
        before: &before,
        now: &now,
        nodes: &[node],
        at,
    };
    let pods = deploy(world, &shop, &mut ctx.metrics, &tenancy);
    let pod = pods.first().cloned().unwrap_or_default();
    give_priority(world, (&tenant.namespace, &pod), (name, value));
    let uid = world
        .get("Pod", &tenant.namespace, &pod)
        .map(|found| text(found, "/metadata/uid").to_owned());
    ctx.shop.workloads.push(tenant);
    uid.unwrap_or_default()
}

/// `pkg/scheduler/framework/preemption/preemption.go`, `PreemptPod`: the victim is deleted, and an Event names the
/// preemptor by its uid.
fn push_out(
    world: &mut World,
    ctx: &mut FaultContext,
    (workload, pod): (&Workload, &Value),
    (preemptor, node): (&str, &Node),
    at: Timestamp,
) {
    let name = text(pod, "/metadata/name");
    let happening = Happening {
        object: ("Pod", &workload.namespace, name),
        container: None,
        kind: "Normal",
        reason: "Preempted",
        message: format!("Preempted by pod {preemptor} on node {}", node.name),
        component: "default-scheduler",
        node: "",
        first: at,
        last: at,
        count: 1,
    };
    record_scheduling(&ctx.shop.stamp, world, &happening);
    stopping_event(world, &ctx.shop, &workload.namespace, name, at);
    remove_pod(
        world,
        &mut ctx.metrics,
        &workload.namespace,
        name,
        time::after(at, 1),
    );
}
