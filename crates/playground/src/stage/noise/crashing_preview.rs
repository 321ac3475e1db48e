//! A preview environment that nobody calls has crashed for days.

use jiff::Timestamp;
use serde_json::json;

use crate::build::controller::{condition, deployment, replica_set};
use crate::build::json::{set, text};
use crate::build::log::Lines;
use crate::build::log::voice::{Level, greeting, line};
use crate::build::object::{CONTROLLER, PIPELINE};
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Voice, Workload};
use crate::rng::Rng;
use crate::shop::Shop;
use crate::simulate::lives::Lives;
use crate::simulate::pods::{FAILED, crash};
use crate::simulate::spawn::replica;
use crate::world::World;

/// Adds it.
pub fn add(world: &mut World, shop: &Shop, namespace: &str, rng: &mut Rng) {
    let workload = preview(shop, namespace);
    let created = time::before(shop.now(), rng.range(2 * 86_400, 6 * 86_400));
    let mut template = shop.template(&workload, workload.version);
    for part in ["resources", "envFrom", "livenessProbe", "readinessProbe"] {
        crate::build::json::unset(&mut template, "/spec/containers/0", part);
    }
    set(&mut template, "/spec/containers/0/resources", json!({}));
    set(&mut template, "/spec/serviceAccountName", json!("default"));
    set(&mut template, "/spec/serviceAccount", json!("default"));
    let mut object = deployment(&shop.stamp, &workload, &template, 1, created);
    let active = replica_set(&shop.stamp, &object, &template, 1, 1, created);
    let deadline = time::after(created, 601);
    let timed_out = format!(
        "ReplicaSet \"{}\" has timed out progressing.",
        text(&active, "/metadata/name")
    );
    let unavailable = "Deployment does not have minimum availability.";
    let conditions = json!([
        condition(
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            unavailable,
            created,
            created
        ),
        condition(
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            &timed_out,
            deadline,
            deadline
        )
    ]);
    set(
        &mut object,
        "/status",
        json!({ "observedGeneration": 1, "conditions": conditions }),
    );
    shop.stamp.put(world, object, PIPELINE, created);
    shop.stamp.put(world, active.clone(), CONTROLLER, created);
    let Some(node) = shop.place(&workload.name, 0) else {
        return;
    };
    let pod = replica(world, shop, &active, node, time::after(created, 1));
    let lives = Lives::since(time::after(created, 3), rng.range(2, 4), shop.now());
    crash(world, shop, namespace, &pod, &lives, FAILED);
    write_log(world, &workload, &pod, &lives);
}

fn preview(shop: &Shop, namespace: &str) -> Workload {
    let name = shop.names.workload("sandbox");
    Workload {
        role: "sandbox",
        namespace: namespace.to_owned(),
        repository: format!("{}/{namespace}/{name}", shop.names.registry),
        name,
        kind: Kind::Deployment,
        voice: Voice::Node,
        delivery: Delivery::Pipeline,
        replicas: 1,
        port: 3000,
        version: (0, 3, 0),
        cpu_m: 50,
        memory_request_mi: 64,
        memory_limit_mi: 128,
        memory_use_mi: 60,
        calls: &[],
        volume_gi: None,
        path: None,
        scale: None,
        pull_secret: None,
    }
}

fn write_log(world: &mut World, workload: &Workload, pod: &str, lives: &Lives) {
    let Some(&(start, end)) = lives.finished.last() else {
        return;
    };
    let text = instance_log(workload, pod, start, end).to_text();
    let log = world.log_mut(&workload.namespace, pod, &workload.name);
    log.current = Some(text.clone());
    log.previous = Some(text);
}

fn instance_log(workload: &Workload, pod: &str, start: Timestamp, end: Timestamp) -> Lines {
    let mut lines = Lines::default();
    if let Some(hello) = greeting(workload, workload.version).first() {
        lines.add(start, &line(workload, pod, Level::Info, start, hello));
    }
    let trace = "Error: Cannot find module './experiments'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)\n    at Object.<anonymous> (/app/server.js:14:21)";
    lines.add(end, trace);
    lines
}
