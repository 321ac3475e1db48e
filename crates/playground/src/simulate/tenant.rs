//! A further Deployment beside the shop's own, with one revision before its current one. Must not know what it does to
//! its node.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::spawn;
use crate::build::controller::{condition, deployment, replica_set};
use crate::build::json::{push, set, text, unset};
use crate::build::metrics::Metrics;
use crate::build::object::CONTROLLER;
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Voice, Workload};
use crate::names::words::WORDS;
use crate::shop::{Node, Shop, chatter, telemetry};
use crate::simulate::rollout::controller_event;
use crate::world::World;

/// What is deployed, where and when.
pub struct Tenancy<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// Pod template of the revision before.
    pub before: &'a Value,
    /// Pod template now.
    pub now: &'a Value,
    /// Where its pods run, one each.
    pub nodes: &'a [&'a Node],
    /// When the current revision was rolled out.
    pub at: Timestamp,
}

/// A workload with a neutral name in a namespace role, for jobs in the background.
pub fn background(shop: &Shop, role: &'static str, namespace: &str, replicas: usize) -> Workload {
    let namespace = shop.names.namespace(namespace);
    let word = |salt: &str| {
        let hash = shop.stamp.hash(&format!("tenant/{role}/{salt}"));
        let index = usize::try_from(hash).unwrap_or(0) % WORDS.len().max(1);
        WORDS.get(index).copied().unwrap_or("opal")
    };
    let name = format!("{}-{}", word("first"), word("second"));
    Workload {
        role,
        repository: format!("{}/{namespace}/{name}", shop.names.registry),
        namespace,
        name,
        kind: Kind::Deployment,
        voice: Voice::Python,
        delivery: Delivery::Pipeline,
        replicas,
        port: 8000,
        version: (1, 2 + shop.stamp.hash(role) % 9, shop.stamp.hash(role) % 5),
        cpu_m: 200,
        memory_request_mi: 512,
        memory_limit_mi: 2048,
        memory_use_mi: 700,
        calls: &[],
        volume_gi: None,
        path: None,
        scale: None,
        pull_secret: None,
    }
}

/// The pod template of such a workload: no probes, no configuration of its own, the default service account.
pub fn template(shop: &Shop, workload: &Workload, resources: &Value, env: &[(&str, &str)]) -> Value {
    let mut template = shop.template(workload, workload.version);
    for part in ["envFrom", "livenessProbe", "readinessProbe", "ports"] {
        unset(&mut template, "/spec/containers/0", part);
    }
    set(&mut template, "/spec/containers/0/resources", resources.clone());
    set(&mut template, "/spec/serviceAccountName", json!("default"));
    set(&mut template, "/spec/serviceAccount", json!("default"));
    for (name, value) in env {
        let variable = json!({ "name": name, "value": value });
        push(&mut template, "/spec/containers/0/env", variable);
    }
    template
}

/// Deploys it and returns the names of its pods.
pub fn deploy(world: &mut World, shop: &Shop, metrics: &mut Metrics, tenancy: &Tenancy<'_>) -> Vec<String> {
    let Tenancy {
        workload,
        before,
        now,
        nodes,
        at,
    } = *tenancy;
    let created = time::days_before(at, 33);
    let revision = 3 + shop.stamp.hash(&workload.name) % 9;
    let mut object = deployment(&shop.stamp, workload, now, revision, created);
    let old = replica_set(
        &shop.stamp,
        &object,
        before,
        0,
        revision - 1,
        time::days_before(at, 12),
    );
    let active = replica_set(&shop.stamp, &object, now, nodes.len(), revision, at);
    let active_name = text(&active, "/metadata/name").to_owned();
    let progressed = format!("ReplicaSet \"{active_name}\" has successfully progressed.");
    let available = "Deployment has minimum availability.";
    let done = time::after(at, 40);
    let conditions = json!([
        condition(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            available,
            created,
            created
        ),
        condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            &progressed,
            created,
            done
        )
    ]);
    set(
        &mut object,
        "/status",
        json!({ "observedGeneration": revision, "conditions": conditions }),
    );
    shop.stamp.put(world, object, workload.delivery.author(), at);
    shop.stamp.put(world, old, CONTROLLER, at);
    shop.stamp.put(world, active.clone(), CONTROLLER, done);
    let scaled = format!("Scaled up replica set {active_name} from 0 to {}", nodes.len());
    let reference = ("Deployment", workload.namespace.as_str(), workload.name.as_str());
    controller_event(
        world,
        shop,
        reference,
        "deployment-controller",
        "ScalingReplicaSet",
        scaled,
        at,
    );
    let mut pods = Vec::new();
    for (node, delay) in nodes.iter().zip(1i64..) {
        let pod = spawn::replica(world, shop, &active, node, time::after(at, delay));
        if let Some(object) = world.get("Pod", &workload.namespace, &pod).cloned() {
            chatter::write_pod(world, shop, &object);
            telemetry::add_pod(shop, metrics, &object, time::before(shop.now(), 10_800));
        }
        pods.push(pod);
    }
    pods
}
