//! A namespace's quota is used up: a rollout cannot create its pods. Must not know how it is found.

use serde_json::json;

use super::denied::deny;
use super::edits;
use crate::build::json::{items, text};
use crate::build::object::{CONTROLLER, KUBECTL_EDIT, PIPELINE};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::shop::telemetry::mebibytes;
use crate::world::World;

/// `resource-exhaustion/quota-exceeded`.
pub struct QuotaExceeded;

const ID: &str = "resource-exhaustion/quota-exceeded";
const NAME: &str = "compute";

impl Fault for QuotaExceeded {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 48);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let namespace = workload.namespace.clone();
        let (cpu_m, memory_mi, pods) = requested(world, &namespace);
        let room = f64::from(u32::try_from(workload.memory_request_mi).unwrap_or(0)) * 0.5;
        let hard_mi = memory_mi + room.floor();
        let (hard, used) = (format!("{hard_mi:.0}Mi"), format!("{memory_mi:.0}Mi"));
        let created = time::days_before(ctx.shop.now(), 61);
        let amounts = |memory: &str, cpu: f64, pods: usize| json!({ "requests.memory": memory, "requests.cpu": format!("{cpu:.0}m"), "pods": pods.to_string() });
        let quota = json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": ctx.shop.stamp.meta("ResourceQuota", &namespace, NAME, created),
            "spec": { "hard": amounts(&hard, cpu_m + 4_000.0, pods + 40) },
            "status": {
                "hard": amounts(&hard, cpu_m + 4_000.0, pods + 40), "used": amounts(&used, cpu_m, pods)
            }
        });
        ctx.shop.stamp.put(world, quota, PIPELINE, created);
        let lowered = time::before(at, ctx.rng.range(2, 9) * 3_600);
        if let Some(object) = world.get_mut("ResourceQuota", &namespace, NAME) {
            ctx.shop
                .stamp
                .touch(object, KUBECTL_EDIT, lowered, &["/spec/hard"]);
            ctx.shop.stamp.touch(object, CONTROLLER, at, &["/status"]);
        }
        let why = format!(
            "exceeded quota: {NAME}, requested: requests.memory={}Mi, used: requests.memory={used}, limited: \
             requests.memory={hard}",
            workload.memory_request_mi
        );
        if deny(world, ctx, &workload, at, &why).is_none() {
            return Truth::without_cause("inconclusive");
        }
        ctx.shows(&workload, None, at);
        ctx.label("resource", "requests.memory");
        let params = json!({ "field": "spec.hard[requests.memory]", "found": hard, "expected": "room for the rollout" });
        let victims = vec![workload_key(&workload)];
        Truth::cause(key("", "ResourceQuota", &namespace, NAME), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let tight = mebibytes(text(&cause.params, "/found"));
        world
            .get("ResourceQuota", &cause.object.namespace, &cause.object.name)
            .map(|quota| text(quota, "/spec/hard/requests.memory").to_owned())
            .is_some_and(|hard| !hard.is_empty() && mebibytes(&hard) <= tight)
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let raise = Step::MergePatch {
            object: cause.object.clone(),
            patch: json!({ "spec": { "hard": { "requests.memory": "64Gi" } } }),
        };
        let mut remedies = vec![
            Remedy::heals("raise-quota", vec![raise]),
            Remedy::heals("delete-quota", vec![Step::Delete(cause.object.clone())]),
        ];
        if let Some(victim) = truth.victims.first() {
            remedies.push(Remedy::fails("restart", edits::restart(victim)));
            remedies.push(Remedy::fails("delete-pod", edits::delete_pods(world, victim)));
            remedies.push(Remedy::fails("scale-up", edits::scale(victim, 8)));
        }
        remedies
    }
}

/// What the running pods of a namespace request: millicores, MiB, and how many they are.
fn requested(world: &World, namespace: &str) -> (f64, f64, usize) {
    let (mut cpu, mut memory, mut count) = (0.0, 0.0, 0);
    let pods = world.of_kind("Pod").filter(|pod| {
        text(pod, "/metadata/namespace") == namespace
            && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
    });
    for pod in pods {
        count += 1;
        for container in items(pod, "/spec/containers") {
            cpu += edits::millicores(text(container, "/resources/requests/cpu"));
            memory += mebibytes(text(container, "/resources/requests/memory"));
        }
    }
    (cpu, memory, count)
}

#[cfg(test)]
mod shape {
    use super::*;
    use crate::build::json::set;

    #[test]
    fn pods_that_ended_do_not_count() {
        let mut world = World::new("t", "t", jiff::Timestamp::UNIX_EPOCH);
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "n" },
            "spec": { "containers": [{ "resources": { "requests": { "memory": "1Gi", "cpu": "1" } } }] },
            "status": { "phase": "Running" }
        });
        world.insert(pod.clone());
        set(&mut pod, "/metadata/name", json!("b"));
        set(&mut pod, "/status/phase", json!("Failed"));
        world.insert(pod);
        assert_eq!(requested(&world, "n"), (1_000.0, 1_024.0, 1));
    }
}
