//! Nothing is wrong: it never was, it is over, it was a blip, or somebody meant it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::healthy;
use crate::build::event::{Happening, record};
use crate::build::json::{push, set, text};
use crate::build::log::{Lines, merge};
use crate::build::object::{Author, CONTROLLER};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Truth, workload_key};
use crate::rng::Rng;
use crate::shop::{Node, Shop, chatter, telemetry, vitals};
use crate::simulate::callers::pods_of;
use crate::simulate::rollout::{active_set, controller_event, remove_pod, stopping_event};
use crate::simulate::spawn;
use crate::world::World;

/// `situation/healthy`: the named workload is healthy since long.
pub struct Healthy;

/// `situation/recovered`: what there was left no trace.
pub struct Recovered;

/// `situation/replaced`: the pod that is named was replaced by one that is well.
pub struct Replaced;

/// `situation/spiked`: errors or response times of a public route stood out for moments and are as usual since:
/// `params.of` is `errors` (default) or `latency`, `params.times` the number of spikes, `params.last` the minutes since the
/// last one began.
pub struct Spiked;

/// `situation/maintenance`: somebody drained a node, which is cordoned since; its pods run elsewhere.
pub struct Maintenance;

/// A person with `kubectl drain` (`kubectl/pkg/cmd/drain`), which patches `spec.unschedulable`.
const DRAIN: Author = Author {
    manager: "kubectl-drain",
    operation: "Update",
};

