//! A small pool of GPU nodes with its agents and a training Job, which a fault adds to the shop. Must not know what goes
//! wrong on it.

pub mod telemetry;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Node, Shop, chatter, nodes, storage, system};
use crate::build::controller::{controller_revision, daemon_set};
use crate::build::json::{push, set, text};
use crate::build::log::Lines;
use crate::build::metrics::Metrics;
use crate::build::object::{CONTROLLER, INSTALLER, KUBELET, PIPELINE, owner};
use crate::build::pod::{Placement, running};
use crate::build::time;
use crate::faults::{Symptom, key};
use crate::names::words::WORDS;
use crate::simulate::spawn;
use crate::world::{ObjectKey, World};

/// Namespace of NVIDIA's GPU operator.
pub const OPERATOR: &str = "gpu-operator";
/// DaemonSet of the device plugin (NVIDIA/gpu-operator, `assets/state-device-plugin`).
pub const DEVICE_PLUGIN: &str = "nvidia-device-plugin-daemonset";
/// DaemonSet of the exporter (NVIDIA/dcgm-exporter, and `assets/state-dcgm-exporter` of the operator).
pub const EXPORTER: &str = "nvidia-dcgm-exporter";
/// The extended resource that the device plugin offers.
pub const RESOURCE: &str = "nvidia.com~1gpu";
/// GPUs of a node.
pub const PER_NODE: usize = 4;
/// Model, as DCGM names it.
pub const MODEL: &str = "NVIDIA A100-SXM4-40GB";

/// What the pool consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The two nodes.
    pub nodes: Vec<Node>,
    /// Namespace of the training.
    pub namespace: String,
    /// Name of the training Job and of its container.
    pub job: String,
    /// Its pods, the `n`th on the `n`th node.
    pub pods: Vec<String>,
    /// When the training began.
    pub started: Timestamp,
}

impl Pool {
    /// The training Job.
    pub fn job_key(&self) -> ObjectKey {
        key("batch", "Job", &self.namespace, &self.job)
    }

    /// The `index`th GPU of a node.
    pub fn uuid(shop: &Shop, node: &str, index: usize) -> String {
        format!("GPU-{}", shop.stamp.uuid(&format!("gpu/{node}/{index}")))
    }

    /// A fault that shows in the training on the `n`th node.
    pub fn symptom(&self, index: usize, onset: Timestamp) -> Symptom {
        let mut symptom = Symptom {
            workload: self.job_key(),
            pod: self.pods.get(index).cloned(),
            front: None,
            onset,
            labels: std::collections::BTreeMap::new(),
        };
        symptom.labels.insert("job_name", self.job.clone());
        if let Some(node) = self.nodes.get(index) {
            symptom.labels.insert("node", node.name.clone());
        }
        symptom
    }

    /// Name of the pod of one of the operator's DaemonSets on a node.
    pub fn agent(world: &World, set: &str, node: &str) -> Option<String> {
        world
            .of_kind("Pod")
            .find(|pod| {
                text(pod, "/metadata/ownerReferences/0/name") == set && text(pod, "/spec/nodeName") == node
            })
            .map(|pod| text(pod, "/metadata/name").to_owned())
    }
}

/// Adds the pool with a training that has run for `hours`.
pub fn add(world: &mut World, shop: &Shop, metrics: &mut Metrics, hours: i64) -> Pool {
    let pool = plan(shop, hours);
    let joined = time::days_before(shop.now(), 33);
    for node in &pool.nodes {
        let earlier = i64::try_from(shop.stamp.hash(&format!("joined/{}", node.name)) % 900).unwrap_or(0);
        let joined = time::before(joined, earlier);
        shop.stamp.put(
            world,
            gpu_node(shop, node, joined),
            KUBELET,
            time::before(shop.now(), 140),
        );
        shop.stamp.put(
            world,
            nodes::lease(shop, node, joined),
            KUBELET,
            time::before(shop.now(), 4),
        );
        shop.stamp
            .put(world, storage::csi_node(shop, node, joined), KUBELET, joined);
        world.insert(node_metrics(shop, node));
    }
    shop.stamp
        .put(world, nodes::namespace(shop, OPERATOR, joined), INSTALLER, joined);
    shop.stamp.put(
        world,
        nodes::namespace(shop, &pool.namespace, joined),
        INSTALLER,
        joined,
    );
    cluster_agents(world, shop, &pool, joined);
    operator(world, shop, &pool, joined);
    training(world, shop, &pool);
    for node in &pool.nodes {
        let pods: Vec<Value> = world
            .of_kind("Pod")
            .filter(|pod| text(pod, "/spec/nodeName") == node.name)
            .cloned()
            .collect();
        for pod in pods
            .iter()
            .filter(|pod| text(pod, "/metadata/namespace") != pool.namespace)
        {
            chatter::write_pod(world, shop, pod);
        }
    }
    telemetry::build(shop, metrics, &pool);
    pool
}

