//! What callers of a workload show while it does not answer: their logs, the ingress's log and counters. Must not
//! know why it does not answer.

use jiff::Timestamp;
use serde_json::Value;

use crate::build::json::text;
use crate::build::log::voice::{CallFailure, Level, Peer, failure, klog, line, request};
use crate::build::log::{Lines, merge};
use crate::build::metrics::Metrics;
use crate::build::service::cluster_ip;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::rng::Rng;
use crate::shop::{Shop, chatter, telemetry};
use crate::world::{ObjectKey, World};

/// A workload that does not answer some or all of its callers.
#[derive(Debug, Clone, Copy)]
pub struct Silence<'a> {
    /// The workload.
    pub callee: &'a Workload,
    /// How calls to it fail.
    pub why: CallFailure,
    /// When that began.
    pub from: Timestamp,
    /// When it ended, or the frozen clock.
    pub until: Timestamp,
    /// Callers that are affected; empty for all.
    pub only: &'a [&'a str],
}

/// Writes the consequences and returns the affected workloads, nearest first.
pub fn fail<'a>(
    world: &mut World,
    shop: &'a Shop,
    metrics: &mut Metrics,
    silence: &Silence<'a>,
) -> Vec<&'a Workload> {
    let mut rng = Rng::new(shop.stamp.hash(&format!("fail/{}", silence.callee.name)));
    let direct: Vec<&Workload> = shop
        .callers(silence.callee)
        .filter(|caller| silence.only.is_empty() || silence.only.contains(&caller.role))
        .collect();
    let mut affected: Vec<&Workload> = Vec::new();
    for caller in direct {
        let message = failure(caller.voice, silence.why, &peer(shop, silence.callee));
        log_failures(world, caller, silence, &message, &mut rng);
        affected.push(caller);
    }
    spread(world, shop, metrics, &mut affected, silence, &mut rng);
    if silence.callee.path.is_some() && (silence.only.is_empty() || silence.only.contains(&"ingress")) {
        let status = if silence.why == CallFailure::TimedOut {
            504
        } else {
            503
        };
        edge(
            world,
            shop,
            metrics,
            silence.callee,
            (status, 0.99),
            silence,
            &mut rng,
        );
    }
    affected
}

/// A workload that answers its callers with errors: their logs, and the ingress for routes that lead to any of them.
/// Returns the affected callers, nearest first.
pub fn errors<'a>(
    world: &mut World,
    shop: &'a Shop,
    metrics: &mut Metrics,
    failing: &'a Workload,
    (from, until): (Timestamp, Timestamp),
) -> Vec<&'a Workload> {
    let mut rng = Rng::new(shop.stamp.hash(&format!("errors/{}", failing.name)));
    let silence = Silence {
        callee: failing,
        why: CallFailure::Refused,
        from,
        until,
        only: &[],
    };
    let mut chain: Vec<&Workload> = vec![failing];
    let mut next = 0;
    while let Some(callee) = chain.get(next).copied() {
        let status = if next == 0 { 500 } else { 502 };
        next += 1;
        if !callee.voice.speaks_http() {
            continue;
        }
        let callers: Vec<&Workload> = shop.callers(callee).collect();
        for caller in callers {
            if chain.iter().any(|known| known.role == caller.role) {
                continue;
            }
            let url = format!("http://{}:{}/v1/items", callee.host(), callee.port);
            let message = format!("upstream call failed: unexpected status {status} from GET {url}");
            log_failures(world, caller, &silence, &message, &mut rng);
            chain.push(caller);
        }
    }
    for backend in chain.iter().filter(|workload| workload.path.is_some()) {
        let (status, share) = if backend.role == failing.role {
            (500, 0.93)
        } else {
            (502, 0.34)
        };
        edge(world, shop, metrics, backend, (status, share), &silence, &mut rng);
    }
    chain.remove(0);
    chain
}

/// Writes what the callers of a workload show that answers with errors itself, and returns them, nearest first.
pub fn answer_errors<'a>(
    world: &mut World,
    shop: &'a Shop,
    metrics: &mut Metrics,
    silence: &Silence<'a>,
) -> Vec<&'a Workload> {
    let mut rng = Rng::new(shop.stamp.hash(&format!("errors/{}", silence.callee.name)));
    let mut affected = vec![silence.callee];
    spread(world, shop, metrics, &mut affected, silence, &mut rng);
    affected.remove(0);
    affected
}

