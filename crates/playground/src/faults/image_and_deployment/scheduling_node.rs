//! The one node that a workload may run on is closed, by a cordon or by a taint: a pod that was moved stays pending.
//! Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::{in_vain, restart, scale};
use super::pulls::move_pod;
use super::waiting_pods::{Preemption, hold, unavailable};
use crate::build::event::{Happening, record};
use crate::build::json::{flag, items, push, set, text};
use crate::build::object::{Author, INSTALLER};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Node, Shop, telemetry};
use crate::simulate::rollout::{active_set, pods_of};
use crate::world::World;

/// `image-and-deployment/scheduling-constraint-cordon` and `-taint`.
pub struct SchedulingNode(pub Closing);

/// How the node is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// `spec.unschedulable`.
    Cordon,
    /// A taint that the workload does not tolerate.
    Taint,
}

/// `kubectl cordon` names no field manager of its own.
const KUBECTL: Author = Author {
    manager: "kubectl",
    operation: "Update",
};
/// `kubectl taint`.
const KUBECTL_TAINT: Author = Author {
    manager: "kubectl-taint",
    operation: "Update",
};
/// Label of the pools of nodes.
pub(in crate::faults) const POOL: &str = "node.example.com/pool";

impl Fault for SchedulingNode {
    fn id(&self) -> &'static str {
        match self.0 {
            Closing::Cordon => "image-and-deployment/scheduling-constraint-cordon",
            Closing::Taint => "image-and-deployment/scheduling-constraint-taint",
        }
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 52);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let nodes = ctx.shop.nodes.clone();
        let Some(node) = ctx.rng.pick(&nodes).cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let pools = ["reserved", "standard", "blue", "tier-2"];
        let pool = ctx.rng.pick(&pools).copied().unwrap_or("blue");
        pin(world, ctx, &workload, &node, pool);
        let (found, reason) = self.close(world, ctx, &node, at);
        let Some(pod) = move_pod(world, ctx, &workload, 0, &node, time::after(at, 21)) else {
            return Truth::without_cause("inconclusive");
        };
        let rest = nodes.len() - 1;
        let elsewhere = "node(s) didn't match Pod's node affinity/selector";
        let reasons = [(1, reason.as_str()), (rest, elsewhere)];
        let message = unavailable(nodes.len(), &reasons, Preemption::NotHelpful);
        hold(world, ctx, (&workload.namespace, &pod), &message);
        ctx.shows(&workload, Some(&pod), time::after(at, 23));
        ctx.label("node", &node.name);
        let field = match self.0 {
            Closing::Cordon => "spec.unschedulable",
            Closing::Taint => "spec.taints",
        };
        let params = json!({ "field": field, "found": found, "expected": null, "pool": pool });
        let victims = vec![workload_key(&workload), key("", "Pod", &workload.namespace, &pod)];
        Truth::cause(key("", "Node", "", &node.name), self.id(), params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let (Some(cause), Some(victim)) = (truth.root_causes.first(), truth.victims.first()) else {
            return false;
        };
        let template = "/spec/template/spec";
        let pinned = world
            .get("Deployment", &victim.namespace, &victim.name)
            .filter(|workload| {
                text(
                    workload,
                    &format!("{template}/nodeSelector/{}", crate::build::json::escape(POOL)),
                ) == text(&cause.params, "/pool")
            });
        let tolerates = pinned.is_some_and(|workload| {
            items(workload, &format!("{template}/tolerations"))
                .iter()
                .any(|toleration| toleration.pointer("/key") == cause.params.pointer("/found/key"))
        });
        let closed = world
            .get("Node", "", &cause.object.name)
            .is_some_and(|node| match self.0 {
                Closing::Cordon => flag(node, "/spec/unschedulable"),
                Closing::Taint => items(node, "/spec/taints")
                    .iter()
                    .any(|taint| taint.pointer("/key") == cause.params.pointer("/found/key")),
            });
        let alone = !world.of_kind("Node").any(|node| {
            text(node, "/metadata/name") != cause.object.name
                && text(
                    node,
                    &format!("/metadata/labels/{}", crate::build::json::escape(POOL)),
                ) == text(&cause.params, "/pool")
        });
        pinned.is_some() && closed && alone && !(self.0 == Closing::Taint && tolerates)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(victim)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let open = |patch: Value| Step::MergePatch {
            object: cause.object.clone(),
            patch,
        };
        let mut out = match self.0 {
            Closing::Cordon => vec![Remedy::heals(
                "uncordon",
                vec![open(json!({ "spec": { "unschedulable": null, "taints": null } }))],
            )],
            Closing::Taint => {
                let toleration = json!({
                    "key": text(&cause.params, "/found/key"), "operator": "Exists", "effect": "NoSchedule"
                });
                let tolerate = Step::StrategicPatch {
                    object: victim.clone(),
                    patch: json!({ "spec": { "template": { "spec": { "tolerations": [toleration] } } } }),
                };
                vec![
                    Remedy::heals("remove-taint", vec![open(json!({ "spec": { "taints": null } }))]),
                    Remedy::heals("add-toleration", vec![tolerate]),
                ]
            }
        };
        let unpin = Step::JsonPatch {
            object: victim.clone(),
            patch: json!([{ "op": "remove", "path": "/spec/template/spec/nodeSelector" }]),
        };
        out.push(Remedy::heals("drop-node-selector", vec![unpin]));
        out.extend(in_vain(world, victim));
        if let Some(workload) = shop.named(&victim.namespace, &victim.name) {
            let more = scale(victim, workload.replicas + 2);
            out.push(Remedy::fails("scale-up", vec![more, restart(victim)]));
        }
        out
    }
}