fn plan(shop: &Shop, hours: i64) -> Pool {
    let word = |salt: &str| {
        let at = usize::try_from(shop.stamp.hash(salt)).unwrap_or(0) % WORDS.len();
        WORDS.get(at).copied().unwrap_or("opal")
    };
    let nodes: Vec<Node> = (0..2)
        .map(|index| Node {
            name: node_name(shop, index),
            address: format!("10.0.{}.{}", index + 1, 240 + index),
            zone: shop.names.platform.zones[index % 2].clone(),
        })
        .collect();
    let job = format!("{}-{}", word("training"), shop.stamp.suffix("training", 4));
    let pods = (0..2)
        .map(|index| {
            format!(
                "{job}-{index}-{}",
                shop.stamp.suffix(&format!("training/{index}"), 5)
            )
        })
        .collect();
    Pool {
        nodes,
        namespace: format!("{}-lab", word("laboratory")),
        job,
        pods,
        started: time::before(shop.now(), hours * 3_600 + 611),
    }
}

/// A name in the manner of the cloud, as for a further pool.
fn node_name(shop: &Shop, index: usize) -> String {
    let platform = &shop.names.platform;
    let first = platform.nodes.first().cloned().unwrap_or_default();
    let suffix = shop.stamp.suffix(&format!("gpu-node/{index}"), 4);
    match platform.driver {
        "pd.csi.storage.gke.io" => {
            let pool = shop
                .stamp
                .digest("gpu-pool")
                .get(..8)
                .unwrap_or_default()
                .to_owned();
            format!("gke-main-a100-{pool}-{suffix}")
        }
        "disk.csi.azure.com" => format!(
            "aks-a100-{}-vmss00000{index}",
            shop.stamp.hash("gpu-pool") % 30_000_000
        ),
        _ => {
            let domain = first
                .split_once('.')
                .map_or("eu-west-1.compute.internal", |(_, domain)| domain);
            format!("ip-10-0-{}-{}.{domain}", index + 1, 240 + index)
        }
    }
}

fn gpu_node(shop: &Shop, node: &Node, joined: Timestamp) -> Value {
    let mut object = nodes::node_object(shop, node, joined);
    let machine = match shop.names.platform.driver {
        "pd.csi.storage.gke.io" => "a2-highgpu-4g",
        "disk.csi.azure.com" => "Standard_NC96ads_A100_v4",
        _ => "p4d.24xlarge",
    };
    for (label, value) in [
        ("node.kubernetes.io~1instance-type", machine),
        ("beta.kubernetes.io~1instance-type", machine),
        ("nvidia.com~1gpu.present", "true"),
        ("nvidia.com~1gpu.count", "4"),
        ("nvidia.com~1gpu.product", "NVIDIA-A100-SXM4-40GB"),
        ("nvidia.com~1cuda.driver-version.full", "570.133.20"),
    ] {
        set(&mut object, &format!("/metadata/labels/{label}"), json!(value));
    }
    set(
        &mut object,
        "/spec/taints",
        json!([{ "key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule" }]),
    );
    for part in ["capacity", "allocatable"] {
        for (resource, amount) in [("cpu", "48"), ("memory", "349525333Ki"), (RESOURCE, "4")] {
            set(&mut object, &format!("/status/{part}/{resource}"), json!(amount));
        }
    }
    object
}

fn node_metrics(shop: &Shop, node: &Node) -> Value {
    json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics",
        "metadata": { "name": node.name, "creationTimestamp": time::seconds(shop.now()) },
        "timestamp": time::seconds(time::before(shop.now(), 12)), "window": "20.04s",
        "usage": { "cpu": "11402551093n", "memory": "118212004Ki" }
    })
}

/// The agents that run on every node run here, too.
fn cluster_agents(world: &mut World, shop: &Shop, pool: &Pool, joined: Timestamp) {
    let sets: Vec<Value> = world
        .of_kind("DaemonSet")
        .filter(|set| set.pointer("/spec/template/spec/nodeSelector").is_none())
        .cloned()
        .collect();
    for set in &sets {
        for node in &pool.nodes {
            spawn::agent(world, shop, set, node, time::after(joined, 9));
        }
    }
}

fn operator(world: &mut World, shop: &Shop, pool: &Pool, joined: Timestamp) {
    let agents = [
        (
            DEVICE_PLUGIN,
            "nvidia-device-plugin",
            "nvcr.io/nvidia/k8s-device-plugin:v0.17.1",
            9_405,
        ),
        (
            EXPORTER,
            EXPORTER,
            "nvcr.io/nvidia/k8s/dcgm-exporter:4.2.0-4.1.0-ubuntu22.04",
            9_400,
        ),
    ];
    for (name, container, image, port) in agents {
        let labels = json!({ "app": name });
        let mut template =
            system::agent_template(&labels, name, vec![system::component(container, image, port)]);
        set(&mut template, "/spec/hostNetwork", json!(false));
        set(
            &mut template,
            "/spec/nodeSelector",
            json!({ "nvidia.com/gpu.present": "true" }),
        );
        let object = daemon_set(&shop.stamp, OPERATOR, name, &template, joined);
        let kept = controller_revision(&shop.stamp, &object, &template, 1, joined);
        shop.stamp.put(world, kept, CONTROLLER, joined);
        shop.stamp.put(world, object.clone(), INSTALLER, joined);
        for node in &pool.nodes {
            spawn::agent(world, shop, &object, node, time::after(joined, 70));
        }
    }
}