/// Lets errors climb from the workloads that fail to those that call them, and to the routes.
fn spread<'a>(
    world: &mut World,
    shop: &'a Shop,
    metrics: &mut Metrics,
    affected: &mut Vec<&'a Workload>,
    silence: &Silence<'_>,
    rng: &mut Rng,
) {
    let mut next = 0;
    while let Some(failing) = affected.get(next).copied() {
        next += 1;
        let callers: Vec<&Workload> = shop.callers(failing).collect();
        for caller in callers {
            if affected.iter().any(|known| known.role == caller.role) || !failing.voice.speaks_http() {
                continue;
            }
            let url = format!("http://{}:{}/v1/items", failing.host(), failing.port);
            let message = format!("upstream call failed: unexpected status 502 from GET {url}");
            log_failures(world, caller, silence, &message, rng);
            affected.push(caller);
        }
    }
    for backend in affected.iter().filter(|workload| workload.path.is_some()) {
        edge(world, shop, metrics, backend, (502, 0.34), silence, rng);
    }
}

/// Keys of workloads.
pub fn keys(workloads: &[&Workload]) -> Vec<ObjectKey> {
    workloads
        .iter()
        .map(|workload| ObjectKey {
            group: "apps".to_owned(),
            kind: workload.kind.name().to_owned(),
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
        })
        .collect()
}

/// The pods of a workload, whatever owns them.
pub fn pods_of(world: &World, workload: &Workload) -> Vec<Value> {
    world
        .of_kind("Pod")
        .filter(|pod| {
            text(pod, "/metadata/namespace") == workload.namespace
                && text(pod, "/spec/containers/0/name") == workload.name
        })
        .cloned()
        .collect()
}

/// The other side of a call to `callee`.
pub fn peer(shop: &Shop, callee: &Workload) -> Peer {
    let path = match callee.voice {
        voice if voice.speaks_http() => "/v1/items",
        Voice::Search => "/items/_search",
        _ => "",
    };
    Peer {
        host: callee.host(),
        address: cluster_ip(&shop.stamp, &callee.namespace, &callee.name),
        port: callee.port,
        path: path.to_owned(),
        voice: callee.voice,
    }
}

/// Lets the running pods of a workload log failures of requests, with what they answer to them.
pub fn log_failures(
    world: &mut World,
    caller: &Workload,
    silence: &Silence<'_>,
    message: &str,
    rng: &mut Rng,
) {
    for pod in pods_of(world, caller) {
        if pod.pointer("/status/containerStatuses/0/state/running").is_none() {
            continue;
        }
        let name = text(&pod, "/metadata/name");
        let started = time::parse(text(&pod, "/status/containerStatuses/0/state/running/startedAt"));
        let mut lines = Lines::default();
        let mut at = time::after(
            silence.from.max(started.unwrap_or(silence.from)),
            rng.range(2, 19),
        );
        while at < silence.until {
            lines.add(at, &line(caller, name, Level::Error, at, message));
            if caller.voice != Voice::Nginx && rng.chance(70) {
                lines.add(
                    at,
                    &request(
                        caller,
                        name,
                        at,
                        &chatter::some_path(rng),
                        502,
                        took(silence.why, rng),
                    ),
                );
            }
            at = time::after(at, rng.range(35, 95));
        }
        let log = world.log_mut(&caller.namespace, name, &caller.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}

fn took(why: CallFailure, rng: &mut Rng) -> i64 {
    if why == CallFailure::TimedOut {
        5_000 + rng.range(1, 12)
    } else {
        rng.range(2, 9)
    }
}

/// Answers of a route turn into `status` for a share of the requests: access log, controller log, counters.
pub fn edge(
    world: &mut World,
    shop: &Shop,
    metrics: &mut Metrics,
    backend: &Workload,
    (status, share): (u16, f64),
    silence: &Silence<'_>,
    rng: &mut Rng,
) {
    let rate = telemetry::request_rate(shop, backend);
    let (from, until) = (silence.from.as_second(), silence.until.as_second());
    let failing = move |at: i64| at > from && at <= until;
    let text_status = status.to_string();
    telemetry::requests(shop, metrics, backend, &text_status, |at| {
        if failing(at) { rate * share } else { 0.0 }
    });
    telemetry::requests(shop, metrics, backend, "200", |at| {
        rate * 0.97 * if failing(at) { 1.0 - share } else { 1.0 }
    });
    let Some(controller) = shop.role("ingress") else {
        return;
    };
    let upstream = if status == 503 {
        String::new()
    } else {
        shop.backend_address(world, backend)
    };
    for pod in pods_of(world, controller) {
        let name = text(&pod, "/metadata/name");
        let mut lines = Lines::default();
        let mut at = time::after(silence.from, rng.range(1, 15));
        while at < silence.until {
            let path = backend.path.unwrap_or("/");
            lines.add(
                at,
                &chatter::access(shop, at, path, backend, status, &upstream, rng),
            );
            if status == 503 && rng.chance(30) {
                let message = format!(
                    "Service \"{}/{}\" does not have any active Endpoint.",
                    backend.namespace, backend.name
                );
                lines.add(at, &klog(Level::Warn, at, "controller.go:1216", &message));
            }
            at = time::after(at, rng.range(20, 60));
        }
        let log = world.log_mut(&controller.namespace, name, &controller.name);
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}
