//! The shop's own workloads with their revision history, pods and autoscalers. Must not know the control plane's
//! add-ons.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shop;
use crate::build::controller::{condition, controller_revision, deployment, replica_set, stateful_set};
use crate::build::json::{set, text};
use crate::build::object::CONTROLLER;
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::rng::Rng;
use crate::simulate::spawn;
use crate::world::World;

/// When a workload was created, and when its current revision was rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Creation of the controller.
    pub created: Timestamp,
    /// Start of the current revision.
    pub rolled_out: Timestamp,
}

/// Old ReplicaSets that a Deployment keeps (`spec.revisionHistoryLimit`, default 10).
const HISTORY: u64 = 10;

/// Ages of a workload, the same for the same seed.
pub fn ages(shop: &Shop, workload: &Workload) -> Ages {
    let hash = i64::try_from(shop.stamp.hash(&format!("age/{}", workload.role)) % 100_000).unwrap_or(0);
    let rolled_out = time::before(shop.now(), 86_400 * (4 + hash % 11) + hash % 40_000);
    Ages {
        created: time::days_before(rolled_out, 90 + hash % 130),
        rolled_out,
    }
}

/// Number of a workload's current revision.
pub fn revision(shop: &Shop, workload: &Workload) -> u64 {
    4 + shop.stamp.hash(&format!("revision/{}", workload.role)) % 17
}

/// When the revision `steps` before the current one was rolled out: every nine days or so.
pub fn rolled_out_before(ages: Ages, steps: u64) -> Timestamp {
    let steps = i64::try_from(steps).unwrap_or(0);
    let of_day = ages.created.as_second().rem_euclid(86_400) * 31 * steps % 50_000;
    time::before(ages.rolled_out, 9 * 86_400 * steps + of_day).max(ages.created)
}

/// Adds all workloads of the catalogue.
pub fn build(world: &mut World, shop: &Shop, rng: &mut Rng) {
    for workload in &shop.workloads {
        match workload.kind {
            Kind::Deployment => add_deployment(world, shop, workload),
            Kind::StatefulSet => add_stateful_set(world, shop, workload),
            Kind::DaemonSet => {}
        }
        if let Some(bounds) = workload.scale {
            let load = rng.range(28, 55);
            add_autoscaler(world, shop, workload, bounds, load);
        }
        if workload.replicas > 1 {
            add_disruption_budget(world, shop, workload);
        }
    }
}

fn add_deployment(world: &mut World, shop: &Shop, workload: &Workload) {
    let ages = ages(shop, workload);
    let current = revision(shop, workload);
    let template = shop.template(workload, workload.version);
    let mut object = deployment(&shop.stamp, workload, &template, current, ages.created);
    let mut versions = vec![workload.version];
    for steps in 1..=(current - 1).min(HISTORY) {
        let version = workload.earlier_version(steps);
        if versions.contains(&version) {
            break;
        }
        versions.push(version);
        let at = if current - steps == 1 {
            ages.created
        } else {
            rolled_out_before(ages, steps)
        };
        let old = shop.template(workload, version);
        let retired = replica_set(&shop.stamp, &object, &old, 0, current - steps, at);
        shop.stamp
            .put(world, retired, CONTROLLER, rolled_out_before(ages, steps - 1));
    }
    let active = replica_set(
        &shop.stamp,
        &object,
        &template,
        workload.replicas,
        current,
        ages.rolled_out,
    );
    let active_name = text(&active, "/metadata/name").to_owned();
    let finished = time::after(ages.rolled_out, 75);
    let conditions = json!([
        condition(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
            time::after(ages.created, 40),
            time::after(ages.created, 40)
        ),
        condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            &format!("ReplicaSet \"{active_name}\" has successfully progressed."),
            ages.created,
            finished
        )
    ]);
    set(
        &mut object,
        "/status",
        json!({ "observedGeneration": current, "conditions": conditions }),
    );
    shop.stamp
        .put(world, object, workload.delivery.author(), ages.rolled_out);
    shop.stamp.put(world, active.clone(), CONTROLLER, finished);
    for ordinal in 0..workload.replicas {
        if let Some(node) = shop.place(&workload.name, ordinal) {
            let delay = i64::try_from(ordinal).unwrap_or(0) * 17;
            spawn::replica(world, shop, &active, node, time::after(ages.rolled_out, delay));
        }
    }
}