/// An Indexed Job with a pod on each node that takes all of its GPUs.
fn training(world: &mut World, shop: &Shop, pool: &Pool) {
    let (namespace, job) = (pool.namespace.as_str(), pool.job.as_str());
    let uid = shop.stamp.uid("Job", namespace, job);
    let labels = json!({
        "app": job, "batch.kubernetes.io/job-name": job, "batch.kubernetes.io/controller-uid": uid,
        "job-name": job, "controller-uid": uid
    });
    let template = template(shop, pool, &labels);
    let object = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": shop.stamp.labelled("Job", namespace, job, pool.started, &labels),
        "spec": {
            "backoffLimit": 0, "completions": 2, "parallelism": 2, "completionMode": "Indexed", "suspend": false,
            "selector": { "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }, "template": template
        },
        "status": {
            "startTime": time::seconds(pool.started), "active": 2, "ready": 2, "terminating": 0,
            "uncountedTerminatedPods": {}
        }
    });
    shop.stamp.put(world, object, PIPELINE, pool.started);
    for (index, (node, pod)) in pool.nodes.iter().zip(&pool.pods).enumerate() {
        let place = Placement {
            namespace,
            name: pod,
            owner: owner(&shop.stamp, "batch/v1", "Job", namespace, job),
            node: Some((node.name.as_str(), node.address.as_str())),
            address: &shop.pod_address(world, &node.name, pod),
            created: pool.started,
        };
        let mut object = running(&shop.stamp, &template, &place);
        set(
            &mut object,
            "/metadata/annotations",
            json!({ "batch.kubernetes.io/job-completion-index": index.to_string() }),
        );
        shop.stamp
            .put(world, object, CONTROLLER, time::after(pool.started, 40));
        let lines = progress(shop, pool, index, (pool.started, shop.now()), |_| 1.84);
        world.log_mut(namespace, pod, job).current = Some(lines.to_text());
    }
}

fn template(shop: &Shop, pool: &Pool, labels: &Value) -> Value {
    let gpus = PER_NODE.to_string();
    let mut template = json!({
        "metadata": { "labels": labels },
        "spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default", "serviceAccount": "default", "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [{ "key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule" }],
            "containers": [{
                "name": pool.job, "image": format!("{}/{}/{}:2.7.1-cuda12.8", shop.names.registry, pool.namespace, pool.job),
                "imagePullPolicy": "IfNotPresent",
                "command": ["torchrun", "--nnodes=2", "--nproc-per-node=4", "train.py"],
                "resources": {
                    "requests": { "cpu": "24", "memory": "160Gi", "nvidia.com/gpu": gpus },
                    "limits": { "memory": "200Gi", "nvidia.com/gpu": gpus }
                },
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"
            }]
        }
    });
    push(
        &mut template,
        "/spec/containers/0/env",
        json!({ "name": "NCCL_DEBUG", "value": "WARN" }),
    );
    template
}

/// The training's log: a line every 50 steps; `step_s` gives the seconds of a step at a moment.
pub fn progress(
    shop: &Shop,
    pool: &Pool,
    rank: usize,
    (from, to): (Timestamp, Timestamp),
    step_s: impl Fn(i64) -> f64,
) -> Lines {
    let mut lines = Lines::default();
    let window = time::before(shop.now(), 2 * 3_600);
    let mut step = 50;
    let mut at = from.as_second() + 90;
    while at < to.as_second() {
        let pace = step_s(at);
        if at > window.as_second() {
            let moment = Timestamp::from_second(at).unwrap_or(to);
            let loss = 1.9 + 2.0 / (1.0 + f64::from(step) / 4_000.0);
            let text = format!(
                "{} INFO train step={step} loss={loss:.4} step_time={pace:.2}s samples/s={:.0} rank={}",
                moment.strftime("%Y-%m-%d %H:%M:%S,%3f"),
                512.0 / pace,
                rank * PER_NODE
            );
            lines.add(moment, &text);
        }
        // Whole seconds suffice for a log line.
        at += (pace * 50.0).clamp(1.0, 3_600.0).round() as i64;
        step += 50;
    }
    lines.add(
        time::after(pool.started, 31).max(from),
        &format!(
            "{} INFO train world_size=8 backend=nccl",
            pool.started.strftime("%Y-%m-%d %H:%M:%S,%3f")
        ),
    );
    lines
}
