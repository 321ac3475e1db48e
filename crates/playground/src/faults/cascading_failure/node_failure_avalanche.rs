//! A node dies, its pods move to the next one, which runs out of memory and dies too. Must not know how it is found.
//!
//! Words of the node lifecycle controller and the taint eviction controller (`pkg/controller/nodelifecycle`,
//! `pkg/controller/tainteviction`) and of the kubelet's eviction manager (`pkg/kubelet/eviction/helpers.go`) and OOM
//! watcher (`pkg/kubelet/oom/oom_watcher_linux.go`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::event::{Happening, record};
use crate::build::json::{items, push, set, text, unset};
use crate::build::metrics::Span;
use crate::build::object::CONTROLLER;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::telemetry::aligned;
use crate::shop::{Node, Shop};
use crate::simulate::rollout::controller_event;
use crate::simulate::settle::settle;
use crate::simulate::spawn;
use crate::world::World;

/// `cascading-failure/node-failure-avalanche`.
pub struct NodeFailureAvalanche;

const ID: &str = "cascading-failure/node-failure-avalanche";
/// Seconds after which pods of an unreachable node are evicted (`DefaultTolerationSeconds`).
const TOLERATED_S: i64 = 300;

impl Fault for NodeFailureAvalanche {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(34, 52);
        let mut nodes = ctx.shop.nodes.clone();
        ctx.rng.shuffle(&mut nodes);
        let busiest = |node: &Node| std::cmp::Reverse(replicas_on(world, ctx, &node.name).len());
        nodes.sort_by_key(busiest);
        let [first, second, third, ..] = nodes.as_slice() else {
            return Truth::without_cause("inconclusive");
        };
        let moved = replicas_on(world, ctx, &first.name);
        dies(world, ctx, first, at);
        let evicted = time::after(at, TOLERATED_S + 4);
        move_pods(world, ctx, &moved, second, evicted);
        let pressed = time::after(evicted, ctx.rng.range(120, 260));
        presses(world, ctx, second, pressed);
        let fell = time::after(pressed, ctx.rng.range(130, 240));
        let again = replicas_on(world, ctx, &second.name);
        dies(world, ctx, second, fell);
        let evicted = time::after(fell, TOLERATED_S + 3);
        move_pods(world, ctx, &again, third, evicted);
        let pressed = time::after(evicted, ctx.rng.range(100, 200));
        presses(world, ctx, third, pressed);
        memory(
            ctx,
            &[
                (first, at, at),
                (second, time::after(at, TOLERATED_S), fell),
                (third, evicted, ctx.shop.now()),
            ],
        );
        settle(world, &ctx.shop);
        let hit = |role: &str| {
            moved
                .iter()
                .chain(&again)
                .any(|(workload, _)| workload.role == role)
        };
        let roles = [
            "cart",
            "checkout",
            "orders",
            "search",
            "recommendations",
            "catalog",
            "storefront",
        ];
        let target = ctx
            .target
            .take()
            .into_iter()
            .chain(roles.map(str::to_owned))
            .find(|role| hit(role));
        if let Some(workload) = target.and_then(|role| ctx.shop.role(&role).cloned()) {
            ctx.shows(&workload, None, at);
            ctx.label("node", &second.name);
        }
        let mut victims: Vec<_> = moved
            .iter()
            .chain(&again)
            .map(|(workload, _)| workload_key(workload))
            .collect();
        victims.push(key("", "Node", "", &second.name));
        victims.push(key("", "Node", "", &third.name));
        victims.sort();
        victims.dedup();
        let params = json!({
            "field": "status.conditions[Ready].status", "found": "Unknown", "expected": "True", "nodes": ctx.shop.nodes.len()
        });
        Truth::cause(key("", "Node", "", &first.name), ID, params, victims)
    }

    /// Fewer nodes are ready than there were.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            let wanted = cause
                .params
                .pointer("/nodes")
                .and_then(Value::as_u64)
                .unwrap_or(6);
            let ready = world.of_kind("Node").filter(|node| is_ready(node)).count();
            u64::try_from(ready).unwrap_or(0) < wanted
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let lost: Vec<&Value> = world.of_kind("Node").filter(|node| !is_ready(node)).collect();
        let fresh: Vec<Step> = (0..lost.len())
            .filter_map(|index| fresh_node(world, shop, index))
            .map(Step::Create)
            .collect();
        let deleted = lost
            .iter()
            .map(|node| Step::Delete(key("", "Node", "", text(node, "/metadata/name"))));
        let cordon = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "unschedulable": true } }),
        };
        vec![
            Remedy::heals("add-nodes", fresh.clone()),
            Remedy::heals("replace-nodes", deleted.chain(fresh).collect()),
            Remedy::fails("cordon", vec![cordon]),
            Remedy::fails(
                "restart",
                truth
                    .victims
                    .iter()
                    .filter(|victim| victim.kind == "Deployment")
                    .take(1)
                    .map(|victim| edits::restart(shop, victim))
                    .collect(),
            ),
        ]
    }
}

