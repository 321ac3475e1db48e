//! A controller of the platform was told to look at everything every second instead of every few minutes: its lists fill
//! the API server's queues, and others are turned away. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::json::{number, text};
use crate::build::log::voice::{Level, klog, line};
use crate::build::log::{Lines, merge};
use crate::build::metrics::Metrics;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::shop::system::SYSTEM;
use crate::shop::telemetry::{aligned, wave};
use crate::simulate::callers::pods_of;
use crate::simulate::tenant::{Tenancy, background, deploy, template};
use crate::world::World;

/// `cascading-failure/control-plane-overload`.
pub struct ControlPlaneOverload;

const ID: &str = "cascading-failure/control-plane-overload";
/// Variable of the controller: seconds between two looks at everything.
const INTERVAL: &str = "RESYNC_SECONDS";
const USUAL: &str = "300";
/// What client-go makes of a 429 (`apimachinery/pkg/api/errors`, `NewGenericServerResponse`).
const TURNED_AWAY: &str = "the server has received too many requests and has asked us to try again later";

impl Fault for ControlPlaneOverload {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 55);
        let Some(front) = ctx.shop.role("ingress").cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let mut tenant = background(&ctx.shop, "inventory", "platform", 2);
        tenant.voice = Voice::Go;
        let found = *ctx.rng.pick(&["1", "2"]).unwrap_or(&"1");
        let pods = install(world, ctx, &tenant, found, at);
        let from = time::after(at, ctx.rng.range(25, 60));
        let rate = 90.0 + 120.0 * ctx.rng.fraction();
        requests(world, ctx, (&tenant, &pods), rate, from);
        complaints(world, ctx, (&tenant, &pods), &front, from);
        ctx.shows(&front, None, from);
        let (whole, tenth) = (ctx.rng.range(21, 48), ctx.rng.range(1, 9));
        ctx.label("percent", &format!("{whole}.{tenth}%"));
        let params = json!({
            "field": format!("spec.template.spec.containers[{}].env[{INTERVAL}].value", tenant.name),
            "found": found, "expected": USUAL
        });
        let truth = Truth::cause(workload_key(&tenant), ID, params, vec![workload_key(&front)]);
        ctx.shop.workloads.push(tenant);
        truth
    }

    fn may_be_removed(&self) -> bool {
        true
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            let is_run = world
                .object(&cause.object)
                .is_some_and(|object| number(object, "/spec/replicas") > 0);
            let seconds = edits::env_of(world, &cause.object, INTERVAL).parse::<i64>();
            is_run && seconds.is_ok_and(|seconds| seconds < 30)
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        vec![
            Remedy::heals("rollout-undo", edits::undo(world, workload)),
            Remedy::heals("slow-down", vec![edits::set_env(workload, INTERVAL, USUAL)]),
            Remedy::heals("scale-down", vec![edits::scale(workload, 0)]),
            Remedy::fails("restart", vec![edits::restart(shop, &cause.object)]),
            Remedy::fails("delete-pod", edits::delete_pods(world, workload)),
        ]
    }
}

fn install(
    world: &mut World,
    ctx: &mut FaultContext,
    tenant: &Workload,
    seconds: &str,
    at: Timestamp,
) -> Vec<String> {
    let shop = ctx.shop.clone();
    let sized = json!({ "requests": { "cpu": "100m", "memory": "256Mi" }, "limits": { "memory": "1Gi" } });
    let before = template(&shop, tenant, &sized, &[(INTERVAL, USUAL)]);
    let now = template(&shop, tenant, &sized, &[(INTERVAL, seconds)]);
    let nodes: Vec<_> = (0..tenant.replicas)
        .filter_map(|ordinal| shop.place(&tenant.name, ordinal))
        .collect();
    let tenancy = Tenancy {
        workload: tenant,
        before: &before,
        now: &now,
        nodes: &nodes,
        at,
    };
    deploy(world, &shop, &mut ctx.metrics, &tenancy)
}

