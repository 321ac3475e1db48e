//! A neighbour without a memory limit fills a node, far above its request: the kernel kills other processes of the node
//! and the kubelet evicts pods there. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::text;
use crate::build::log::Lines;
use crate::build::log::voice::{CallFailure, Level, line};
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::telemetry::{WORKING_SET, machines, mebibytes, wave};
use crate::shop::{Node, Shop, chatter};
use crate::simulate::callers::{self, Silence};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{OOM_KILLED, crash};
use crate::simulate::pressure::{Shortage, elsewhere, evict, node_event, press, replace, residents};
use crate::simulate::tenant::{Tenancy, background, deploy, template};
use crate::simulate::usage::{node_usage, set_node_usage, set_pod_usage, usage};
use crate::world::World;

/// `resource-exhaustion/node-memory-starvation`.
pub struct NodeMemoryStarvation;

const ID: &str = "resource-exhaustion/node-memory-starvation";
const RESOURCES: &str = "/spec/template/spec/containers/0/resources";
const MIB: f64 = 1_048_576.0;

/// What happens on the node.
struct Starvation<'a> {
    node: &'a Node,
    /// The neighbour.
    tenant: &'a Workload,
    /// Since when it fills the node.
    at: Timestamp,
    /// When memory ran out.
    short: Timestamp,
    /// What the neighbour uses in the end, in MiB.
    used_mi: f64,
}

impl Fault for NodeMemoryStarvation {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(48, 75);
        let Some((victim, pod, node)) = victim(world, ctx) else {
            return Truth::without_cause("inconclusive");
        };
        let tenant = background(&ctx.shop, "crunch", "platform", 1);
        let short = time::after(at, ctx.rng.range(8, 16) * 60);
        let (_, usual_mi) = node_usage(&ctx.shop, &node.name);
        let starvation = Starvation {
            node: &node,
            tenant: &tenant,
            at,
            short,
            used_mi: machines::MEMORY_MI - usual_mi - 130.0,
        };
        let workers = ctx.rng.range(40, 64);
        hog(world, ctx, &starvation, workers);
        press(world, &ctx.shop, &node.name, Shortage::Memory, short);
        let killed = kill(world, ctx, &starvation, &victim, &pod);
        let mut victims = push_out(world, ctx, &starvation, &victim);
        victims.push(workload_key(&victim));
        let silence = Silence {
            callee: &victim,
            why: CallFailure::Refused,
            from: killed,
            until: ctx.shop.now(),
            only: &[],
        };
        let shop = ctx.shop.clone();
        victims.extend(callers::keys(&callers::fail(
            world,
            &shop,
            &mut ctx.metrics,
            &silence,
        )));
        ctx.shows(&victim, Some(&pod), killed);
        ctx.label("node", &node.name);
        ctx.label("condition", "MemoryPressure");
        let field = format!(
            "spec.template.spec.containers[{}].resources.limits.memory",
            tenant.name
        );
        let params = json!({ "field": field, "found": "unset", "expected": "2Gi" });
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
        let limit = mebibytes(text(object, &format!("{RESOURCES}/limits/memory")));
        let request = mebibytes(text(object, &format!("{RESOURCES}/requests/memory")));
        let runs = object.pointer("/spec/replicas") != Some(&json!(0));
        runs && (limit == 0.0 || limit > 6_144.0) && request < 6_144.0
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let object = &cause.object;
        let bounded =
            json!({ "requests": { "cpu": "200m", "memory": "2Gi" }, "limits": { "memory": "2Gi" } });
        let mut remedies = vec![
            Remedy::heals("rollout-undo", edits::undo(world, object)),
            Remedy::heals("set-limit", edits::resources(object, &bounded)),
            Remedy::heals("scale-down", edits::scale(object, 0)),
            Remedy::fails("restart", edits::restart(object)),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            let raised = json!({ "requests": { "memory": "1Gi" }, "limits": { "memory": "2Gi" } });
            remedies.push(Remedy::fails("raise-limit", edits::resources(victim, &raised)));
            remedies.push(Remedy::fails("delete-pod", edits::delete_pods(world, victim)));
        }
        remedies
    }
}