fn is_ready(node: &Value) -> bool {
    items(node, "/status/conditions")
        .iter()
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}

/// A node like those that are ready, under a new name.
fn fresh_node(world: &World, shop: &Shop, index: usize) -> Option<Value> {
    let like = world.of_kind("Node").find(|node| is_ready(node))?;
    let name = format!(
        "{}-n{}",
        text(like, "/metadata/name"),
        shop.stamp.suffix(&format!("node/{index}"), 3)
    );
    let mut node = like.clone();
    for field in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
        unset(&mut node, "/metadata", field);
    }
    set(&mut node, "/metadata/name", json!(name));
    set(&mut node, "/metadata/labels/kubernetes.io~1hostname", json!(name));
    unset(&mut node, "/spec", "providerID");
    unset(&mut node, "/spec", "taints");
    Some(node)
}

/// Pods of Deployments on a node with their workloads.
fn replicas_on(
    world: &World,
    ctx: &FaultContext,
    node: &str,
) -> Vec<(crate::build::workload::Workload, String)> {
    world
        .of_kind("Pod")
        .filter(|pod| {
            text(pod, "/spec/nodeName") == node && pod.pointer("/metadata/deletionTimestamp").is_none()
        })
        .filter(|pod| text(pod, "/metadata/ownerReferences/0/kind") == "ReplicaSet")
        .filter_map(|pod| {
            let workload = ctx.shop.named(
                text(pod, "/metadata/namespace"),
                text(pod, "/spec/containers/0/name"),
            )?;
            Some((workload.clone(), text(pod, "/metadata/name").to_owned()))
        })
        .filter(|(workload, _)| workload.volume_gi.is_none())
        .collect()
}

/// The node stops answering at a moment; forty seconds later the controller notices.
fn dies(world: &mut World, ctx: &FaultContext, node: &Node, at: Timestamp) {
    let (shop, name) = (&ctx.shop, node.name.as_str());
    let last = time::seconds(time::before(at, 40));
    if let Some(lease) = world.get_mut("Lease", "kube-node-lease", name) {
        set(
            lease,
            "/spec/renewTime",
            json!(time::micros(time::before(at, 40))),
        );
    }
    if let Some(object) = world.get_mut("Node", "", name) {
        for condition in object
            .pointer_mut("/status/conditions")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter(|condition| text(condition, "/type") != "NetworkUnavailable")
        {
            set(condition, "/status", json!("Unknown"));
            set(condition, "/reason", json!("NodeStatusUnknown"));
            set(
                condition,
                "/message",
                json!("Kubelet stopped posting node status."),
            );
            set(condition, "/lastHeartbeatTime", json!(last));
            set(condition, "/lastTransitionTime", json!(time::seconds(at)));
        }
        for effect in ["NoSchedule", "NoExecute"] {
            let taint = json!({ "key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": time::seconds(at) });
            push(object, "/spec/taints", taint);
        }
        shop.stamp.touch(object, CONTROLLER, at, &["/spec/taints"]);
    }
    let message = format!("Node {name} status is now: NodeNotReady");
    happen(
        world,
        shop,
        ("Node", "", name),
        ("Normal", "NodeNotReady", message),
        ("node-controller", ""),
        (at, 1),
    );
    let pods: Vec<(String, String)> = world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/spec/nodeName") == name)
        .map(|pod| {
            (
                text(pod, "/metadata/namespace").to_owned(),
                text(pod, "/metadata/name").to_owned(),
            )
        })
        .collect();
    for (namespace, pod) in pods {
        lose(world, shop, (&namespace, &pod), &node.address, at);
    }
}

