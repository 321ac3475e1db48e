//! What healthy containers write to their logs. Must not know of failing calls.

use jiff::Timestamp;
use serde_json::Value;

use super::Shop;
use crate::build::json::{items, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, klog, line, request, routine};
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::rng::Rng;
use crate::world::World;

/// How far back a baseline log reaches, as after a rotation.
const WINDOW_S: i64 = 80 * 60;

/// Writes the log of every running container.
pub fn build(world: &mut World, shop: &Shop) {
    let pods: Vec<Value> = world.of_kind("Pod").cloned().collect();
    for pod in pods.iter().filter(|pod| text(pod, "/status/phase") == "Running") {
        write_pod(world, shop, pod);
    }
}

/// Writes the logs of a pod whose containers have run without trouble since they started.
pub fn write_pod(world: &mut World, shop: &Shop, pod: &Value) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let started = time::parse(text(pod, "/status/startTime")).unwrap_or(shop.now());
    for container in items(pod, "/spec/containers") {
        let container_name = text(container, "/name");
        let log = match shop.named(namespace, container_name) {
            Some(workload) => application(world, shop, workload, name, (started, shop.now())),
            None => component(shop, name, container_name, started),
        };
        world.log_mut(namespace, name, container_name).current = Some(log.to_text());
    }
}

/// Leaves a pod's log with what the application says at its start, as for one that gets no traffic.
pub fn write_start(world: &mut World, shop: &Shop, workload: &Workload, pod: &str) {
    let started = world
        .get("Pod", &workload.namespace, pod)
        .and_then(|object| time::parse(text(object, "/status/startTime")))
        .unwrap_or(shop.now());
    let mut lines = Lines::default();
    for (index, message) in greeting(workload, workload.version).iter().enumerate() {
        let at = time::after(started, 2 + i64::try_from(index).unwrap_or(0));
        lines.add(at, &line(workload, pod, Level::Info, at, message));
    }
    world.log_mut(&workload.namespace, pod, &workload.name).current = Some(lines.to_text());
}

/// The lines of one healthy instance of an application between its start and an end.
pub fn application(
    world: &World,
    shop: &Shop,
    workload: &Workload,
    pod: &str,
    (start, end): (Timestamp, Timestamp),
) -> Lines {
    let mut lines = Lines::default();
    let mut rng = Rng::new(shop.stamp.hash(&format!("chatter/{pod}/{}", start.as_second())));
    let window = time::before(end, WINDOW_S);
    if start >= window {
        for (index, text) in greeting(workload, workload.version).iter().enumerate() {
            let at = time::after(start, 2 + i64::try_from(index).unwrap_or(0));
            if at < end {
                lines.add(at, &line(workload, pod, Level::Info, at, text));
            }
        }
    }
    let mut at = time::after(start.max(window), 12);
    let step = if workload.voice == Voice::Nginx { 25 } else { 110 };
    while at < end {
        lines.add(at, &ordinary(world, shop, workload, pod, at, &mut rng));
        at += jiff::SignedDuration::from_millis(step * 700 + rng.range(0, step * 600));
    }
    lines
}

fn ordinary(
    world: &World,
    shop: &Shop,
    workload: &Workload,
    pod: &str,
    at: Timestamp,
    rng: &mut Rng,
) -> String {
    match workload.voice {
        Voice::Nginx => {
            let routed: Vec<&Workload> = shop
                .workloads
                .iter()
                .filter(|found| found.path.is_some())
                .collect();
            match rng.pick(&routed) {
                Some(backend) => {
                    let path = backend.path.unwrap_or("/");
                    let address = shop.backend_address(world, backend);
                    access(shop, at, path, backend, 200, &address, rng)
                }
                None => String::new(),
            }
        }
        voice if voice.speaks_http() => {
            let path = some_path(rng);
            request(workload, pod, at, &path, 200, rng.range(3, 90))
        }
        voice => line(
            workload,
            pod,
            Level::Info,
            at,
            &routine(voice, at.as_second() / 60),
        ),
    }
}

/// A path that a client asks for.
pub fn some_path(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => "/".to_owned(),
        1 => format!("/v1/items/{}", rng.range(1000, 9999)),
        _ => format!("/v1/lists/{}", rng.range(10, 99)),
    }
}

/// A line of ingress-nginx's access log (its default `log-format-upstream`).
pub fn access(
    shop: &Shop,
    at: Timestamp,
    path: &str,
    backend: &Workload,
    status: u16,
    upstream: &str,
    rng: &mut Rng,
) -> String {
    let id = shop
        .stamp
        .digest(&format!("request/{}/{}", at.as_nanosecond(), rng.next_u64()));
    let took = if status == 504 {
        "5.001".to_owned()
    } else {
        format!("0.{:03}", rng.range(4, 190))
    };
    let answered = if upstream.is_empty() {
        "- - - -".to_owned()
    } else {
        format!("{upstream} {} {took} {status}", rng.range(300, 9000))
    };
    format!(
        "198.51.100.{} - - [{}] \"GET {path} HTTP/2.0\" {status} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" {} {took} \
         [{}-{}-{}] [] {answered} {}",
        rng.range(2, 250),
        at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        rng.range(300, 9000),
        rng.range(200, 900),
        backend.namespace,
        backend.name,
        backend.port,
        id.get(..32).unwrap_or_default()
    )
}

fn component(shop: &Shop, pod: &str, container: &str, started: Timestamp) -> Lines {
    let mut lines = Lines::default();
    let mut at = time::after(started.max(time::before(shop.now(), WINDOW_S)), 31);
    let mut turn = i64::try_from(shop.stamp.hash(pod) % 50).unwrap_or(0);
    while at < shop.now() {
        let text = format!("{container}: {}", routine(Voice::System, turn));
        lines.add(at, &klog(Level::Info, at, "reconciler.go:161", &text));
        at = time::after(at, 590);
        turn += 1;
    }
    lines
}

impl Shop {
    /// Address and port of a ready pod behind a workload's Service, `""` where there is none.
    pub fn backend_address(&self, world: &World, backend: &Workload) -> String {
        let Some(endpoints) = world.get("Endpoints", &backend.namespace, &backend.name) else {
            return String::new();
        };
        let address = text(endpoints, "/subsets/0/addresses/0/ip");
        if address.is_empty() {
            String::new()
        } else {
            format!("{address}:{}", backend.port)
        }
    }
}
