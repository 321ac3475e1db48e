//! A node stops working: its kubelet goes silent, or its container runtime dies. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use super::network_degraded::node_of;
use crate::build::event::{Happening, record};
use crate::build::json::{items, push, set, text};
use crate::build::log::voice::CallFailure;
use crate::build::object::{CONTROLLER, KUBELET};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::{Node, Shop, chatter};
use crate::simulate::callers::{self, Silence};
use crate::simulate::rollout::active_set;
use crate::simulate::spawn;
use crate::world::{ObjectKey, World};

/// `app-vs-infra/node-not-ready`. `params.of` is `kubelet` (default: nothing is heard of the node) or `runtime`.
pub struct NodeNotReady;

const ID: &str = "app-vs-infra/node-not-ready";

impl Fault for NodeNotReady {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(19, 45);
        let is_silent = ctx.text_param("of") != Some("runtime");
        let Some(workload) = ctx.pick_role(&["redis"]) else {
            return Truth::without_cause("inconclusive");
        };
        let Some(node) = node_of(world, &workload) else {
            return Truth::without_cause("inconclusive");
        };
        report(world, &ctx.shop, &node, at, is_silent);
        let mut victims = strand(world, ctx, &node, at);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::TimedOut,
            from: at,
            until: ctx.shop.now(),
            only: &[],
        };
        victims.extend(callers::keys(&callers::fail(
            world,
            &ctx.shop,
            &mut ctx.metrics,
            &silence,
        )));
        victims.push(workload_key(&workload));
        victims.sort();
        victims.dedup();
        let pod = format!("{}-0", workload.name);
        ctx.shows(&workload, Some(&pod), at);
        ctx.label("node", &node);
        let found = if is_silent { "Unknown" } else { "False" };
        let params =
            json!({ "field": "status.conditions[Ready].status", "found": found, "expected": "True" });
        Truth::cause(key("", "Node", "", &node), ID, params, victims)
    }

    /// The node is not ready and still holds pods that have to run elsewhere: it takes no new ones while it is like that.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            let name = cause.object.name.as_str();
            let is_down = world.get("Node", "", name).is_some_and(|node| {
                items(node, "/status/conditions")
                    .iter()
                    .any(|found| text(found, "/type") == "Ready" && text(found, "/status") != "True")
            });
            is_down && edits::movable(world, name).next().is_some()
        })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let name = cause.object.name.as_str();
        let workload = truth.victims.iter().find(|victim| victim.kind == "StatefulSet");
        let mut out = vec![
            Remedy::heals("delete-node", edits::delete_node(name)),
            Remedy::heals(
                "out-of-service",
                edits::add_taint(world, name, "node.kubernetes.io/out-of-service", "nodeshutdown"),
            ),
            Remedy::fails("cordon", edits::cordon(name)),
        ];
        if let Some(workload) = workload {
            out.push(Remedy::fails("restart", edits::restart(workload)));
        }
        out
    }
}

/// The node lifecycle controller's conditions and taints for a silent node
/// (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`), or the kubelet's own report of a dead runtime
/// (`pkg/kubelet/nodestatus/setters.go`, `ReadyCondition`).
fn report(world: &mut World, shop: &Shop, node: &str, at: Timestamp, is_silent: bool) {
    let stamp = json!(time::seconds(at));
    if let Some(object) = world.get_mut("Node", "", node) {
        let conditions = object
            .pointer_mut("/status/conditions")
            .and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            let is_ready = text(condition, "/type") == "Ready";
            let is_calicos = text(condition, "/type") == "NetworkUnavailable";
            if is_calicos || !(is_ready || is_silent) {
                continue;
            }
            let (status, reason, message) = if is_silent {
                (
                    "Unknown",
                    "NodeStatusUnknown",
                    "Kubelet stopped posting node status.",
                )
            } else {
                (
                    "False",
                    "KubeletNotReady",
                    "[container runtime is down, PLEG is not healthy: pleg was last seen active 9m12.071s ago; threshold is 3m0s]",
                )
            };
            set(condition, "/status", json!(status));
            set(condition, "/reason", json!(reason));
            set(condition, "/message", json!(message));
            set(condition, "/lastTransitionTime", stamp.clone());
            if is_silent {
                set(
                    condition,
                    "/lastHeartbeatTime",
                    json!(time::seconds(time::before(at, 95))),
                );
            }
        }
        let taint = if is_silent {
            "node.kubernetes.io/unreachable"
        } else {
            "node.kubernetes.io/not-ready"
        };
        for effect in ["NoSchedule", "NoExecute"] {
            push(
                object,
                "/spec/taints",
                json!({ "key": taint, "effect": effect, "timeAdded": stamp }),
            );
        }
        shop.stamp.touch(object, CONTROLLER, at, &["/spec/taints"]);
        let writer = if is_silent { CONTROLLER } else { KUBELET };
        shop.stamp.touch(object, writer, at, &["/status/conditions"]);
    }
    if is_silent && let Some(lease) = world.get_mut("Lease", "kube-node-lease", node) {
        set(
            lease,
            "/spec/renewTime",
            json!(time::micros(time::before(at, 44))),
        );
    }
    say(
        world,
        shop,
        ("Node", "", node),
        "NodeNotReady",
        &format!("Node {node} status is now: NodeNotReady"),
        at,
    );
}

