//! The columns of Nodes and of node and pod usage.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, name, or_none};
use crate::build::json::{entries, flag, items, text};

/// The printer of Nodes and metrics.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("", "Node") => (
            "Name,Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime",
            node,
        ),
        ("metrics.k8s.io", "NodeMetrics") => ("Name,cpu,memory,Window", node_metrics),
        ("metrics.k8s.io", "PodMetrics") => ("Name,cpu,memory,Window", pod_metrics),
        _ => return None,
    };
    Some(found)
}

fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let info = |field: &str| {
        let found = text(object, &format!("/status/nodeInfo/{field}"));
        json!(if found.is_empty() { "<unknown>" } else { found })
    };
    vec![
        name(object),
        json!(status(object)),
        or_none(roles(object)),
        age(object, now),
        json!(text(object, "/status/nodeInfo/kubeletVersion")),
        or_none(address(object, "InternalIP")),
        or_none(address(object, "ExternalIP")),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn status(object: &Value) -> String {
    let ready = items(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == "Ready");
    let mut words = vec![match ready.map(|condition| text(condition, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if flag(object, "/spec/unschedulable") {
        words.push("SchedulingDisabled");
    }
    words.join(",")
}

fn roles(object: &Value) -> String {
    let mut roles: Vec<&str> = entries(object, "/metadata/labels")
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) if !role.is_empty() => Some(role),
                _ if key == "kubernetes.io/role" => value.as_str().filter(|role| !role.is_empty()),
                _ => None,
            },
        )
        .collect();
    roles.sort_unstable();
    roles.dedup();
    roles.join(",")
}

fn address<'a>(object: &'a Value, kind: &str) -> &'a str {
    items(object, "/status/addresses")
        .iter()
        .find(|address| text(address, "/type") == kind)
        .map_or("", |address| text(address, "/address"))
}

fn node_metrics(object: &Value, _now: Timestamp) -> Vec<Value> {
    usage(object, text(object, "/usage/cpu"), text(object, "/usage/memory"))
}

fn pod_metrics(object: &Value, _now: Timestamp) -> Vec<Value> {
    usage(
        object,
        text(object, "/containers/0/usage/cpu"),
        text(object, "/containers/0/usage/memory"),
    )
}

fn usage(object: &Value, cpu: &str, memory: &str) -> Vec<Value> {
    vec![
        name(object),
        json!(cpu),
        json!(memory),
        json!(text(object, "/window")),
    ]
}