/// A pod of a node that does not answer: not ready, and after the tolerated time marked for deletion.
fn lose(world: &mut World, shop: &Shop, (namespace, name): (&str, &str), address: &str, at: Timestamp) {
    let evicted = time::after(at, TOLERATED_S + 3);
    let Some(pod) = world.get_mut("Pod", namespace, name) else {
        return;
    };
    let kind = text(pod, "/metadata/ownerReferences/0/kind").to_owned();
    for condition in pod
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if text(condition, "/type") == "Ready" {
            set(condition, "/status", json!("False"));
            set(condition, "/lastTransitionTime", json!(time::seconds(at)));
        }
    }
    let marked = kind != "DaemonSet" && evicted < shop.now();
    if marked {
        set(
            pod,
            "/metadata/deletionTimestamp",
            json!(time::seconds(time::after(evicted, 30))),
        );
        set(pod, "/metadata/deletionGracePeriodSeconds", json!(30));
    }
    shop.stamp.touch_status(pod, at);
    let container = text(pod, "/spec/containers/0/name").to_owned();
    let unreachable = format!(
        "Get \"https://{address}:10250/containerLogs/{namespace}/{name}/{container}\": dial tcp {address}:10250: connect: no route to host"
    );
    world.log_mut(namespace, name, &container).error = Some(unreachable);
    let not_ready = ("Warning", "NodeNotReady", "Node is not ready".to_owned());
    happen(
        world,
        shop,
        ("Pod", namespace, name),
        not_ready,
        ("node-controller", ""),
        (at, 1),
    );
    if marked {
        let marking = (
            "Normal",
            "TaintManagerEviction",
            format!("Marking for deletion Pod {namespace}/{name}"),
        );
        happen(
            world,
            shop,
            ("Pod", namespace, name),
            marking,
            ("taint-eviction-controller", ""),
            (evicted, 1),
        );
    }
}

/// ReplicaSets replace pods, and the scheduler puts them all on the emptiest node.
fn move_pods(
    world: &mut World,
    ctx: &mut FaultContext,
    pods: &[(crate::build::workload::Workload, String)],
    node: &Node,
    at: Timestamp,
) {
    if at >= ctx.shop.now() {
        return;
    }
    for (index, (workload, pod)) in pods.iter().enumerate() {
        let created = time::after(at, i64::try_from(index % 4).unwrap_or(0));
        let parent = world
            .get("Pod", &workload.namespace, pod)
            .map(|object| text(object, "/metadata/ownerReferences/0/name").to_owned())
            .unwrap_or_default();
        let Some(set) = world.get("ReplicaSet", &workload.namespace, &parent).cloned() else {
            continue;
        };
        let name = spawn::replica(world, &ctx.shop, &set, node, created);
        let message = format!("Created pod: {name}");
        let object = ("ReplicaSet", workload.namespace.as_str(), parent.as_str());
        controller_event(
            world,
            &ctx.shop,
            object,
            "replicaset-controller",
            "SuccessfulCreate",
            message,
            created,
        );
        if let Some(object) = world.get("Pod", &workload.namespace, &name).cloned() {
            crate::shop::chatter::write_pod(world, &ctx.shop, &object);
            crate::shop::telemetry::add_pod(&ctx.shop, &mut ctx.metrics, &object, created);
        }
    }
}

