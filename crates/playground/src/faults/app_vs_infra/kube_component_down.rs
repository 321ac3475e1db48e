//! kube-proxy does not run on one node, and a Service's endpoints have changed since: pods of that node call addresses that
//! nobody has any more. Must not know how it is found.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use super::network_degraded::node_of;
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::log::merge;
use crate::build::log::voice::{CallFailure, Level, failure, klog, line};
use crate::build::service::is_ready;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::system::SYSTEM;
use crate::shop::telemetry::{request_rate, requests};
use crate::simulate::callers::{peer, pods_of};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::simulate::rollout::{Change, rollout};
use crate::world::{ContainerLog, World};

/// `app-vs-infra/kube-component-down`.
pub struct KubeComponentDown;

const ID: &str = "app-vs-infra/kube-component-down";
const PROXY: &str = "kube-proxy";

impl Fault for KubeComponentDown {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let broken = ctx.minutes_ago(45, 58);
        let at = ctx.minutes_ago(20, 40);
        let Some(caller) = ctx.pick_role(&["checkout"]) else {
            return Truth::without_cause("inconclusive");
        };
        let (Some(callee), Some(node)) = (ctx.shop.role("orders").cloned(), node_of(world, &caller)) else {
            return Truth::without_cause("inconclusive");
        };
        stop_proxy(world, ctx, &node, broken);
        release(world, ctx, &callee, at);
        let from = time::after(at, 35);
        let mut victims = stale(world, ctx, &callee, &node, from);
        answers(ctx, &caller, from);
        ctx.shows(&caller, None, from);
        if let Some(symptom) = &mut ctx.symptom {
            symptom.front = Some(workload_key(&caller));
        }
        ctx.label("node", &node);
        ctx.label("daemonset", PROXY);
        ctx.label("daemonset_namespace", SYSTEM);
        victims.extend(edits::residents(world, &node));
        victims.push(key("", "Service", &callee.namespace, &callee.name));
        let params = json!({ "field": "status.numberReady", "found": null, "expected": null, "node": node });
        Truth::cause(key("apps", "DaemonSet", SYSTEM, PROXY), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.root_causes.first().is_some_and(|cause| {
            let node = text(&cause.params, "/node");
            let proxies = world.of_kind("Pod").any(|pod| {
                text(pod, "/metadata/ownerReferences/0/name") == cause.object.name
                    && text(pod, "/spec/nodeName") == node
                    && is_ready(pod)
            });
            !proxies && edits::strikes(world, node)
        })
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let node = text(&cause.params, "/node");
        let mut out = vec![
            Remedy::heals("drain", edits::drain(world, node)),
            Remedy::heals("delete-node", edits::delete_node(node)),
            Remedy::heals("taint", edits::taint(world, node)),
            Remedy::fails("cordon", edits::cordon(node)),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            out.push(Remedy::fails("restart", edits::restart(victim)));
            out.push(Remedy::fails("scale-up", edits::scale(victim, 6)));
        }
        out
    }
}

/// kube-proxy cannot set the conntrack limit (`cmd/kube-proxy/app/conntrack.go`) and exits (`server.go`).
fn stop_proxy(world: &mut World, ctx: &mut FaultContext, node: &str, at: Timestamp) {
    let pod = world
        .of_kind("Pod")
        .find(|pod| {
            text(pod, "/metadata/ownerReferences/0/name") == PROXY && text(pod, "/spec/nodeName") == node
        })
        .map(|pod| text(pod, "/metadata/name").to_owned());
    let Some(pod) = pod else { return };
    let lives = Lives::since(at, ctx.rng.range(2, 5), ctx.shop.now());
    crash(world, &ctx.shop, SYSTEM, &pod, &lives, FAILED);
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let mut lines = Lines::default();
    let hello = "\"Successfully retrieved node IP(s)\" IPs=[\"10.0.1.51\"]";
    lines.add(start, &klog(Level::Info, start, "server.go:715", hello));
    let set_limit = "\"Set sysctl\" entry=\"net/netfilter/nf_conntrack_max\" value=131072";
    lines.add(start, &klog(Level::Info, start, "conntrack.go:58", set_limit));
    let failed = "\"Error running ProxyServer\" err=\"open /proc/sys/net/netfilter/nf_conntrack_max: permission denied\"";
    lines.add(end, &klog(Level::Error, end, "server.go:466", failed));
    let text = lines.to_text();
    *world.log_mut(SYSTEM, &pod, PROXY) = ContainerLog {
        current: Some(text.clone()),
        previous: Some(text),
        ..ContainerLog::default()
    };
}

/// An ordinary rollout, after which the Service has other addresses.
fn release(world: &mut World, ctx: &mut FaultContext, callee: &Workload, at: Timestamp) {
    let image = callee.image_at(callee.next_version());
    let change = Change::of(callee, at, true);
    rollout(world, &ctx.shop, &mut ctx.metrics, &change, |template| {
        set(template, "/spec/containers/0/image", json!(image));
    });
}

/// Callers on the node get no answer; those elsewhere do.
fn stale(
    world: &mut World,
    ctx: &mut FaultContext,
    callee: &Workload,
    node: &str,
    from: Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let callers: Vec<Workload> = ctx.shop.callers(callee).cloned().collect();
    let mut victims = Vec::new();
    for caller in &callers {
        let message = failure(caller.voice, CallFailure::TimedOut, &peer(&ctx.shop, callee));
        for pod in pods_of(world, caller) {
            if text(&pod, "/spec/nodeName") != node {
                continue;
            }
            let name = text(&pod, "/metadata/name").to_owned();
            let mut lines = Lines::default();
            let mut at = time::after(from, ctx.rng.range(3, 30));
            while at < ctx.shop.now() {
                lines.add(at, &line(caller, &name, Level::Error, at, &message));
                at = time::after(at, ctx.rng.range(18, 45));
            }
            let log = world.log_mut(&caller.namespace, &name, &caller.name);
            log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
            victims.push(workload_key(caller));
        }
    }
    victims.sort();
    victims.dedup();
    victims
}

fn answers(ctx: &mut FaultContext, backend: &Workload, from: Timestamp) {
    let rate = request_rate(&ctx.shop, backend);
    let failing = |at: i64| at > from.as_second();
    requests(&ctx.shop, &mut ctx.metrics, backend, "504", |at| {
        if failing(at) { rate * 0.34 } else { 0.0 }
    });
    requests(&ctx.shop, &mut ctx.metrics, backend, "200", |at| {
        rate * if failing(at) { 0.64 } else { 0.97 }
    });
}