impl SchedulingNode {
    /// Closes the node; gives what was written and the scheduler's reason
    /// (`pkg/scheduler/framework/plugins/nodeunschedulable`, `tainttoleration`).
    fn close(
        &self,
        world: &mut World,
        ctx: &mut FaultContext,
        node: &Node,
        at: Timestamp,
    ) -> (Value, String) {
        let taints = [
            ("dedicated", "batch"),
            ("team", "analytics"),
            ("lifecycle", "canary"),
        ];
        let (taint, value) = ctx.rng.pick(&taints).copied().unwrap_or(taints[0]);
        let shop = &ctx.shop;
        let Some(object) = world.get_mut("Node", "", &node.name) else {
            return (Value::Null, String::new());
        };
        if self.0 == Closing::Taint {
            let found = json!({ "key": taint, "value": value, "effect": "NoSchedule" });
            set(object, "/spec/taints", json!([found]));
            shop.stamp.touch(object, KUBECTL_TAINT, at, &["/spec/taints"]);
            return (
                found,
                format!("node(s) had untolerated taint {{{taint}: {value}}}"),
            );
        }
        set(object, "/spec/unschedulable", json!(true));
        let added = json!({
            "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": time::seconds(at)
        });
        set(object, "/spec/taints", json!([added]));
        shop.stamp.touch(object, KUBECTL, at, &["/spec/unschedulable"]);
        not_schedulable(world, shop, node, time::after(at, 6));
        (json!(true), "node(s) were unschedulable".to_owned())
    }
}

/// `pkg/kubelet/kubelet_node_status.go`, `recordNodeSchedulableEvent`.
fn not_schedulable(world: &mut World, shop: &Shop, node: &Node, at: Timestamp) {
    let happening = Happening {
        object: ("Node", "", &node.name),
        container: None,
        kind: "Normal",
        reason: "NodeNotSchedulable",
        message: format!("Node {} status is now: NodeNotSchedulable", node.name),
        component: "kubelet",
        node: &node.name,
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

/// Makes the workload one that has always run in a pool of one node.
pub(in crate::faults) fn pin(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    node: &Node,
    pool: &str,
) {
    let shop = &ctx.shop;
    let namespace = workload.namespace.as_str();
    let label = format!("/metadata/labels/{}", crate::build::json::escape(POOL));
    if let Some(object) = world.get_mut("Node", "", &node.name) {
        set(object, &label, json!(pool));
        let created = time::parse(text(object, "/metadata/creationTimestamp")).unwrap_or(shop.now());
        shop.stamp
            .touch(object, INSTALLER, created, &["/metadata/labels"]);
    }
    let selector = json!({ POOL: pool });
    let Some(active) = active_set(world, namespace, &workload.name) else {
        return;
    };
    let set_name = text(&active, "/metadata/name").to_owned();
    let objects: Vec<(&str, String)> = world
        .of_kind("ReplicaSet")
        .filter(|set| text(set, "/metadata/ownerReferences/0/name") == workload.name)
        .filter(|set| text(set, "/metadata/namespace") == namespace)
        .map(|set| ("ReplicaSet", text(set, "/metadata/name").to_owned()))
        .chain([("Deployment", workload.name.clone())])
        .collect();
    for (kind, name) in objects {
        if let Some(object) = world.get_mut(kind, namespace, &name) {
            set(object, "/spec/template/spec/nodeSelector", selector.clone());
        }
    }
    for pod in pods_of(world, namespace, &set_name) {
        let address = shop.pod_address(world, &node.name, &pod);
        let Some(object) = world.get_mut("Pod", namespace, &pod) else {
            continue;
        };
        set(object, "/spec/nodeSelector", selector.clone());
        set(object, "/spec/nodeName", json!(node.name));
        set(object, "/status/hostIP", json!(node.address));
        set(object, "/status/hostIPs", json!([{ "ip": node.address }]));
        set(object, "/status/podIP", json!(address));
        set(object, "/status/podIPs", json!([]));
        push(object, "/status/podIPs", json!({ "ip": address }));
        let object = object.clone();
        ctx.metrics.forget(&[("namespace", namespace), ("pod", &pod)]);
        telemetry::add_pod(shop, &mut ctx.metrics, &object, time::before(shop.now(), 5_400));
    }
}
