//! A neighbour without a CPU limit takes all CPU of a node: every other pod there gets slow, though its own load is as
//! before and nothing throttles it. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::event::{Happening, record};
use crate::build::json::text;
use crate::build::log::Lines;
use crate::build::log::voice::{Level, line};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::telemetry::{CPU, machines, wave};
use crate::shop::{Node, Shop};
use crate::simulate::callers;
use crate::simulate::drag::{Drag, slow, slow_log};
use crate::simulate::pressure::residents;
use crate::simulate::tenant::{Tenancy, background, deploy, template};
use crate::simulate::usage::{node_usage, set_node_usage, set_pod_usage, usage};
use crate::world::World;

/// `resource-exhaustion/node-cpu-starvation`.
pub struct NodeCpuStarvation;

const ID: &str = "resource-exhaustion/node-cpu-starvation";
const RESOURCES: &str = "/spec/template/spec/containers/0/resources";

impl Fault for NodeCpuStarvation {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(35, 80);
        let Some(victim) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let pods = callers::pods_of(world, &victim);
        let Some(pod) = ctx.rng.pick(&pods).cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let found = ctx
            .shop
            .nodes
            .iter()
            .find(|node| node.name == text(&pod, "/spec/nodeName"));
        let Some(node) = found.cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let tenant = background(&ctx.shop, "cruncher", "platform", 1);
        hog(world, ctx, &tenant, &node, at);
        let onset = time::after(at, 60);
        let mut victims = neighbours(world, ctx, &victim, &node, onset);
        let slow_pod = [text(&pod, "/metadata/name").to_owned()];
        let shop = ctx.shop.clone();
        let drag = Drag {
            workload: &victim,
            pods: &slow_pod,
            from: onset,
            took_ms: ctx.rng.range(900, 2_400),
        };
        victims.extend(callers::keys(&slow(world, &shop, &mut ctx.metrics, &drag)));
        victims.push(workload_key(&victim));
        victims.push(key("", "Node", "", &node.name));
        ctx.shows(&victim, slow_pod.first().map(String::as_str), onset);
        ctx.label("node", &node.name);
        ctx.label("percent", "99.41%");
        let field = format!(
            "spec.template.spec.containers[{}].resources.limits.cpu",
            tenant.name
        );
        let params = json!({ "field": field, "found": "unset", "expected": "500m" });
        let truth = Truth::cause(workload_key(&tenant), ID, params, victims);
        ctx.shop.workloads.push(tenant);
        truth
    }

    fn may_be_removed(&self) -> bool {
        true
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let Some(object) = world.get("Deployment", &cause.object.namespace, &cause.object.name) else {
            return false;
        };
        let limit = edits::millicores(text(object, &format!("{RESOURCES}/limits/cpu")));
        let runs = object.pointer("/spec/replicas") != Some(&json!(0));
        let own = object
            .pointer("/spec/template/spec/nodeSelector")
            .or(object.pointer("/spec/template/spec/affinity"))
            .is_some();
        runs && !own && (limit == 0.0 || limit > 2_500.0)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let bounded = json!({
            "requests": { "cpu": "500m", "memory": "512Mi" }, "limits": { "cpu": "500m", "memory": "2Gi" }
        });
        let mut remedies = vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("set-limit", edits::resources(object, &bounded)),
            Remedy::heals("scale-down", edits::scale(object, 0)),
            Remedy::fails("restart", edits::restart(object)),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            remedies.push(Remedy::fails("restart-victim", edits::restart(victim)));
            remedies.push(Remedy::fails("scale-up", edits::scale(victim, 8)));
        }
        remedies
    }
}

