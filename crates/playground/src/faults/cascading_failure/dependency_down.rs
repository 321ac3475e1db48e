//! A backend that hangs: its process runs, its port is open, and it answers nobody. Must not know how it is found.
//!
//! A probe that only opens the port stays green: the kernel completes the handshake for a process that no longer
//! accepts (`listen(2)`, backlog).

use serde_json::{Value, json};

use super::edits;
use crate::build::json::text;
use crate::build::log::until;
use crate::build::log::voice::CallFailure;
use crate::build::metrics::Span;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::{CPU, aligned};
use crate::simulate::callers::{self, Silence, pods_of};
use crate::world::World;

/// `cascading-failure/dependency-down`.
pub struct DependencyDown;

const ID: &str = "cascading-failure/dependency-down";

impl Fault for DependencyDown {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(22, 48);
        let Some(backend) = ctx.pick_role(&["redis", "postgres", "index", "broker"]) else {
            return Truth::without_cause("inconclusive");
        };
        let pods = pods_of(world, &backend);
        for pod in &pods {
            fall_silent(world, ctx, &backend, pod, at);
        }
        let silence = Silence {
            callee: &backend,
            why: CallFailure::TimedOut,
            from: time::after(at, 5),
            until: ctx.shop.now(),
            only: &[],
        };
        let affected: Vec<Workload> = callers::fail(world, &ctx.shop, &mut ctx.metrics, &silence)
            .into_iter()
            .cloned()
            .collect();
        if let Some(nearest) = affected.first() {
            ctx.shows(nearest, None, time::after(at, 9));
        }
        let mut victims: Vec<_> = affected.iter().map(workload_key).collect();
        victims.push(key("", "Service", &backend.namespace, &backend.name));
        let uids: Vec<&str> = pods.iter().map(|pod| text(pod, "/metadata/uid")).collect();
        let params = json!({
            "field": "log", "found": format!("silent since {}", time::seconds(at)), "expected": "answers",
            "uids": uids
        });
        Truth::cause(workload_key(&backend), ID, params, victims)
    }

    /// The processes that hang are still those.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let hanging = crate::build::json::items(&cause.params, "/uids");
        !edits::was_restarted(world, &cause.object)
            && world.of_kind("Pod").any(|pod| {
                hanging
                    .iter()
                    .any(|uid| pod.pointer("/metadata/uid") == Some(uid))
                    && pod.pointer("/metadata/deletionTimestamp").is_none()
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(backend) = shop.named(&cause.object.namespace, &cause.object.name) else {
            return Vec::new();
        };
        let callers: Vec<&Workload> = shop.callers(backend).collect();
        vec![
            Remedy::heals("restart-backend", vec![edits::restart(shop, &cause.object)]),
            Remedy::heals("delete-pod", edits::delete_pods(world, backend)),
            Remedy::fails(
                "restart",
                callers
                    .iter()
                    .map(|caller| edits::restart(shop, &workload_key(caller)))
                    .collect(),
            ),
            Remedy::fails(
                "scale-up",
                callers
                    .iter()
                    .map(|caller| edits::scale(caller, caller.replicas + 2))
                    .collect(),
            ),
        ]
    }
}

/// The log stops and the process uses no processor time any more.
fn fall_silent(
    world: &mut World,
    ctx: &mut FaultContext,
    backend: &Workload,
    pod: &Value,
    at: jiff::Timestamp,
) {
    let name = text(pod, "/metadata/name");
    let log = world.log_mut(&backend.namespace, name, &backend.name);
    log.current = log.current.take().map(|lines| until(&lines, at));
    let labels = [
        ("namespace", backend.namespace.as_str()),
        ("pod", name),
        ("container", backend.name.as_str()),
        ("node", text(pod, "/spec/nodeName")),
    ];
    let span: Span = aligned(time::before(ctx.shop.now(), 5_400), ctx.shop.now(), 120);
    let rate = f64::from(u32::try_from(backend.cpu_m).unwrap_or(100)) / 3_000.0;
    ctx.metrics
        .counter(CPU, &labels, span, rate * 90_000.0, |moment| {
            if moment > at.as_second() {
                rate * 0.01
            } else {
                rate
            }
        });
}
