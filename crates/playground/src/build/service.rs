//! Services and the endpoints that follow from selectors and readiness. Must not know who calls a Service.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::{Stamp, owner};
use super::time;
use crate::build::json::{items, set, text};

/// The shape of a Service.
pub struct ServiceShape<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Labels of the Service itself.
    pub labels: Value,
    /// Labels that it selects.
    pub selector: Value,
    /// Name and number of its port.
    pub port: (&'a str, u16),
    /// Whether it has no cluster address.
    pub headless: bool,
}

/// A Service that forwards its port to the same number on the pods.
pub fn service(stamp: &Stamp, shape: &ServiceShape<'_>, created: Timestamp) -> Value {
    let (port_name, port) = shape.port;
    let address = if shape.headless {
        "None".to_owned()
    } else {
        cluster_ip(stamp, shape.namespace, shape.name)
    };
    let mut object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": stamp.labelled("Service", shape.namespace, shape.name, created, &shape.labels),
        "spec": {
            "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
            "ports": [{ "name": port_name, "port": port, "protocol": "TCP", "targetPort": port }],
            "selector": shape.selector, "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"
        },
        "status": { "loadBalancer": {} }
    });
    if shape.headless {
        set(&mut object, "/spec/publishNotReadyAddresses", json!(true));
    }
    object
}

/// The cluster address of a Service.
pub fn cluster_ip(stamp: &Stamp, namespace: &str, name: &str) -> String {
    let hash = stamp.hash(&format!("service/{namespace}/{name}"));
    format!("10.100.{}.{}", hash % 256, hash / 256 % 254 + 1)
}

/// Whether labels satisfy an equality selector; an empty selector matches nothing.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|wanted| {
        !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
    })
}

/// Whether a pod takes traffic.
pub fn is_ready(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_none()
        && items(pod, "/status/conditions")
            .iter()
            .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}

/// The Endpoints object of a Service over the pods that its selector matches.
pub fn endpoints(stamp: &Stamp, service: &Value, pods: &[&Value], created: Timestamp) -> Value {
    let namespace = text(service, "/metadata/namespace");
    let name = text(service, "/metadata/name");
    let publish_all = service.pointer("/spec/publishNotReadyAddresses") == Some(&json!(true));
    let address = |pod: &&Value| {
        json!({
            "ip": text(pod, "/status/podIP"), "nodeName": text(pod, "/spec/nodeName"), "targetRef": target(pod)
        })
    };
    let with_ip = |pod: &&&Value| !text(pod, "/status/podIP").is_empty();
    let ready: Vec<Value> = pods
        .iter()
        .filter(with_ip)
        .filter(|pod| publish_all || is_ready(pod))
        .map(address)
        .collect();
    let not_ready: Vec<Value> = pods
        .iter()
        .filter(with_ip)
        .filter(|pod| !publish_all && !is_ready(pod))
        .map(address)
        .collect();
    let mut object = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": stamp.labelled("Endpoints", namespace, name, created, &labels_of(service))
    });
    set(
        &mut object,
        "/metadata/labels/endpoints.kubernetes.io~1managed-by",
        json!("endpoint-controller"),
    );
    let mut subset = json!({});
    if !ready.is_empty() {
        set(&mut subset, "/addresses", json!(ready));
    }
    if !not_ready.is_empty() {
        set(&mut subset, "/notReadyAddresses", json!(not_ready));
    }
    if !ready.is_empty() || !not_ready.is_empty() {
        set(&mut subset, "/ports", ports(service));
        set(&mut object, "/subsets", json!([subset]));
    }
    object
}

/// The EndpointSlice of a Service over the pods that its selector matches. Without any, the controller leaves a
/// placeholder whose `endpoints` are null (`k8s.io/endpointslice`, `reconciler.go`).
pub fn endpoint_slice(
    stamp: &Stamp,
    service: &Value,
    pods: &[&Value],
    zone_of: &dyn Fn(&str) -> String,
    created: Timestamp,
) -> Value {
    let namespace = text(service, "/metadata/namespace");
    let name = text(service, "/metadata/name");
    let slice_name = format!("{name}-{}", stamp.suffix(&format!("slice/{namespace}/{name}"), 5));
    let publish_all = service.pointer("/spec/publishNotReadyAddresses") == Some(&json!(true));
    let listed: Vec<Value> = pods
        .iter()
        .filter(|pod| !text(pod, "/status/podIP").is_empty())
        .map(|pod| {
            let ready = is_ready(pod);
            json!({
                "addresses": [text(pod, "/status/podIP")],
                "conditions": { "ready": ready || publish_all, "serving": ready, "terminating": false },
                "nodeName": text(pod, "/spec/nodeName"),
                "targetRef": target(pod),
                "zone": zone_of(text(pod, "/spec/nodeName"))
            })
        })
        .collect();
    let mut labels = labels_of(service);
    set(
        &mut labels,
        "/endpointslice.kubernetes.io~1managed-by",
        json!("endpointslice-controller.k8s.io"),
    );
    set(&mut labels, "/kubernetes.io~1service-name", json!(name));
    let mut meta = stamp.labelled("EndpointSlice", namespace, &slice_name, created, &labels);
    set(&mut meta, "/generateName", json!(format!("{name}-")));
    set(
        &mut meta,
        "/ownerReferences",
        owner(stamp, "v1", "Service", namespace, name),
    );
    let empty = listed.is_empty();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
        "endpoints": if empty { Value::Null } else { Value::Array(listed) },
        "ports": if empty { Value::Null } else { ports(service) }
    })
}

/// When readiness of these pods last changed; one that was never ready counts from its creation.
pub fn last_change(pods: &[&Value]) -> Option<Timestamp> {
    pods.iter()
        .filter_map(|pod| {
            let ready = items(pod, "/status/conditions")
                .iter()
                .find(|condition| text(condition, "/type") == "Ready");
            let since = ready.map_or_else(
                || text(pod, "/metadata/creationTimestamp"),
                |condition| text(condition, "/lastTransitionTime"),
            );
            time::parse(since)
        })
        .max()
}

fn labels_of(service: &Value) -> Value {
    service
        .pointer("/metadata/labels")
        .cloned()
        .unwrap_or_else(|| json!({}))
}

fn ports(service: &Value) -> Value {
    items(service, "/spec/ports")
        .iter()
        .map(|port| json!({ "name": port["name"], "port": port["targetPort"], "protocol": port["protocol"] }))
        .collect()
}

fn target(pod: &Value) -> Value {
    json!({
        "kind": "Pod", "namespace": text(pod, "/metadata/namespace"), "name": text(pod, "/metadata/name"),
        "uid": text(pod, "/metadata/uid")
    })
}