/// The neighbour takes what the node has left.
fn hog(world: &mut World, ctx: &mut FaultContext, tenant: &Workload, node: &Node, at: Timestamp) {
    let shop = ctx.shop.clone();
    let bounded = json!({
        "requests": { "cpu": "200m", "memory": "512Mi" }, "limits": { "cpu": "500m", "memory": "2Gi" }
    });
    let open = json!({ "requests": { "cpu": "200m", "memory": "512Mi" }, "limits": { "memory": "2Gi" } });
    let before = template(&shop, tenant, &bounded, &[("PARALLELISM", "2")]);
    let now = template(&shop, tenant, &open, &[("PARALLELISM", "16")]);
    let tenancy = Tenancy {
        workload: tenant,
        before: &before,
        now: &now,
        nodes: &[node],
        at,
    };
    let pods = deploy(world, &shop, &mut ctx.metrics, &tenancy);
    let Some(object) = pods
        .first()
        .and_then(|pod| world.get("Pod", &tenant.namespace, pod))
        .cloned()
    else {
        return;
    };
    let (cores, memory_mi) = node_usage(&shop, &node.name);
    let from = at.as_second() + 20;
    let taken = machines::CPUS - cores * 0.8 - 0.03;
    let span = machines::since_start(&shop, &object);
    ctx.metrics
        .counter(CPU, &machines::container_labels(&object), span, 20.0, |moment| {
            if moment < from {
                0.1
            } else {
                taken * (1.0 + 0.004 * wave(moment, 77))
            }
        });
    machines::cpu(&shop, &mut ctx.metrics, &node.name, |moment| {
        if moment < from {
            cores
        } else {
            machines::CPUS - 0.024
        }
    });
    set_node_usage(
        world,
        &shop,
        &node.name,
        (machines::CPUS - 0.024, memory_mi + 900.0),
    );
    set_pod_usage(world, &shop, &object, (taken * 1_000.0, 910.0));
    let name = text(&object, "/metadata/name");
    let mut lines = Lines::default();
    let mut moment = time::after(at, 4);
    while moment < shop.now() {
        let done = (moment.as_second() - at.as_second()) * 3 + 11;
        let message = format!("processed {done} of 41200 chunks, 16 tasks in parallel");
        lines.add(moment, &line(tenant, name, Level::Info, moment, &message));
        moment = time::after(moment, 97);
    }
    world.log_mut(&tenant.namespace, name, &tenant.name).current = Some(lines.to_text());
}

/// The other pods of the node get less CPU than they ask for and answer late; some probes time out
/// (`pkg/kubelet/prober/prober.go`). Returns their workloads.
fn neighbours(
    world: &mut World,
    ctx: &mut FaultContext,
    victim: &Workload,
    node: &Node,
    onset: Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let shop = ctx.shop.clone();
    let mut victims = Vec::new();
    for (workload, pod) in residents(world, &shop, &node.name) {
        if workload.kind != Kind::Deployment || !workload.voice.speaks_http() {
            continue;
        }
        starve(ctx, &shop, &workload, &pod, onset);
        if workload.role != victim.role {
            let took_ms = ctx.rng.range(500, 1_500);
            let mut rng = ctx.rng.fork(workload.role);
            slow_log(world, &workload, &pod, (onset, took_ms), &mut rng);
            victims.push(workload_key(&workload));
        }
        if workload.role == victim.role || ctx.rng.chance(40) {
            late_probes(world, ctx, &shop, &workload, &pod);
        }
    }
    victims
}

fn starve(ctx: &mut FaultContext, shop: &Shop, workload: &Workload, pod: &Value, onset: Timestamp) {
    let (cpu_m, _) = usage(
        shop,
        &workload.namespace,
        text(pod, "/metadata/name"),
        &workload.name,
    );
    let usual = f64::from(u32::try_from(cpu_m).unwrap_or(0)) / 1_000.0;
    let from = onset.as_second();
    let span = machines::since_start(shop, pod);
    ctx.metrics
        .counter(CPU, &machines::container_labels(pod), span, 4_000.0, |at| {
            usual * if at < from { 1.0 } else { 0.72 } * (1.0 + 0.05 * wave(at, 13))
        });
}

fn late_probes(world: &mut World, ctx: &mut FaultContext, shop: &Shop, workload: &Workload, pod: &Value) {
    let path = text(pod, "/spec/containers/0/readinessProbe/httpGet/path");
    let first = time::before(shop.now(), ctx.rng.range(900, 1_900));
    let happening = Happening {
        object: ("Pod", &workload.namespace, text(pod, "/metadata/name")),
        container: Some(&workload.name),
        kind: "Warning",
        reason: "Unhealthy",
        message: format!(
            "Readiness probe failed: Get \"http://{}:{}{path}\": context deadline exceeded (Client.Timeout exceeded while \
             awaiting headers)",
            text(pod, "/status/podIP"),
            workload.port
        ),
        component: "kubelet",
        node: text(pod, "/spec/nodeName"),
        first,
        last: time::before(shop.now(), ctx.rng.range(40, 200)),
        count: ctx.rng.range(4, 9),
    };
    record(&shop.stamp, world, &happening);
}
