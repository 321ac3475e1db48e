//! What pods request, as the scheduler adds it up. Must not know which node is asked about.

use std::collections::BTreeMap;

use cluster::{ClusterView, Object};
use serde_json::Value;

use crate::detectors::quantity;

/// Amounts by resource, in base units (cores, bytes, devices).
pub(super) type Requests = BTreeMap<String, f64>;

/// What is taken of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Taken {
    /// Requests of its pods.
    pub(super) requests: Requests,
    /// Number of its pods.
    pub(super) pods: usize,
}

/// Effective requests of a pod: the sum over containers and sidecars, or the greatest init container where that is
/// more, and the overhead (`PodRequests` of `component-helpers/resource`, KEP-753 for sidecars).
pub(super) fn of_pod(pod: &Object) -> Requests {
    let mut running = Requests::new();
    for container in pod.list("spec.containers") {
        add(&mut running, &of_container(container));
    }
    let mut sidecars = Requests::new();
    let mut starting = Requests::new();
    for init in pod.list("spec.initContainers") {
        let own = of_container(init);
        let is_sidecar = init.get("restartPolicy").and_then(Value::as_str) == Some("Always");
        let mut beside = sidecars.clone();
        add(&mut beside, &own);
        if is_sidecar {
            sidecars.clone_from(&beside);
            add(&mut running, &own);
        }
        for (resource, amount) in beside {
            let known = starting.entry(resource).or_insert(0.0);
            *known = known.max(amount);
        }
    }
    for (resource, amount) in starting {
        let known = running.entry(resource).or_insert(0.0);
        *known = known.max(amount);
    }
    for (resource, amount) in pod.pairs("spec.overhead") {
        *running.entry(resource.to_owned()).or_insert(0.0) += quantity(amount).unwrap_or(0.0);
    }
    running
}

/// What the pods that were read take of a node; ended pods take nothing.
pub(super) fn on_node(view: &ClusterView, node: &Object) -> Taken {
    let mut out = Taken::default();
    let pods = view.of_kind("Pod").filter(|pod| {
        pod.str("spec.nodeName") == node.name() && !matches!(pod.str("status.phase"), "Succeeded" | "Failed")
    });
    for pod in pods {
        out.pods += 1;
        add(&mut out.requests, &of_pod(pod));
    }
    out
}

/// An amount as people write it.
pub(super) fn show(resource: &str, amount: f64) -> String {
    match resource {
        "memory" | "ephemeral-storage" => format!("{:.0}Mi", amount / 1_048_576.0),
        "cpu" => format!("{:.0}m", amount * 1000.0),
        _ => format!("{amount}"),
    }
}

/// A limit stands for a request that is not given, as the API server's defaults have it.
fn of_container(container: &Value) -> Requests {
    let mut out = Requests::new();
    for part in ["limits", "requests"] {
        let amounts = container
            .pointer(&format!("/resources/{part}"))
            .and_then(Value::as_object);
        for (resource, amount) in amounts.into_iter().flatten() {
            if let Some(amount) = amount.as_str().and_then(quantity) {
                out.insert(resource.clone(), amount);
            }
        }
    }
    out
}

fn add(sum: &mut Requests, more: &Requests) {
    for (resource, amount) in more {
        *sum.entry(resource.clone()).or_insert(0.0) += amount;
    }
}