/// A workload with a pod of its own on some node.
fn victim(world: &World, ctx: &mut FaultContext) -> Option<(Workload, String, Node)> {
    let workload = ctx.pick_stateless()?;
    let pods = callers::pods_of(world, &workload);
    let pod = ctx.rng.pick(&pods)?;
    let node = ctx
        .shop
        .nodes
        .iter()
        .find(|node| node.name == text(pod, "/spec/nodeName"))?;
    Some((workload, text(pod, "/metadata/name").to_owned(), node.clone()))
}

/// The neighbour: many workers, none of them big, together most of the node's memory. The kernel scores processes, and
/// those of pods with small requests score higher (`pkg/kubelet/qos/policy.go`).
fn hog(world: &mut World, ctx: &mut FaultContext, starvation: &Starvation<'_>, workers: i64) {
    let (shop, tenant) = (ctx.shop.clone(), starvation.tenant);
    let bounded = json!({ "requests": { "cpu": "200m", "memory": "512Mi" }, "limits": { "memory": "2Gi" } });
    let open = json!({ "requests": { "cpu": "200m", "memory": "512Mi" } });
    let count = workers.to_string();
    let before = template(&shop, tenant, &bounded, &[("WORKERS", "8")]);
    let now = template(&shop, tenant, &open, &[("WORKERS", &count)]);
    let tenancy = Tenancy {
        workload: tenant,
        before: &before,
        now: &now,
        nodes: &[starvation.node],
        at: starvation.at,
    };
    let pods = deploy(world, &shop, &mut ctx.metrics, &tenancy);
    let Some(object) = pods
        .first()
        .and_then(|pod| world.get("Pod", &tenant.namespace, pod))
        .cloned()
    else {
        return;
    };
    let span = machines::since_start(&shop, &object);
    let used = |at: i64| grown(starvation, at);
    ctx.metrics
        .gauge(WORKING_SET, &machines::container_labels(&object), span, |at| {
            (used(at) * MIB).round()
        });
    let node = &starvation.node.name;
    let (cores, usual_mi) = node_usage(&shop, node);
    machines::memory(&shop, &mut ctx.metrics, node, |at| usual_mi + used(at));
    set_node_usage(world, &shop, node, (cores + 0.6, usual_mi + starvation.used_mi));
    set_pod_usage(world, &shop, &object, (610.0, starvation.used_mi));
    worker_log(world, &shop, starvation, &object, workers);
}

/// The neighbour's working set over time, in MiB.
fn grown(starvation: &Starvation<'_>, at: i64) -> f64 {
    let (start, full) = (starvation.at.as_second(), starvation.short.as_second());
    if at < start {
        return 0.0;
    }
    let age = f64::from(i32::try_from(at - start).unwrap_or(0));
    let span = f64::from(i32::try_from((full - start).max(1)).unwrap_or(1));
    let share = (age / span).min(1.0);
    let ripple = if share < 1.0 { 0.0 } else { 0.008 * wave(at, 31) };
    400.0 + (starvation.used_mi - 400.0) * (share + ripple)
}

fn worker_log(world: &mut World, shop: &Shop, starvation: &Starvation<'_>, pod: &Value, workers: i64) {
    let (tenant, name) = (starvation.tenant, text(pod, "/metadata/name"));
    let mut lines = Lines::default();
    let mut at = time::after(starvation.at, 4);
    let mut say = |at: Timestamp, message: &str| lines.add(at, &line(tenant, name, Level::Info, at, message));
    say(at, &format!("starting {workers} worker processes"));
    let mut batch = 1;
    while at < shop.now() {
        let rows = 40_000 + shop.stamp.hash(&format!("rows/{batch}")) % 9_000;
        say(
            at,
            &format!("batch {batch}: loaded {rows} rows into each of {workers} workers"),
        );
        batch += 1;
        at = time::after(at, 73);
    }
    world.log_mut(&tenant.namespace, name, &tenant.name).current = Some(lines.to_text());
}

