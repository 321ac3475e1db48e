//! The columns of Services, Endpoints, EndpointSlices, Ingresses and NetworkPolicies.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::table::{Cells, Columns, age, label_selector, labels, name, or_none};
use crate::build::json::{items, number, text};

/// The printer of a network kind.
pub(crate) fn printer(group: &str, kind: &str) -> Option<(Columns, Cells)> {
    let found: (Columns, Cells) = match (group, kind) {
        ("", "Service") => ("Name,Type,Cluster-IP,External-IP,Port(s),Age|Selector", service),
        ("", "Endpoints") => ("Name,Endpoints,Age", endpoints),
        ("discovery.k8s.io", "EndpointSlice") => ("Name,AddressType,Ports,Endpoints,Age", endpoint_slice),
        ("networking.k8s.io", "Ingress") => ("Name,Class,Hosts,Address,Ports,Age", ingress),
        ("networking.k8s.io", "IngressClass") => ("Name,Controller,Parameters,Age", ingress_class),
        ("networking.k8s.io", "NetworkPolicy") => ("Name,Pod-Selector,Age", network_policy),
        _ => return None,
    };
    Some(found)
}

fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        json!(text(object, "/spec/type")),
        or_none(text(object, "/spec/clusterIP")),
        external_ip(object),
        or_none(service_ports(object)),
        age(object, now),
        or_none(labels(object, "/spec/selector")),
    ]
}

fn external_ip(object: &Value) -> Value {
    let listed: Vec<&str> = items(object, "/spec/externalIPs")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match text(object, "/spec/type") {
        "LoadBalancer" => {
            let mut all = load_balancer(object);
            all.extend(listed.iter().map(|&ip| ip.to_owned()));
            if all.is_empty() {
                json!("<pending>")
            } else {
                json!(all.join(","))
            }
        }
        "ExternalName" => json!(text(object, "/spec/externalName")),
        _ => or_none(listed.join(",")),
    }
}

fn load_balancer(object: &Value) -> Vec<String> {
    let mut addresses: Vec<String> = items(object, "/status/loadBalancer/ingress")
        .iter()
        .map(|ingress| {
            if text(ingress, "/ip").is_empty() {
                text(ingress, "/hostname")
            } else {
                text(ingress, "/ip")
            }
        })
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect();
    addresses.sort();
    addresses
}

fn service_ports(object: &Value) -> String {
    let ports: Vec<String> = items(object, "/spec/ports")
        .iter()
        .map(|port| {
            let protocol = if text(port, "/protocol").is_empty() {
                "TCP"
            } else {
                text(port, "/protocol")
            };
            match number(port, "/nodePort") {
                0 => format!("{}/{protocol}", number(port, "/port")),
                node_port => format!("{}:{node_port}/{protocol}", number(port, "/port")),
            }
        })
        .collect();
    ports.join(",")
}

/// At most three of the items, then how many more there are.
fn some_of(all: &[String]) -> Value {
    match all {
        [] => json!("<none>"),
        [a, b, c, rest @ ..] if !rest.is_empty() => json!(format!("{a},{b},{c} + {} more...", rest.len())),
        few => json!(few.join(",")),
    }
}

fn endpoints(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in items(object, "/subsets") {
        let ports = items(subset, "/ports");
        if ports.is_empty() {
            all.extend(
                items(subset, "/addresses")
                    .iter()
                    .map(|address| text(address, "/ip").to_owned()),
            );
        }
        for port in ports {
            let addresses = items(subset, "/addresses").iter();
            all.extend(
                addresses.map(|address| format!("{}:{}", text(address, "/ip"), number(port, "/port"))),
            );
        }
    }
    vec![name(object), some_of(&all), age(object, now)]
}

fn endpoint_slice(object: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = items(object, "/ports")
        .iter()
        .map(|port| match (number(port, "/port"), text(port, "/name")) {
            (0, "") => "*".to_owned(),
            (0, port_name) => port_name.to_owned(),
            (port, _) => port.to_string(),
        })
        .collect();
    let addresses: Vec<String> = items(object, "/endpoints")
        .iter()
        .flat_map(|endpoint| items(endpoint, "/addresses"))
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let ports = if ports.is_empty() {
        json!("<unset>")
    } else {
        some_of(&ports)
    };
    let addresses = if addresses.is_empty() {
        json!("<unset>")
    } else {
        some_of(&addresses)
    };
    vec![
        name(object),
        json!(text(object, "/addressType")),
        ports,
        addresses,
        age(object, now),
    ]
}

fn ingress(object: &Value, now: Timestamp) -> Vec<Value> {
    let class = text(object, "/spec/ingressClassName");
    let hosts: Vec<String> = items(object, "/spec/rules")
        .iter()
        .map(|rule| text(rule, "/host").to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    let hosts = if hosts.is_empty() {
        json!("*")
    } else {
        some_of(&hosts)
    };
    let ports = if items(object, "/spec/tls").is_empty() {
        "80"
    } else {
        "80, 443"
    };
    let address = load_balancer(object).join(",");
    vec![
        name(object),
        or_none(class),
        hosts,
        json!(address),
        json!(ports),
        age(object, now),
    ]
}

fn ingress_class(object: &Value, now: Timestamp) -> Vec<Value> {
    let parameters = object.pointer("/spec/parameters").map(|reference| {
        let group = text(reference, "/apiGroup");
        let group = if group.is_empty() {
            String::new()
        } else {
            format!(".{group}")
        };
        format!("{}{group}/{}", text(reference, "/kind"), text(reference, "/name"))
    });
    vec![
        name(object),
        json!(text(object, "/spec/controller")),
        or_none(parameters.unwrap_or_default()),
        age(object, now),
    ]
}

fn network_policy(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        or_none(label_selector(object, "/spec/podSelector")),
        age(object, now),
    ]
}
