//! The NVIDIA driver reports an Xid, and the training on that GPU dies. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits;
use crate::build::event::{Happening, record};
use crate::build::json::{push, set, text};
use crate::build::log::voice::{Level, klog};
use crate::build::log::{Lines, merge};
use crate::build::object::KUBELET;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, RootCause, Truth, key};
use crate::shop::Shop;
use crate::shop::gpu::telemetry::{POWER, SM_CLOCK, UTILIZATION, XID, put};
use crate::shop::gpu::{self, DEVICE_PLUGIN, OPERATOR, Pool};
use crate::simulate::pods::{FAILED, complete};
use crate::world::World;

/// `app-vs-infra/gpu-xid-error`. `params.xid` is the code: 79, 48 or 95 for the device (chosen by the seed), 31 or 13 for the
/// application.
pub struct GpuXidError;

const ID: &str = "app-vs-infra/gpu-xid-error";

/// What happened where.
struct Strike {
    pool: Pool,
    code: i64,
    /// Index of the node and of its GPU.
    node: usize,
    gpu: usize,
    at: Timestamp,
}

impl Fault for GpuXidError {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let hours = ctx.rng.range(9, 40);
        let pool = gpu::add(world, &ctx.shop, &mut ctx.metrics, hours);
        let at = ctx.minutes_ago(19, 48);
        let drawn = ctx.rng.pick(&[79, 48, 95]).copied().unwrap_or(79);
        let strike = Strike {
            code: ctx.int_param("xid").unwrap_or(drawn),
            node: ctx.rng.index(pool.nodes.len()),
            gpu: ctx.rng.index(gpu::PER_NODE),
            at,
            pool,
        };
        series(ctx, &strike);
        end_training(world, &ctx.shop, &strike);
        if strike.is_device() {
            lose_device(world, &ctx.shop, &strike);
        }
        let mut symptom = strike.pool.symptom(strike.node, time::after(at, 15));
        symptom.labels.insert("container", strike.pool.job.clone());
        ctx.symptom = Some(symptom);
        let image = world
            .object(&strike.pool.job_key())
            .map(|job| text(job, "/spec/template/spec/containers/0/image").to_owned())
            .unwrap_or_default();
        strike.truth(&image)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| match cause.object.kind.as_str() {
                "Node" => edits::takes_pods(world, &cause.object.name),
                // A Job that is gone has not run to its end.
                _ => world.object(&cause.object).is_none_or(|job| {
                    text(job, "/spec/template/spec/containers/0/image") == text(&cause.params, "/image")
                }),
            })
    }

    fn remedies(&self, world: &World, _shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(RootCause { object, .. }) = truth.root_causes.first() else {
            return Vec::new();
        };
        let job = text(&truth.root_causes[0].params, "/job").to_owned();
        let failed = world
            .of_kind("Pod")
            .filter(|pod| text(pod, "/metadata/ownerReferences/0/name") == job)
            .map(|pod| {
                key(
                    "",
                    "Pod",
                    text(pod, "/metadata/namespace"),
                    text(pod, "/metadata/name"),
                )
            });
        let delete_pod = Remedy::fails("delete-pod", failed.map(crate::faults::Step::Delete).collect());
        if object.kind != "Node" {
            return vec![delete_pod];
        }
        vec![
            Remedy::heals("cordon", edits::cordon(&object.name)),
            Remedy::heals("drain", edits::drain(world, &object.name)),
            Remedy::heals("delete-node", edits::delete_node(&object.name)),
            delete_pod,
        ]
    }
}

impl Strike {
    fn is_device(&self) -> bool {
        !matches!(self.code, 13 | 31 | 43)
    }

    fn truth(&self, image: &str) -> Truth {
        let node = self.pool.nodes[self.node].name.as_str();
        let job = self.pool.job_key();
        let params = json!({
            "field": "xid", "found": self.code, "expected": 0, "node": node, "gpu": self.gpu, "job": job.name,
            "image": image
        });
        if self.is_device() {
            let pod = key("", "Pod", &self.pool.namespace, &self.pool.pods[self.node]);
            return Truth::cause(key("", "Node", "", node), ID, params, vec![job, pod]);
        }
        Truth::cause(job, ID, params, Vec::new())
    }
}

/// The exporter shows the code at the GPU, whose work stops; the others wait for it and stop, too.
fn series(ctx: &mut FaultContext, strike: &Strike) {
    let (pool, at) = (&strike.pool, strike.at.as_second());
    let code = i32::try_from(strike.code).map_or(0.0, f64::from);
    for (index, (node, pod)) in pool.nodes.iter().zip(&pool.pods).enumerate() {
        for gpu in 0..gpu::PER_NODE {
            let place = (node.name.as_str(), pod.as_str(), gpu);
            let struck = index == strike.node && gpu == strike.gpu;
            let mut write = |name: &str, before: f64, after: f64| {
                put(&ctx.shop, &mut ctx.metrics, pool, place, name, |moment| {
                    if moment > at { after } else { before }
                });
            };
            write(UTILIZATION, 96.0, 0.0);
            write(POWER, 352.0, 61.0);
            write(SM_CLOCK, 1_410.0, 210.0);
            if struck {
                write(XID, 0.0, code);
            }
        }
    }
}

/// PyTorch's words for the CUDA error that the Xid makes; the other rank hears of it through NCCL.
fn cuda_error(code: i64) -> &'static str {
    match code {
        79 => "CUDA error: unspecified launch failure",
        48 | 95 => "CUDA error: uncorrectable ECC error encountered",
        13 => "CUDA error: an illegal instruction was encountered",
        _ => "CUDA error: an illegal memory access was encountered",
    }
}

