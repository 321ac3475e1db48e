//! Services, ingresses and network policies of the shop. Must not know which pods are ready.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Shop, apps, config};
use crate::build::controller::release_annotations;
use crate::build::json::{set, unset};
use crate::build::object::{HELM3, INSTALLER, PIPELINE};
use crate::build::service::{ServiceShape, service};
use crate::build::template::port_name;
use crate::build::time;
use crate::build::workload::{Kind, Workload};
use crate::world::World;

/// Adds what carries traffic.
pub fn build(world: &mut World, shop: &Shop) {
    for workload in &shop.workloads {
        add_services(world, shop, workload);
    }
    add_ingress_class(world, shop);
    for role in ["shop", "payments"] {
        add_ingress(world, shop, &shop.names.namespace(role));
    }
    add_policies(world, shop);
}

/// The Service of a workload.
pub fn workload_service(shop: &Shop, workload: &Workload) -> Value {
    let shape = ServiceShape {
        namespace: &workload.namespace,
        name: &workload.name,
        labels: workload.labels(),
        selector: workload.selector(),
        port: (port_name(workload.voice), workload.port),
        headless: false,
    };
    let mut object = service(&shop.stamp, &shape, apps::ages(shop, workload).created);
    release_annotations(&mut object, workload);
    object
}

/// Name of the Ingress of a namespace.
pub fn ingress_name(shop: &Shop) -> String {
    shop.names.host.replace('.', "-")
}

/// The load balancer in front of the ingress: Amazon gives it a name (`k8s.io/cloud-provider`,
/// `DefaultLoadBalancerName`), others an address.
fn front_door(shop: &Shop) -> Value {
    let platform = &shop.names.platform;
    let Some(ingress) = shop.role("ingress") else {
        return json!({});
    };
    if platform.driver != "ebs.csi.aws.com" {
        return json!({ "ip": "203.0.113.24", "ipMode": "VIP" });
    }
    let uid = shop.stamp.uid("Service", &ingress.namespace, &ingress.name);
    let name: String = format!("a{}", uid.replace('-', "")).chars().take(32).collect();
    let number = shop.stamp.hash("load-balancer") % 1_900_000_000 + 100_000_000;
    json!({ "hostname": format!("{name}-{number}.{}.elb.amazonaws.com", platform.region) })
}

fn add_services(world: &mut World, shop: &Shop, workload: &Workload) {
    let created = apps::ages(shop, workload).created;
    let mut object = workload_service(shop, workload);
    if workload.role == "ingress" {
        set(&mut object, "/spec/type", json!("LoadBalancer"));
        set(&mut object, "/spec/externalTrafficPolicy", json!("Cluster"));
        set(&mut object, "/spec/allocateLoadBalancerNodePorts", json!(true));
        set(&mut object, "/spec/ports/0/nodePort", json!(31_080));
        set(
            &mut object,
            "/status/loadBalancer/ingress",
            json!([front_door(shop)]),
        );
    }
    shop.stamp.put(world, object, workload.delivery.author(), created);
    if workload.kind == Kind::StatefulSet {
        let headless = ServiceShape {
            namespace: &workload.namespace,
            name: &format!("{}-headless", workload.name),
            labels: workload.labels(),
            selector: workload.selector(),
            port: (port_name(workload.voice), workload.port),
            headless: true,
        };
        let mut object = service(&shop.stamp, &headless, created);
        release_annotations(&mut object, workload);
        shop.stamp.put(world, object, workload.delivery.author(), created);
    }
}

fn add_ingress_class(world: &mut World, shop: &Shop) {
    let created = time::days_before(shop.now(), 390);
    let class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": shop.stamp.meta("IngressClass", "", "nginx", created),
        "spec": { "controller": "k8s.io/ingress-nginx" }
    });
    shop.stamp.put(world, class, HELM3, created);
}

fn add_ingress(world: &mut World, shop: &Shop, namespace: &str) {
    let created = time::days_before(shop.now(), 280);
    let paths: Vec<Value> = shop
        .workloads
        .iter()
        .filter(|workload| workload.namespace == namespace)
        .filter_map(|workload| Some((workload, workload.path?)))
        .map(|(workload, path)| {
            json!({
                "path": path, "pathType": "Prefix",
                "backend": { "service": { "name": workload.name, "port": { "number": workload.port } } }
            })
        })
        .collect();
    let name = ingress_name(shop);
    let mut meta = shop.stamp.meta("Ingress", namespace, &name, created);
    meta["annotations"] = json!({ "nginx.ingress.kubernetes.io/proxy-read-timeout": "30" });
    let mut address = front_door(shop);
    unset(&mut address, "", "ipMode");
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta,
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{ "host": shop.names.host, "http": { "paths": paths } }],
            "tls": [{ "hosts": [shop.names.host], "secretName": config::tls_secret(shop) }]
        },
        "status": { "loadBalancer": { "ingress": [address] } }
    });
    shop.stamp.put(world, object, PIPELINE, created);
}

/// A policy that admits traffic to `pods` from whole namespaces; without any, it only denies.
pub fn policy(
    shop: &Shop,
    namespace: &str,
    name: &str,
    pods: &Value,
    from: &[&str],
    created: Timestamp,
) -> Value {
    let peers: Vec<Value> = from
        .iter()
        .map(|source| json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": source } } }))
        .collect();
    let mut object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": shop.stamp.meta("NetworkPolicy", namespace, name, created),
        "spec": { "podSelector": pods, "policyTypes": ["Ingress"] }
    });
    if !peers.is_empty() {
        set(&mut object, "/spec/ingress", json!([{ "from": peers }]));
    }
    object
}

fn add_policies(world: &mut World, shop: &Shop) {
    let created = time::days_before(shop.now(), 210);
    let name_of = |role: &str| shop.names.namespace(role);
    let (edge, front, payments) = (name_of("edge"), name_of("shop"), name_of("payments"));
    let (data, platform) = (name_of("data"), name_of("platform"));
    for namespace in [&data, &payments] {
        let deny = policy(shop, namespace, "default-deny-ingress", &json!({}), &[], created);
        shop.stamp.put(world, deny, INSTALLER, created);
    }
    let to_data = [
        front.as_str(),
        payments.as_str(),
        platform.as_str(),
        data.as_str(),
    ];
    let allow = policy(shop, &data, "allow-clients", &json!({}), &to_data, created);
    shop.stamp.put(world, allow, INSTALLER, created);
    let to_payments = [
        edge.as_str(),
        front.as_str(),
        platform.as_str(),
        payments.as_str(),
    ];
    let allow = policy(
        shop,
        &payments,
        "allow-clients",
        &json!({}),
        &to_payments,
        created,
    );
    shop.stamp.put(world, allow, INSTALLER, created);
}