/// The node runs out of memory: condition, system OOM, evictions.
fn presses(world: &mut World, ctx: &FaultContext, node: &Node, at: Timestamp) {
    let (shop, name) = (&ctx.shop, node.name.as_str());
    if at >= shop.now() {
        return;
    }
    if let Some(object) = world.get_mut("Node", "", name) {
        for condition in object
            .pointer_mut("/status/conditions")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if text(condition, "/type") == "MemoryPressure" {
                set(condition, "/status", json!("True"));
                set(condition, "/reason", json!("KubeletHasInsufficientMemory"));
                set(
                    condition,
                    "/message",
                    json!("kubelet has insufficient memory available"),
                );
                set(condition, "/lastTransitionTime", json!(time::seconds(at)));
            }
        }
        shop.stamp.touch_status(object, at);
    }
    let node_events = [
        (
            "Normal",
            "NodeHasInsufficientMemory",
            format!("Node {name} status is now: NodeHasInsufficientMemory"),
        ),
        (
            "Warning",
            "EvictionThresholdMet",
            "Attempting to reclaim memory".to_owned(),
        ),
        (
            "Warning",
            "SystemOOM",
            format!(
                "System OOM encountered, victim process: java, pid: {}",
                20_000 + shop.stamp.hash(name) % 9_000
            ),
        ),
    ];
    for happened in node_events {
        happen(
            world,
            shop,
            ("Node", "", name),
            happened,
            ("kubelet", name),
            (at, 2),
        );
    }
    let evicted = replicas_on(world, ctx, name).into_iter().next();
    if let Some((workload, pod)) = evicted {
        let message = format!(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 62156Ki. Container {} was using {}Mi, request is {}Mi, has larger consumption of memory. ",
            workload.name, workload.memory_use_mi, workload.memory_request_mi
        );
        let object = ("Pod", workload.namespace.as_str(), pod.as_str());
        happen(
            world,
            shop,
            object,
            ("Warning", "Evicted", message),
            ("kubelet", name),
            (time::after(at, 4), 1),
        );
    }
}

fn happen(
    world: &mut World,
    shop: &Shop,
    object: (&str, &str, &str),
    (kind, reason, message): (&'static str, &'static str, String),
    (component, node): (&str, &str),
    (at, count): (Timestamp, i64),
) {
    let last = if count > 1 {
        time::after(at, 50).min(shop.now())
    } else {
        at
    };
    let happening = Happening {
        object,
        container: None,
        kind,
        reason,
        message,
        component,
        node,
        first: at,
        last,
        count,
    };
    record(&shop.stamp, world, &happening);
}

/// Free memory of all nodes (node-exporter); a node's series ends when it dies.
fn memory(ctx: &mut FaultContext, fallen: &[(&Node, Timestamp, Timestamp)]) {
    let now = ctx.shop.now();
    let nodes = ctx.shop.nodes.clone();
    for node in &nodes {
        let fate = fallen.iter().find(|(fell, ..)| fell.name == node.name);
        let (loaded, end) = fate.map_or((now, now), |(_, loaded, end)| (*loaded, *end));
        let free =
            6.2e9 + f64::from(u32::try_from(ctx.shop.stamp.hash(&node.name) % 1_900).unwrap_or(0)) * 1e6;
        let span = Span {
            to: end.min(now),
            ..aligned(time::before(now, 5_400), now, 120)
        };
        let labels = [("instance", node.name.as_str()), ("job", "node-exporter")];
        ctx.metrics
            .gauge("node_memory_MemAvailable_bytes", &labels, span, |at| {
                let since = f64::from(i32::try_from((at - loaded.as_second()).max(0)).unwrap_or(0));
                (free - since * 2.4e7).max(5.8e7).round()
            });
    }
}