/// client-go's counter of each client (`component-base/metrics/prometheus/restclient`), and the API server's of what priority
/// and fairness rejected (`apiserver/pkg/util/flowcontrol/metrics`).
fn requests(
    world: &World,
    ctx: &mut FaultContext,
    (tenant, pods): (&Workload, &[String]),
    rate: f64,
    from: Timestamp,
) {
    let shop = ctx.shop.clone();
    let onset = from.as_second();
    let share = rate / f64::from(u32::try_from(pods.len().max(1)).unwrap_or(1));
    for pod in pods {
        let Some(object) = world.get("Pod", &tenant.namespace, pod) else {
            continue;
        };
        client(&mut ctx.metrics, &shop, object, ("200", 0.7 * share), |_| 1.0);
        client(&mut ctx.metrics, &shop, object, ("429", 0.3 * share), |at| {
            f64::from(u8::from(at > onset))
        });
    }
    let others: Vec<Value> = world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/metadata/namespace") == SYSTEM)
        .filter(|pod| text(pod, "/metadata/ownerReferences/0/kind") == "ReplicaSet")
        .cloned()
        .collect();
    for pod in &others {
        let phase = shop.stamp.hash(text(pod, "/metadata/name")) % 600;
        client(&mut ctx.metrics, &shop, pod, ("200", 1.4), |at| {
            1.0 + 0.2 * wave(at, phase)
        });
        client(&mut ctx.metrics, &shop, pod, ("429", 0.2), |at| {
            f64::from(u8::from(at > onset))
        });
    }
    let span = aligned(time::before(shop.now(), 7_200), shop.now(), 60);
    let server = [("job", "apiserver"), ("instance", "10.0.0.5:6443")];
    let mut labels = server.to_vec();
    labels.extend([
        ("flow_schema", "service-accounts"),
        ("priority_level", "workload-low"),
        ("reason", "queue-full"),
    ]);
    let rejected = |at: i64| if at > onset { 0.35 * rate } else { 0.0 };
    let name = "apiserver_flowcontrol_rejected_requests_total";
    ctx.metrics.counter(name, &labels, span, 0.0, rejected);
    let mut labels = server.to_vec();
    labels.extend([("verb", "LIST"), ("resource", "pods"), ("code", "429")]);
    ctx.metrics
        .counter("apiserver_request_total", &labels, span, 0.0, rejected);
    // `apiserver/pkg/server/filters/priority-and-fairness.go`, `RecordRequestTermination`.
    ctx.metrics.counter(
        "apiserver_request_terminations_total",
        &labels,
        span,
        0.0,
        rejected,
    );
}

/// One series of a client.
fn client(
    metrics: &mut Metrics,
    shop: &Shop,
    pod: &Value,
    (code, rate): (&str, f64),
    factor: impl Fn(i64) -> f64,
) {
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(shop.now());
    let span = aligned(started.max(time::before(shop.now(), 7_200)), shop.now(), 60);
    let labels = [
        ("namespace", text(pod, "/metadata/namespace")),
        ("pod", text(pod, "/metadata/name")),
        ("code", code),
        ("method", "GET"),
        ("host", "10.96.0.1:443"),
    ];
    metrics.counter("rest_client_requests_total", &labels, span, 0.0, |at| {
        rate * factor(at)
    });
}

/// The greedy client and one that only keeps its lease are both turned away (client-go `tools/leaderelection`).
fn complaints(
    world: &mut World,
    ctx: &mut FaultContext,
    (tenant, pods): (&Workload, &[String]),
    front: &Workload,
    from: Timestamp,
) {
    let mut rng = ctx.rng.fork("turned away");
    for pod in pods {
        let mut lines = Lines::default();
        let mut at = from;
        while at < ctx.shop.now() {
            let words = format!("resync: failed to list pods in all namespaces: {TURNED_AWAY} (get pods)");
            lines.add(at, &line(tenant, pod, Level::Error, at, &words));
            at = time::after(at, rng.range(8, 30));
        }
        add(world, tenant, pod, &lines);
    }
    for pod in pods_of(world, front) {
        let mut lines = Lines::default();
        let mut at = time::after(from, rng.range(5, 60));
        while at < ctx.shop.now() {
            let words = format!(
                "error retrieving resource lock {}/ingress-nginx-leader: {TURNED_AWAY} (get leases.coordination.k8s.io \
                 ingress-nginx-leader)",
                front.namespace
            );
            lines.add(at, &klog(Level::Error, at, "leaderelection.go:436", &words));
            at = time::after(at, rng.range(60, 240));
        }
        let name = text(&pod, "/metadata/name").to_owned();
        add(world, front, &name, &lines);
    }
}

fn add(world: &mut World, workload: &Workload, pod: &str, lines: &Lines) {
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), lines));
}