fn say(
    world: &mut World,
    shop: &Shop,
    object: (&str, &str, &str),
    reason: &'static str,
    message: &str,
    at: Timestamp,
) {
    let happening = Happening {
        object,
        container: None,
        kind: if object.0 == "Pod" && reason == "NodeNotReady" {
            "Warning"
        } else {
            "Normal"
        },
        reason,
        message: message.to_owned(),
        component: if reason == "TaintManagerEviction" {
            "taint-eviction-controller"
        } else {
            "node-controller"
        },
        node: "",
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

/// Pods of the node count as not ready, and after five minutes they are evicted: they stay Terminating, since no kubelet
/// stops them. ReplicaSets make others; StatefulSets wait (`pkg/controller/tainteviction/taint_eviction.go`).
fn strand(world: &mut World, ctx: &mut FaultContext, node: &str, at: Timestamp) -> Vec<ObjectKey> {
    let pods: Vec<Value> = world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/spec/nodeName") == node && text(pod, "/status/phase") == "Running")
        .cloned()
        .collect();
    let evicted = time::after(at, 301);
    let mut victims = Vec::new();
    for pod in &pods {
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let is_agent = text(pod, "/metadata/ownerReferences/0/kind") == "DaemonSet";
        if let Some(object) = world.get_mut("Pod", namespace, name) {
            let conditions = object
                .pointer_mut("/status/conditions")
                .and_then(Value::as_array_mut);
            for condition in conditions
                .into_iter()
                .flatten()
                .filter(|found| text(found, "/type") == "Ready")
            {
                set(condition, "/status", json!("False"));
                set(condition, "/lastTransitionTime", json!(time::seconds(at)));
            }
            if !is_agent {
                set(
                    object,
                    "/metadata/deletionTimestamp",
                    json!(time::seconds(time::after(evicted, 30))),
                );
                set(object, "/metadata/deletionGracePeriodSeconds", json!(30));
            }
            ctx.shop
                .stamp
                .touch_status(object, if is_agent { at } else { evicted });
        }
        say(
            world,
            &ctx.shop,
            ("Pod", namespace, name),
            "NodeNotReady",
            "Node is not ready",
            at,
        );
        if !is_agent {
            let words = format!("Marking for deletion Pod {namespace}/{name}");
            say(
                world,
                &ctx.shop,
                ("Pod", namespace, name),
                "TaintManagerEviction",
                &words,
                evicted,
            );
            replace(world, ctx, pod, node, evicted);
        }
        if let Some(workload) = ctx.shop.named(namespace, text(pod, "/spec/containers/0/name")) {
            victims.push(workload_key(workload));
        }
    }
    victims
}

/// A ReplicaSet's new pod on another node; volumes that the old pod holds would keep it waiting, so those are left out.
fn replace(world: &mut World, ctx: &mut FaultContext, pod: &Value, node: &str, at: Timestamp) {
    let namespace = text(pod, "/metadata/namespace");
    let workload = ctx
        .shop
        .named(namespace, text(pod, "/spec/containers/0/name"))
        .cloned();
    let has_volume = workload
        .as_ref()
        .is_some_and(|workload| workload.volume_gi.is_some());
    let name = text(pod, "/spec/containers/0/name");
    let Some(set) = active_set(world, namespace, name).filter(|_| !has_volume) else {
        return;
    };
    let others: Vec<Node> = ctx
        .shop
        .nodes
        .iter()
        .filter(|other| other.name != node)
        .cloned()
        .collect();
    if let Some(other) = ctx.rng.pick(&others) {
        let new = spawn::replica(world, &ctx.shop, &set, other, time::after(at, 1));
        if let Some(object) = world.get("Pod", namespace, &new).cloned() {
            chatter::write_pod(world, &ctx.shop, &object);
        }
    }
}
