//! One node cannot reach the image registry; pods that move there cannot pull, others pull the same image. Must not
//! know how it is found. `params.form`: `resolver`, `unknown-host`, `egress` or `handshake`.

use serde_json::json;

use super::image_reference_wrong::fail_pull;
use super::pulls::{free_nodes, movable, move_pod, node_in_use, node_remedies, pulled_afresh, runs_on};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::{Node, Shop};
use crate::world::{ObjectKey, World};

/// `image-and-deployment/registry-unreachable`.
pub struct RegistryUnreachable;

const ID: &str = "image-and-deployment/registry-unreachable";

impl Fault for RegistryUnreachable {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 50);
        let found = movable(ctx);
        let Some(first) = found.first().cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let nodes = free_nodes(world, ctx, &first);
        let [bad, good, ..] = nodes.as_slice() else {
            return Truth::without_cause("inconclusive");
        };
        let struck: Vec<Workload> = found
            .into_iter()
            .filter(|workload| !runs_on(world, workload, &bad.name))
            .take(2)
            .collect();
        let error = Error::draw(ctx, bad);
        let mut victims: Vec<ObjectKey> = Vec::new();
        for (workload, delay) in struck.iter().zip([0, 47]) {
            let moved = time::after(at, delay);
            let Some(pod) = move_pod(world, ctx, workload, 0, bad, moved) else {
                continue;
            };
            let words = error.words(&ctx.shop, workload);
            fail_pull(world, ctx, &workload.namespace, &pod, &words, true);
            if victims.is_empty() {
                ctx.shows(workload, Some(&pod), time::after(moved, 3));
                ctx.label("node", &bad.name);
            }
            victims.extend([workload_key(workload), key("", "Pod", &workload.namespace, &pod)]);
        }
        if let Some(pod) = move_pod(world, ctx, &first, 0, good, time::after(at, 130)) {
            pulled_afresh(world, &ctx.shop, &first.namespace, &pod);
        }
        let params =
            json!({ "field": "registry", "found": "unreachable", "expected": ctx.shop.names.registry });
        Truth::cause(key("", "Node", "", &bad.name), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        node_in_use(world, truth)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        node_remedies(world, truth)
    }
}

/// How the node fails to reach the registry.
enum Error {
    Dial(String),
    Handshake,
}

impl Error {
    /// Go's `net` package: `DNSError`, `OpError`; `net/http`: `TLS handshake timeout`.
    fn draw(ctx: &mut FaultContext, node: &Node) -> Self {
        let host = ctx.shop.names.registry.clone();
        let form = ctx.text_param("form").map(str::to_owned);
        let drawn = ctx.rng.below(4);
        let port = ctx.rng.range(33_000, 60_900);
        let last = ctx.rng.range(10, 240);
        match (form.as_deref(), drawn) {
            (Some("resolver"), _) | (None, 0) => Self::Dial(format!(
                "lookup {host} on 169.254.169.253:53: read udp {}:{port}->169.254.169.253:53: i/o timeout",
                node.address
            )),
            (Some("unknown-host"), _) | (None, 1) => {
                Self::Dial(format!("lookup {host} on 127.0.0.53:53: no such host"))
            }
            (Some("handshake"), _) | (None, 2) => Self::Handshake,
            _ => Self::Dial(format!("203.0.113.{last}:443: i/o timeout")),
        }
    }

    /// containerd `core/remotes/docker/resolver.go` (`failed to do request`) under `failed to resolve reference`.
    fn words(&self, shop: &Shop, workload: &Workload) -> String {
        let image = workload.image();
        let host = &shop.names.registry;
        let path = workload
            .repository
            .strip_prefix(&format!("{host}/"))
            .unwrap_or(&workload.repository);
        let tag = image.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        let cause = match self {
            Self::Dial(cause) if cause.starts_with("lookup") => format!("dial tcp: {cause}"),
            Self::Dial(cause) => format!("dial tcp {cause}"),
            Self::Handshake => "net/http: TLS handshake timeout".to_owned(),
        };
        format!(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to do \
             request: Head \"https://{host}/v2/{path}/manifests/{tag}\": {cause}"
        )
    }
}
