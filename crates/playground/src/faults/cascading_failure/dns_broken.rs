//! Cluster DNS fails: an edit of the Corefile stops CoreDNS, or makes it serve another zone. Must not know how it is
//! found.
//!
//! CoreDNS words a broken Corefile `/etc/coredns/Corefile:9 - Error during parsing: Unknown directive 'fowrard'` and
//! exits (`coremain/run.go`, `coredns/caddy`); a Corefile that parses is taken over at run time (`plugin/reload`).
//! Without endpoints, kube-proxy rejects packets to the address of `kube-dns`.

use jiff::Timestamp;
use serde_json::json;

use super::edits;
use crate::build::json::{set, text};
use crate::build::log::voice::{CallFailure, failure};
use crate::build::log::{Lines, merge};
use crate::build::object::KUBECTL_EDIT;
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::system::SYSTEM;
use crate::simulate::callers::{self, Silence, peer};
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::simulate::settle::settle;
use crate::world::World;

/// `cascading-failure/dns-broken`. `params.how` is `parse` or `zone`.
pub struct DnsBroken;

const ID: &str = "cascading-failure/dns-broken";
const COREFILE: &str = "/data/Corefile";

impl Fault for DnsBroken {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(16, 44);
        let parses = match ctx.text_param("how") {
            Some(how) => how == "zone",
            None => ctx.rng.chance(50),
        };
        let Some(config) = world.get_mut("ConfigMap", SYSTEM, "coredns") else {
            return Truth::without_cause("inconclusive");
        };
        let expected = text(config, COREFILE).to_owned();
        let (line, found) = if parses {
            (
                "kubernetes",
                expected.replacen("kubernetes cluster.local", "kubernetes cluster.internal", 1),
            )
        } else {
            ("forward", expected.replacen("forward .", "fowrard .", 1))
        };
        set(config, COREFILE, json!(found));
        ctx.shop.stamp.touch(config, KUBECTL_EDIT, at, &["/data"]);
        let from = time::after(at, if parses { 38 } else { 74 });
        for pod in dns_pods(world) {
            if parses {
                reloaded(world, &pod, from);
            } else {
                refuses_to_start(world, &ctx.shop, &pod, from, &found);
            }
        }
        settle(world, &ctx.shop);
        let why = if parses {
            CallFailure::NoSuchHost
        } else {
            CallFailure::LookupFailed
        };
        let victims = fail_everywhere(world, ctx, why, time::after(from, 30));
        if let Some(front) = ctx.shop.role("storefront").cloned() {
            ctx.shows(&front, None, time::after(from, 33));
        }
        let params = json!({
            "field": format!("data.Corefile ({line})"), "found": found, "expected": expected
        });
        Truth::cause(key("", "ConfigMap", SYSTEM, "coredns"), ID, params, victims)
    }

    fn present(&self, world: &World, _: &Truth) -> bool {
        world
            .get("ConfigMap", SYSTEM, "coredns")
            .map(|config| text(config, COREFILE))
            .is_none_or(|corefile| {
                !corefile.contains("kubernetes cluster.local") || corefile.contains("fowrard")
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let expected = cause.params.pointer("/expected").cloned().unwrap_or_default();
        let whole = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "data": { "Corefile": expected.clone() } }),
        };
        let coredns = key("apps", "Deployment", SYSTEM, "coredns");
        let pods = dns_pods(world);
        let front = shop.role("storefront").map(workload_key);
        vec![
            Remedy::heals("revert-corefile", vec![whole]),
            Remedy::heals(
                "fix-directive",
                vec![edits::replace(&cause.object, COREFILE, &expected)],
            ),
            Remedy::fails("restart-dns", vec![edits::restart(shop, &coredns)]),
            Remedy::fails(
                "delete-pod",
                pods.iter()
                    .map(|pod| Step::Delete(key("", "Pod", SYSTEM, pod)))
                    .collect(),
            ),
            Remedy::fails(
                "restart",
                front.iter().map(|front| edits::restart(shop, front)).collect(),
            ),
        ]
    }
}

/// Names of the pods of CoreDNS.
fn dns_pods(world: &World) -> Vec<String> {
    world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/metadata/labels/k8s-app") == "kube-dns")
        .map(|pod| text(pod, "/metadata/name").to_owned())
        .collect()
}

/// `plugin/reload/reload.go` and `core/dnsserver/register.go`.
fn reloaded(world: &mut World, pod: &str, at: Timestamp) {
    let mut lines = Lines::default();
    for text in [
        "[INFO] Reloading",
        "[INFO] plugin/reload: Running configuration SHA512 = 1b226df79860026c6a52e67daa10d7f0d57ec5b023288ec00c5e05f93523c894564e15b91770d3a07ae1cfbe861d15b37d4a0027e69c546ab112970993a3b03b",
        "[INFO] Reloading complete",
    ] {
        lines.add(at, text);
    }
    let log = world.log_mut(SYSTEM, pod, "coredns");
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

fn refuses_to_start(world: &mut World, shop: &Shop, pod: &str, at: Timestamp, corefile: &str) {
    let number = corefile
        .lines()
        .take_while(|line| !line.contains("fowrard"))
        .count()
        + 1;
    let lives = Lives::since(at, 1, shop.now());
    crash(world, shop, SYSTEM, pod, &lives, FAILED);
    let Some(&(start, _)) = lives.finished.last() else {
        return;
    };
    let mut lines = Lines::default();
    lines.add(
        start,
        &format!("/etc/coredns/Corefile:{number} - Error during parsing: Unknown directive 'fowrard'"),
    );
    let log = world.log_mut(SYSTEM, pod, "coredns");
    log.current = Some(lines.to_text());
    log.previous = Some(lines.to_text());
}

/// Every caller fails to look up each of those that it calls; the routed ones answer 502.
fn fail_everywhere(
    world: &mut World,
    ctx: &mut FaultContext,
    why: CallFailure,
    from: Timestamp,
) -> Vec<crate::world::ObjectKey> {
    let shop = ctx.shop.clone();
    let mut victims = Vec::new();
    for caller in shop.workloads.iter().filter(|caller| !caller.calls.is_empty()) {
        victims.push(workload_key(caller));
        for callee in shop.callees(caller) {
            let silence = Silence {
                callee: callee.workload,
                why,
                from,
                until: shop.now(),
                only: &[],
            };
            let mut asked = peer(&shop, callee.workload);
            if why == CallFailure::LookupFailed {
                asked.address = own_address(world, caller);
            }
            let message = failure(caller.voice, why, &asked);
            callers::log_failures(world, caller, &silence, &message, &mut ctx.rng);
        }
        route_errors(world, ctx, &shop, caller, from);
    }
    victims
}

/// The address from which a workload asks.
fn own_address(world: &World, caller: &Workload) -> String {
    world
        .of_kind("Pod")
        .filter(|pod| text(pod, "/metadata/namespace") == caller.namespace)
        .find(|pod| text(pod, "/spec/containers/0/name") == caller.name)
        .map(|pod| text(pod, "/status/podIP").to_owned())
        .unwrap_or_default()
}

fn route_errors(world: &mut World, ctx: &mut FaultContext, shop: &Shop, caller: &Workload, from: Timestamp) {
    if caller.path.is_none() {
        return;
    }
    let silence = Silence {
        callee: caller,
        why: CallFailure::NoSuchHost,
        from,
        until: shop.now(),
        only: &[],
    };
    callers::edge(
        world,
        shop,
        &mut ctx.metrics,
        caller,
        (502, 0.9),
        &silence,
        &mut ctx.rng,
    );
}
