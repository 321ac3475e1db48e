//! A node holds a damaged copy of an image's layer; pods that move there cannot start, the same image runs elsewhere
//! and other images pull there. Must not know how it is found. `params.form`: `extract`, `digest` or `missing-blob`.

use serde_json::json;

use super::image_reference_wrong::fail_pull;
use super::pulls::{free_nodes, movable, move_pod, node_in_use, node_remedies, pulled_afresh, runs_on};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Truth, key, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `image-and-deployment/image-layer-corrupt`.
pub struct ImageLayerCorrupt;

const ID: &str = "image-and-deployment/image-layer-corrupt";

impl Fault for ImageLayerCorrupt {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 50);
        let found = movable(ctx);
        let Some(workload) = found.first().cloned() else {
            return Truth::without_cause("inconclusive");
        };
        let nodes = free_nodes(world, ctx, &workload);
        let [bad, good, ..] = nodes.as_slice() else {
            return Truth::without_cause("inconclusive");
        };
        let other = found
            .iter()
            .skip(1)
            .find(|other| !runs_on(world, other, &bad.name))
            .cloned();
        let error = words(ctx, &workload);
        let Some(pod) = move_pod(world, ctx, &workload, 0, bad, at) else {
            return Truth::without_cause("inconclusive");
        };
        fail_pull(world, ctx, &workload.namespace, &pod, &error, true);
        ctx.shows(&workload, Some(&pod), time::after(at, 3));
        ctx.label("node", &bad.name);
        if let Some(pod) = move_pod(world, ctx, &workload, 0, good, time::after(at, 95)) {
            pulled_afresh(world, &ctx.shop, &workload.namespace, &pod);
        }
        if let Some(other) = other
            && let Some(pod) = move_pod(world, ctx, &other, 0, bad, time::after(at, 40))
        {
            pulled_afresh(world, &ctx.shop, &other.namespace, &pod);
        }
        let params =
            json!({ "field": "image", "found": workload.image(), "expected": "an intact copy on the node" });
        let victims = vec![workload_key(&workload), key("", "Pod", &workload.namespace, &pod)];
        Truth::cause(key("", "Node", "", &bad.name), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        node_in_use(world, truth)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        node_remedies(world, truth)
    }
}

/// containerd: `core/unpack/unpacker.go` (`failed to extract layer`), `core/content/helpers.go` and
/// `plugins/content/local/writer.go` (`unexpected commit digest`, FailedPrecondition, whose code the kubelet keeps),
/// `core/content/content.go` (`content digest … not found`).
fn words(ctx: &mut FaultContext, workload: &Workload) -> String {
    let image = workload.image();
    let digest = |part: &str| format!("sha256:{}", ctx.shop.stamp.digest(&format!("{part}/{image}")));
    let (layer, diff, other) = (digest("layer"), digest("diff"), digest("other"));
    let form = ctx.text_param("form").map(str::to_owned);
    let mount = ctx.rng.range(100_000_000, 999_999_999);
    let pulled = format!("failed to pull and unpack image \"{image}\"");
    match (form.as_deref(), ctx.rng.below(3)) {
        (Some("digest"), _) | (None, 0) => format!(
            "rpc error: code = FailedPrecondition desc = {pulled}: failed commit on ref \"layer-{layer}\": unexpected \
             commit digest {other}, expected {layer}: failed precondition"
        ),
        (Some("missing-blob"), _) | (None, 1) => format!(
            "rpc error: code = NotFound desc = {pulled}: failed to extract layer {diff}: failed to get reader from \
             content store: content digest {layer}: not found"
        ),
        _ => format!(
            "{pulled}: failed to extract layer {diff}: mount callback failed on \
             /var/lib/containerd/tmpmounts/containerd-mount{mount}: unexpected EOF: unknown"
        ),
    }
}