impl Fault for Healthy {
    fn id(&self) -> &'static str {
        "situation/healthy"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        healthy(world, ctx, (60 * 24, 60 * 48))
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

impl Fault for Recovered {
    fn id(&self) -> &'static str {
        "situation/recovered"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        healthy(world, ctx, (100, 220))
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

impl Fault for Replaced {
    fn id(&self) -> &'static str {
        "situation/replaced"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(24, 50);
        if let Some(workload) = ctx.pick_stateless()
            && let Some(old) = pods_of(world, &workload).into_iter().next()
        {
            let name = text(&old, "/metadata/name").to_owned();
            move_pod(world, ctx, &workload, &name, None, at);
            ctx.shows(&workload, Some(&name), time::before(at, 1_100));
        }
        Truth::without_cause("not_an_issue")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

impl Fault for Spiked {
    fn id(&self) -> &'static str {
        "situation/spiked"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let is_latency = ctx.text_param("of") == Some("latency");
        let times = ctx.int_param("times").unwrap_or(1);
        let last = ctx.int_param("last").unwrap_or(24);
        let Some(backend) = ctx.pick_role(&["storefront", "checkout", "search", "payments-api"]) else {
            return Truth::without_cause("not_an_issue");
        };
        let mut starts: Vec<Timestamp> = Vec::new();
        let mut at = time::before(ctx.shop.now(), last * 60 + ctx.rng.range(0, 50));
        for _ in 0..times {
            starts.push(at);
            at = time::before(at, ctx.rng.range(900, 1_500));
        }
        let width = if times > 1 { 75 } else { 420 };
        let spikes: Vec<(i64, i64)> = starts
            .iter()
            .map(|start| (start.as_second(), start.as_second() + width))
            .collect();
        if is_latency {
            latency_spikes(ctx, &backend, &spikes);
        } else {
            error_spikes(world, ctx, &backend, &spikes);
        }
        let onset = starts.last().copied().unwrap_or(at);
        ctx.shows(&backend, None, onset);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&backend));
        }
        Truth::without_cause("not_an_issue")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

fn latency_spikes(ctx: &mut FaultContext, backend: &Workload, spikes: &[(i64, i64)]) {
    let (rate, usual) = (
        telemetry::request_rate(&ctx.shop, backend),
        vitals::usual_latency_s(&ctx.shop, backend),
    );
    vitals::latency(&ctx.shop, &mut ctx.metrics, backend, |at| {
        let high = spikes.iter().any(|(from, to)| at > *from && at <= *to);
        (rate, if high { 1.7 } else { usual })
    });
}

fn error_spikes(world: &mut World, ctx: &mut FaultContext, backend: &Workload, spikes: &[(i64, i64)]) {
    let rate = telemetry::request_rate(&ctx.shop, backend);
    let high = |at: i64| spikes.iter().any(|(from, to)| at > *from && at <= *to);
    telemetry::requests(&ctx.shop, &mut ctx.metrics, backend, "504", |at| {
        if high(at) { rate * 0.19 } else { 0.0 }
    });
    telemetry::requests(&ctx.shop, &mut ctx.metrics, backend, "200", |at| {
        rate * if high(at) { 0.78 } else { 0.97 }
    });
    let mut rng = ctx.rng.fork("spikes");
    edge_lines(world, &ctx.shop, backend, spikes, &mut rng);
}

/// The controller's access log keeps the few requests that failed.
fn edge_lines(world: &mut World, shop: &Shop, backend: &Workload, spikes: &[(i64, i64)], rng: &mut Rng) {
    let Some(controller) = shop.role("ingress") else {
        return;
    };
    let upstream = shop.backend_address(world, backend);
    for pod in pods_of(world, controller) {
        let name = text(&pod, "/metadata/name");
        let mut lines = Lines::default();
        for (from, to) in spikes {
            let mut at = *from + rng.range(2, 9);
            while at < *to {
                let moment = Timestamp::from_second(at).unwrap_or(shop.now());
                let path = backend.path.unwrap_or("/");
                lines.add(
                    moment,
                    &chatter::access(shop, moment, path, backend, 504, &upstream, rng),
                );
                at += rng.range(9, 30);
            }
        }
        let log = world.log_mut(&controller.namespace, name, &controller.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}

impl Fault for Maintenance {
    fn id(&self) -> &'static str {
        "situation/maintenance"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(21, 44);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("not_an_issue");
        };
        let node = pods_of(world, &workload)
            .first()
            .map(|pod| text(pod, "/spec/nodeName").to_owned());
        let Some(node) = node else {
            return Truth::without_cause("not_an_issue");
        };
        cordon(world, &ctx.shop, &node, at);
        drain(world, ctx, &node, at);
        ctx.shows(&workload, None, at);
        ctx.label("node", &node);
        Truth::without_cause("not_an_issue")
    }

    fn present(&self, _: &World, _: &Truth) -> bool {
        false
    }
}

/// The taint is the node lifecycle controller's (`pkg/controller/nodelifecycle`), the event the kubelet's
/// (`pkg/kubelet/kubelet_node_status.go`, `recordNodeSchedulableEvent`).
fn cordon(world: &mut World, shop: &Shop, node: &str, at: Timestamp) {
    if let Some(object) = world.get_mut("Node", "", node) {
        set(object, "/spec/unschedulable", json!(true));
        shop.stamp.touch(object, DRAIN, at, &["/spec/unschedulable"]);
        push(
            object,
            "/spec/taints",
            json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": time::seconds(at) }),
        );
        shop.stamp.touch(object, CONTROLLER, at, &["/spec/taints"]);
    }
    let happening = Happening {
        object: ("Node", "", node),
        container: None,
        kind: "Normal",
        reason: "NodeNotSchedulable",
        message: format!("Node {node} status is now: NodeNotSchedulable"),
        component: "kubelet",
        node,
        first: time::after(at, 3),
        last: time::after(at, 3),
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

/// Evicts the shop's stateless pods from the node, one after the other.
fn drain(world: &mut World, ctx: &mut FaultContext, node: &str, at: Timestamp) {
    let movable: Vec<Workload> = ctx
        .shop
        .workloads
        .iter()
        .filter(|workload| {
            workload.kind == crate::build::workload::Kind::Deployment && workload.volume_gi.is_none()
        })
        .cloned()
        .collect();
    let mut moment = time::after(at, 6);
    for workload in &movable {
        for pod in pods_of(world, workload) {
            if text(&pod, "/spec/nodeName") == node {
                move_pod(
                    world,
                    ctx,
                    workload,
                    text(&pod, "/metadata/name"),
                    Some(node),
                    moment,
                );
                moment = time::after(moment, 9);
            }
        }
    }
}

/// Stops a pod; its ReplicaSet makes another, which runs and is ready.
fn move_pod(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    pod: &str,
    avoid: Option<&str>,
    at: Timestamp,
) {
    let namespace = workload.namespace.as_str();
    let Some(set) = active_set(world, namespace, &workload.name) else {
        return;
    };
    stopping_event(world, &ctx.shop, namespace, pod, at);
    remove_pod(world, &mut ctx.metrics, namespace, pod, at);
    let nodes: Vec<Node> = ctx
        .shop
        .nodes
        .iter()
        .filter(|node| avoid != Some(node.name.as_str()))
        .cloned()
        .collect();
    let Some(node) = ctx.rng.pick(&nodes) else { return };
    let created = time::after(at, 1);
    let new = spawn::replica(world, &ctx.shop, &set, node, created);
    let parent = ("ReplicaSet", namespace, text(&set, "/metadata/name"));
    let message = format!("Created pod: {new}");
    controller_event(
        world,
        &ctx.shop,
        parent,
        "replicaset-controller",
        "SuccessfulCreate",
        message,
        created,
    );
    let object: Option<Value> = world.get("Pod", namespace, &new).cloned();
    if let Some(object) = object {
        chatter::write_pod(world, &ctx.shop, &object);
        telemetry::add_pod(&ctx.shop, &mut ctx.metrics, &object, created);
    }
}
