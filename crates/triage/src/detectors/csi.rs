//! Volumes that cannot be attached or mounted because a node lacks the CSI driver.

use std::sync::LazyLock;

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use regex::Regex;
use serde_json::Value;

use super::{Context, Detector};
use crate::detectors::finding::{event_fact, signal};

pub(super) const DETECTOR: Detector = Detector {
    name: "csi",
    mechanisms: &["storage-and-persistence/csi-driver-unavailable"],
    run,
};

/// Words of the attach/detach controller and of the kubelet (`pkg/volume/csi/csi_attacher.go`,
/// `csi_util.go`): the driver's name is in the message.
static LACKS_DRIVER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"CSINode \S+ does not contain driver (?P<a>[a-z0-9.-]+)|driver name (?P<b>[a-z0-9.-]+) not found in the list of registered CSI drivers").ok()
});

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = Vec::new();
    for pod in view
        .of_kind("Pod")
        .filter(|pod| pod.str("status.phase") == "Pending" && !pod.str("spec.nodeName").is_empty())
    {
        let Some(found) = stuck(view, pod) else { continue };
        match out
            .iter_mut()
            .find(|known| known.object == found.object && known.params == found.params)
        {
            Some(known) => known.affects.extend(found.affects),
            None => out.push(found),
        }
    }
    out
}

fn stuck(view: &ClusterView, pod: &Object) -> Option<Signal> {
    let pattern = LACKS_DRIVER.as_ref()?;
    let events = view.events_of(pod.reference());
    let (event, driver) = events.iter().rev().find_map(|event| {
        let hit = pattern.captures(event.str("message"))?;
        Some((
            *event,
            hit.name("a")
                .or(hit.name("b"))?
                .as_str()
                .trim_end_matches('.')
                .to_owned(),
        ))
    })?;
    let node = pod.str("spec.nodeName");
    let csi_node = view.get("CSINode", "", node);
    let registered = csi_node.is_some_and(|csi_node| {
        csi_node
            .list("spec.drivers")
            .iter()
            .any(|entry| entry.get("name").and_then(Value::as_str) == Some(&driver))
    });
    let set = view.of_kind("DaemonSet").find(|set| serves(set, &driver));
    let affects = [
        pod.reference().clone(),
        view.workload_of(pod),
        ObjectRef::of("CSINode", "", node),
    ];
    let elsewhere = view
        .of_kind("CSINode")
        .filter(|other| {
            other
                .list("spec.drivers")
                .iter()
                .any(|entry| entry.get("name").and_then(Value::as_str) == Some(&driver))
        })
        .count();
    let where_else = if view.has_list("CSINode", "") {
        format!(" (it is registered on {elsewhere} other nodes)")
    } else {
        String::new()
    };
    let message = match set {
        Some(set) => format!(
            "CSI driver {driver} is not registered on node {node}{where_else}; {} runs it, {} of {} pods ready",
            set.reference(),
            set.int("status.numberReady"),
            set.int("status.desiredNumberScheduled")
        ),
        None => format!(
            "CSI driver {driver} is not registered on node {node}{where_else}, and no DaemonSet that would run it was found"
        ),
    };
    let object = set.map_or_else(
        || ObjectRef::of("CSIDriver", "", &driver),
        |set| set.reference().clone(),
    );
    let certainty = match (registered, set) {
        (true, _) => 0.4,
        (false, Some(_)) => 0.95,
        (false, None) => 0.6,
    };
    let mut built = signal("csi", &object, &message)
        .mechanism("storage-and-persistence/csi-driver-unavailable", certainty)
        .severity(Severity::Critical)
        .onset(cluster::view::event_start(event))
        .affects(affects)
        .param("node", node)
        .param("driver", &driver)
        .facts(pod, ["status.phase", "spec.nodeName"])
        .fact(Some(event_fact(event)));
    if let Some(csi_node) = csi_node {
        let drivers: Vec<&str> = csi_node
            .list("spec.drivers")
            .iter()
            .filter_map(|entry| entry.get("name")?.as_str())
            .collect();
        built = built.computed(csi_node.reference(), "spec.drivers", &drivers.join(","), None);
    }
    if let Some(set) = set {
        built = built.facts(
            set,
            [
                "status.desiredNumberScheduled",
                "status.numberReady",
                "status.numberUnavailable",
                "spec.template.spec.nodeSelector",
            ],
        );
        built = built.affects([set.reference().clone()]);
        for plugin in view
            .pods_of(set.reference())
            .filter(|plugin| plugin.str("spec.nodeName") == node)
        {
            built = built.facts(plugin, ["status.phase", "status.conditions[Ready].status"]);
        }
    }
    Some(built.build())
}

/// Whether a DaemonSet is a driver's node plugin: a registrar or a host path in its pods names the driver's
/// directory below the kubelet's plugins.
fn serves(set: &Object, driver: &str) -> bool {
    fn mentions(value: &Value, driver: &str) -> bool {
        match value {
            Value::String(text) => {
                text.contains("/plugins") && text.split(['/', '=', ' ']).any(|part| part == driver)
            }
            Value::Array(items) => items.iter().any(|item| mentions(item, driver)),
            Value::Object(map) => map.values().any(|below| mentions(below, driver)),
            _ => false,
        }
    }
    set.at("spec.template.spec")
        .is_some_and(|spec| mentions(spec, driver))
}