fn end_training(world: &mut World, shop: &Shop, strike: &Strike) {
    let (pool, namespace) = (&strike.pool, strike.pool.namespace.as_str());
    for (index, pod) in pool.pods.iter().enumerate() {
        let struck = index == strike.node;
        let end = time::after(strike.at, if struck { 9 } else { 14 });
        let mut lines = gpu::progress(shop, pool, index, (pool.started, strike.at), |_| 1.84);
        let stamp = end.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        lines.add(end, &trace(strike, index, struck, &stamp));
        world.log_mut(namespace, pod, &pool.job).current = Some(lines.to_text());
        complete(
            world,
            shop,
            namespace,
            pod,
            FAILED,
            (time::after(pool.started, 3), end),
        );
    }
    fail_job(world, shop, strike);
}

fn trace(strike: &Strike, index: usize, struck: bool, stamp: &str) -> String {
    let rank = index * gpu::PER_NODE + if struck { strike.gpu } else { 0 };
    let error = if struck {
        cuda_error(strike.code)
    } else {
        "NCCL error in: /pytorch/torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:2288, remote process exited or there was a network error"
    };
    format!(
        "[rank{rank}]: Traceback (most recent call last):\n[rank{rank}]:   File \"/workspace/train.py\", line 214, in \
         <module>\n[rank{rank}]:     main()\n[rank{rank}]:   File \"/workspace/train.py\", line 187, in \
         main\n[rank{rank}]:     loss.backward()\n[rank{rank}]: RuntimeError: {error}\n{stamp} ERROR \
         torch.distributed.elastic.multiprocessing.api: failed (exitcode: 1) local_rank: {} (pid: 97)",
        rank % gpu::PER_NODE
    )
}

/// `pkg/controller/job/job_controller.go`: condition, reason and message at the back-off limit.
fn fail_job(world: &mut World, shop: &Shop, strike: &Strike) {
    let (namespace, job) = (strike.pool.namespace.as_str(), strike.pool.job.as_str());
    let at = time::after(strike.at, 16);
    let message = "Job has reached the specified backoff limit";
    if let Some(object) = world.get_mut("Job", namespace, job) {
        for field in ["active", "ready"] {
            crate::build::json::unset(object, "/status", field);
        }
        set(object, "/status/failed", json!(2));
        let condition = |kind: &str| {
            json!({
                "type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": message,
                "lastProbeTime": time::seconds(at), "lastTransitionTime": time::seconds(at)
            })
        };
        set(
            object,
            "/status/conditions",
            json!([condition("FailureTarget"), condition("Failed")]),
        );
        shop.stamp.touch_status(object, at);
    }
    let happening = Happening {
        object: ("Job", namespace, job),
        container: None,
        kind: "Warning",
        reason: "BackoffLimitExceeded",
        message: message.to_owned(),
        component: "job-controller",
        node: "",
        first: at,
        last: at,
        count: 1,
    };
    record(&shop.stamp, world, &happening);
}

/// The device plugin marks the GPU unhealthy (NVIDIA/k8s-device-plugin, `internal/rm/health.go` and
/// `internal/plugin/server.go`), and the kubelet offers one less. On two of the clouds a node agent sets a condition, too.
fn lose_device(world: &mut World, shop: &Shop, strike: &Strike) {
    let node = strike.pool.nodes[strike.node].name.clone();
    let at = time::after(strike.at, 4);
    if let Some(object) = world.get_mut("Node", "", &node) {
        set(
            object,
            &format!("/status/allocatable/{}", gpu::RESOURCE),
            json!("3"),
        );
        if let Some(found) = condition(shop, strike.code, at) {
            push(object, "/status/conditions", found);
        }
        shop.stamp.touch(object, KUBELET, at, &["/status/allocatable"]);
    }
    let Some(plugin) = Pool::agent(world, DEVICE_PLUGIN, &node) else {
        return;
    };
    let uuid = Pool::uuid(shop, &node, strike.gpu);
    let mut lines = Lines::default();
    let xid = format!(
        "XidCriticalError: Xid={} on Device={uuid}; marking device as unhealthy.",
        strike.code
    );
    lines.add(at, &klog(Level::Info, at, "health.go:176", &xid));
    let marked = format!("'nvidia.com/gpu' device marked unhealthy: {uuid}");
    lines.add(at, &klog(Level::Info, at, "server.go:276", &marked));
    let log = world.log_mut(OPERATOR, &plugin, "nvidia-device-plugin");
    log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
}

/// The EKS node monitoring agent's condition, or that of node-problem-detector on AKS (Microsoft, "Node problem detector in
/// AKS nodes"); GKE sets none for an Xid.
fn condition(shop: &Shop, code: i64, at: Timestamp) -> Option<Value> {
    let (kind, status, reason, message) = match shop.names.platform.driver {
        "ebs.csi.aws.com" => (
            "AcceleratedHardwareReady",
            "False",
            format!("NvidiaXID{code}Error"),
            format!("detected Xid error {code} on an NVIDIA device"),
        ),
        "disk.csi.azure.com" => (
            "XIDErrors",
            "True",
            "XIDErrorsPresent".to_owned(),
            format!("NVRM: Xid (PCI:0001:00:00): {code}, found in the kernel log"),
        ),
        _ => return None,
    };
    Some(json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastHeartbeatTime": time::seconds(time::before(shop.now(), 40)), "lastTransitionTime": time::seconds(at)
    }))
}