/// The kernel kills the victim's process again and again (`pkg/kubelet/oom/oom_watcher_linux.go`; the runtime reports
/// OOMKilled for a kill of the whole machine too, as `memory.events` of cgroup v2 counts it). Returns the first kill.
fn kill(
    world: &mut World,
    ctx: &mut FaultContext,
    starvation: &Starvation<'_>,
    victim: &Workload,
    pod: &str,
) -> Timestamp {
    let shop = ctx.shop.clone();
    let Some(object) = world.get("Pod", &victim.namespace, pod).cloned() else {
        return starvation.short;
    };
    let life_s = ctx.rng.range(55, 130);
    let started = time::before(starvation.short, life_s);
    let mut lives = Lives::since(started, life_s, shop.now());
    let killed = lives.finished.first().map_or(starvation.short, |(_, end)| *end);
    if let Some(first) = lives.finished.first_mut() {
        first.0 = time::parse(text(&object, "/status/startTime")).unwrap_or(started);
    }
    crash(world, &shop, &victim.namespace, pod, &lives, OOM_KILLED);
    let log = lives
        .finished
        .last()
        .map(|life| chatter::application(world, &shop, victim, pod, *life).to_text());
    let current = lives
        .running_since
        .map(|since| chatter::application(world, &shop, victim, pod, (since, shop.now())).to_text());
    let kept = world.log_mut(&victim.namespace, pod, &victim.name);
    kept.current = current.or_else(|| log.clone());
    kept.previous = log;
    let process = process_of(victim);
    for (index, (_, end)) in lives.finished.iter().enumerate() {
        let pid = 20_000 + shop.stamp.hash(&format!("pid/{pod}/{index}")) % 90_000;
        let message = format!("System OOM encountered, victim process: {process}, pid: {pid}");
        node_event(
            world,
            &shop,
            &starvation.node.name,
            ("Warning", "SystemOOM", message),
            (*end, *end, 1),
        );
    }
    killed
}

/// Name of a process of an application, as the kernel shows it.
fn process_of(workload: &Workload) -> &'static str {
    use crate::build::workload::Voice;
    match workload.voice {
        Voice::Node => "node",
        Voice::Java => "java",
        Voice::Python => "gunicorn",
        _ => "server",
    }
}

/// Evicts pods of the node that use more than they request, and returns their workloads.
fn push_out(
    world: &mut World,
    ctx: &mut FaultContext,
    starvation: &Starvation<'_>,
    victim: &Workload,
) -> Vec<crate::world::ObjectKey> {
    let shop = ctx.shop.clone();
    let node = &starvation.node.name;
    let over = |workload: &Workload| {
        workload.kind == Kind::Deployment
            && workload.volume_gi.is_none()
            && workload.memory_use_mi > workload.memory_request_mi
            && workload.role != victim.role
    };
    let leaving: Vec<(Workload, Value)> = residents(world, &shop, node)
        .into_iter()
        .filter(|(workload, _)| over(workload))
        .take(2)
        .collect();
    let mut at = time::after(starvation.short, 20);
    let mut victims = Vec::new();
    for (workload, pod) in leaving {
        let name = text(&pod, "/metadata/name");
        let (_, used_mi) = usage(&shop, &workload.namespace, name, &workload.name);
        let message = format!(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: {}Ki. Container {} was using {}Ki, \
             request is {}Mi, has larger consumption of memory. ",
            60_000 + shop.stamp.hash(name) % 38_000,
            workload.name,
            used_mi * 1024 + 152,
            workload.memory_request_mi
        );
        evict(
            world,
            &shop,
            &mut ctx.metrics,
            (&workload.namespace, name),
            &message,
            at,
        );
        if let Some(other) = elsewhere(&shop, &[node]) {
            replace(
                world,
                &shop,
                &mut ctx.metrics,
                &workload,
                other,
                time::after(at, 1),
            );
        }
        victims.push(workload_key(&workload));
        at = time::after(at, 40);
    }
    victims.push(key("", "Node", "", node));
    victims
}