fn add_stateful_set(world: &mut World, shop: &Shop, workload: &Workload) {
    let ages = ages(shop, workload);
    let template = shop.template(workload, workload.version);
    let class = shop.names.platform.storage_class;
    let object = stateful_set(&shop.stamp, workload, &template, class, ages.created);
    for (revision, version, at) in [
        (1, workload.earlier_version(1), ages.created),
        (2, workload.version, ages.rolled_out),
    ] {
        let old = shop.template(workload, version);
        let kept = controller_revision(&shop.stamp, &object, &old, revision, at);
        shop.stamp.put(world, kept, CONTROLLER, at);
    }
    shop.stamp
        .put(world, object.clone(), workload.delivery.author(), ages.rolled_out);
    for ordinal in 0..workload.replicas {
        if let Some(node) = shop.place(&workload.name, ordinal) {
            let delay = 45 * i64::try_from(workload.replicas - ordinal).unwrap_or(0);
            spawn::ordinal(
                world,
                shop,
                &object,
                ordinal,
                node,
                time::after(ages.rolled_out, delay),
            );
        }
    }
}

/// Conditions as `pkg/controller/podautoscaler/horizontal.go` words them.
fn add_autoscaler(world: &mut World, shop: &Shop, workload: &Workload, bounds: (usize, usize), load: i64) {
    let created = ages(shop, workload).created;
    let one = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": time::seconds(time::after(created, 15))
        })
    };
    // What the usage asks for, rounded up; the controller does not go below the minimum.
    let replicas = i64::try_from(workload.replicas).unwrap_or(1);
    let wanted = (replicas * load + 69) / 70;
    let limited = if wanted < i64::try_from(bounds.0).unwrap_or(1) {
        (
            "True",
            "TooFewReplicas",
            "the desired replica count is less than the minimum replica count",
        )
    } else {
        (
            "False",
            "DesiredWithinRange",
            "the desired count is within the acceptable range",
        )
    };
    let utilization = |value: i64| json!({ "type": "Utilization", "averageUtilization": value });
    let object = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": shop.stamp.labelled("HorizontalPodAutoscaler", &workload.namespace, &workload.name, created, &workload.labels()),
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name },
            "minReplicas": bounds.0, "maxReplicas": bounds.1,
            "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": utilization(70) } }]
        },
        "status": {
            "currentReplicas": workload.replicas, "desiredReplicas": workload.replicas,
            "lastScaleTime": time::seconds(time::days_before(shop.now(), 2)),
            "currentMetrics": [{ "type": "Resource", "resource": {
                "name": "cpu",
                "current": { "averageUtilization": load, "averageValue": format!("{}m", load * i64::try_from(workload.cpu_m).unwrap_or(100) / 100) }
            } }],
            "conditions": [
                one("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"),
                one("ScalingActive", "True", "ValidMetricFound",
                    "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"),
                one("ScalingLimited", limited.0, limited.1, limited.2)
            ]
        }
    });
    shop.stamp.put(world, object, workload.delivery.author(), created);
}

fn add_disruption_budget(world: &mut World, shop: &Shop, workload: &Workload) {
    let created = ages(shop, workload).created;
    let object: Value = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": shop.stamp.labelled("PodDisruptionBudget", &workload.namespace, &workload.name, created, &workload.labels()),
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": workload.selector() } },
        "status": {
            "currentHealthy": workload.replicas, "desiredHealthy": workload.replicas - 1,
            "disruptionsAllowed": 1, "expectedPods": workload.replicas, "observedGeneration": 1,
            "conditions": [{
                "type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods", "message": "",
                "observedGeneration": 1, "lastTransitionTime": time::seconds(time::after(created, 60))
            }]
        }
    });
    shop.stamp.put(world, object, workload.delivery.author(), created);
}
