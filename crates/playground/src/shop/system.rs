//! The cluster's own components: DNS, proxy, CNI, CSI driver, metrics. Must not know the shop's workloads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Shop, nodes};
use crate::build::controller::{condition, controller_revision, daemon_set, deployment, replica_set};
use crate::build::json::{push, set, text, unset};
use crate::build::object::{CONTROLLER, INSTALLER};
use crate::build::service::{ServiceShape, service};
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Voice, Workload};
use crate::simulate::spawn;
use crate::world::World;

/// Namespace of the components.
pub const SYSTEM: &str = "kube-system";

/// Adds all components.
pub fn build(world: &mut World, shop: &Shop) {
    let platform = &shop.names.platform;
    add_agents(world, shop, "kube-proxy", &proxy_template());
    add_agents(world, shop, "calico-node", &calico_template());
    add_agents(world, shop, platform.csi_node, &csi_node_template(shop));
    add_deployment(
        world,
        shop,
        "coredns",
        "kube-dns",
        "registry.k8s.io/coredns/coredns:v1.12.0",
        (2, 9153),
    );
    add_deployment(
        world,
        shop,
        "metrics-server",
        "metrics-server",
        "registry.k8s.io/metrics-server/metrics-server:v0.7.2",
        (1, 10250),
    );
    add_deployment(
        world,
        shop,
        "calico-kube-controllers",
        "calico-kube-controllers",
        "docker.io/calico/kube-controllers:v3.29.3",
        (1, 9094),
    );
    add_deployment(
        world,
        shop,
        platform.csi_controller,
        platform.csi_controller,
        platform.csi_image,
        (2, 9808),
    );
    add_dns(world, shop);
    add_api_service(world, shop);
}

fn created(shop: &Shop) -> Timestamp {
    time::days_before(shop.now(), 398)
}

fn add_agents(world: &mut World, shop: &Shop, name: &str, template: &Value) {
    let object = daemon_set(&shop.stamp, SYSTEM, name, template, created(shop));
    let kept = controller_revision(&shop.stamp, &object, template, 1, created(shop));
    shop.stamp.put(world, kept, CONTROLLER, created(shop));
    shop.stamp
        .put(world, account(shop, name), INSTALLER, created(shop));
    shop.stamp.put(world, object.clone(), INSTALLER, created(shop));
    for (index, node) in shop.nodes.iter().enumerate() {
        let started = time::after(nodes::joined(shop, index), 1);
        spawn::agent(world, shop, &object, node, started);
    }
}

fn add_deployment(
    world: &mut World,
    shop: &Shop,
    name: &str,
    app: &str,
    image: &str,
    (replicas, port): (usize, u16),
) {
    let workload = Workload {
        role: "",
        namespace: SYSTEM.to_owned(),
        name: name.to_owned(),
        kind: Kind::Deployment,
        voice: Voice::System,
        delivery: Delivery::Pipeline,
        replicas,
        port,
        repository: String::new(),
        version: (1, 0, 0),
        cpu_m: 100,
        memory_request_mi: 70,
        memory_limit_mi: 340,
        memory_use_mi: 60,
        calls: &[],
        volume_gi: None,
        path: None,
        scale: None,
        pull_secret: None,
    };
    let labels = json!({ "k8s-app": app });
    let template = plain_template(&labels, name, vec![component(name, image, port)]);
    let rolled_out = time::days_before(shop.now(), 61);
    let mut object = deployment(&shop.stamp, &workload, &template, 1, rolled_out);
    set(&mut object, "/metadata/labels", labels.clone());
    set(&mut object, "/spec/selector/matchLabels", labels);
    let active = replica_set(&shop.stamp, &object, &template, replicas, 1, rolled_out);
    let progressed = format!(
        "ReplicaSet \"{}\" has successfully progressed.",
        text(&active, "/metadata/name")
    );
    let settled = time::after(rolled_out, 50);
    let conditions = json!([
        condition(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
            settled,
            settled
        ),
        condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            &progressed,
            rolled_out,
            settled
        )
    ]);
    set(
        &mut object,
        "/status",
        json!({ "observedGeneration": 1, "conditions": conditions }),
    );
    shop.stamp.put(world, account(shop, name), INSTALLER, rolled_out);
    shop.stamp.put(world, object, INSTALLER, rolled_out);
    shop.stamp.put(world, active.clone(), CONTROLLER, settled);
    for ordinal in 0..replicas {
        if let Some(node) = shop.place(name, ordinal) {
            spawn::replica(world, shop, &active, node, time::after(rolled_out, 3));
        }
    }
}

fn account(shop: &Shop, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": shop.stamp.meta("ServiceAccount", SYSTEM, name, created(shop))
    })
}

fn plain_template(labels: &Value, account: &str, containers: Vec<Value>) -> Value {
    json!({
        "metadata": { "labels": labels },
        "spec": {
            "containers": containers, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "Default", "serviceAccountName": account, "serviceAccount": account,
            "securityContext": {}, "schedulerName": "default-scheduler",
            "priorityClassName": "system-cluster-critical",
            "tolerations": [{ "key": "CriticalAddonsOnly", "operator": "Exists" }]
        }
    })
}

/// A template as node agents have it: on the host's network, on any node, with priority.
pub fn agent_template(labels: &Value, account: &str, containers: Vec<Value>) -> Value {
    let mut template = plain_template(labels, account, containers);
    set(
        &mut template,
        "/spec/priorityClassName",
        json!("system-node-critical"),
    );
    set(
        &mut template,
        "/spec/tolerations",
        json!([{ "operator": "Exists" }]),
    );
    set(&mut template, "/spec/hostNetwork", json!(true));
    template
}

/// A container of a component with what it requests and how far it may go.
fn sized(mut container: Value, resources: &Value) -> Value {
    set(&mut container, "/resources", resources.clone());
    container
}

/// A container of a component.
pub fn component(name: &str, image: &str, port: u16) -> Value {
    json!({
        "name": name, "image": image, "imagePullPolicy": "IfNotPresent",
        "ports": [{ "name": "metrics", "containerPort": port, "protocol": "TCP" }],
        "resources": { "requests": { "cpu": "100m", "memory": "70Mi" }, "limits": { "memory": "340Mi" } },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"
    })
}

fn proxy_template() -> Value {
    let labels = json!({ "k8s-app": "kube-proxy" });
    agent_template(
        &labels,
        "kube-proxy",
        vec![sized(
            component("kube-proxy", "registry.k8s.io/kube-proxy:v1.33.1", 10249),
            &json!({ "requests": { "cpu": "100m" } }),
        )],
    )
}

/// Calico enforces NetworkPolicy.
fn calico_template() -> Value {
    let labels = json!({ "k8s-app": "calico-node" });
    let mut container = sized(
        component("calico-node", "docker.io/calico/node:v3.29.3", 9091),
        &json!({ "requests": { "cpu": "250m" } }),
    );
    push(
        &mut container,
        "/env",
        json!({ "name": "DATASTORE_TYPE", "value": "kubernetes" }),
    );
    push(
        &mut container,
        "/env",
        json!({ "name": "CLUSTER_TYPE", "value": "k8s,bgp" }),
    );
    push(
        &mut container,
        "/env",
        json!({ "name": "CALICO_NETWORKING_BACKEND", "value": "bird" }),
    );
    agent_template(&labels, "calico-node", vec![container])
}

/// The CSI node plugin with its registrar, which tells the kubelet of the driver, and its probe; resources as in the
/// chart of aws-ebs-csi-driver.
fn csi_node_template(shop: &Shop) -> Value {
    let platform = &shop.names.platform;
    let labels = json!({ "app": platform.csi_node, "app.kubernetes.io/component": "csi-driver" });
    let mut plugin = component(platform.csi_container, platform.csi_image, 9808);
    set(
        &mut plugin,
        "/args",
        json!([
            "node",
            "--endpoint=unix:/csi/csi.sock",
            "--logging-format=text",
            "--v=2"
        ]),
    );
    set(&mut plugin, "/securityContext", json!({ "privileged": true }));
    let mut registrar = component(
        "node-driver-registrar",
        "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.13.0",
        9809,
    );
    set(
        &mut registrar,
        "/args",
        json!([
            "--csi-address=/csi/csi.sock",
            format!(
                "--kubelet-registration-path=/var/lib/kubelet/plugins/{}/csi.sock",
                platform.driver
            )
        ]),
    );
    let mut probe = component(
        "liveness-probe",
        "registry.k8s.io/sig-storage/livenessprobe:v2.15.0",
        9810,
    );
    set(&mut probe, "/args", json!(["--csi-address=/csi/csi.sock"]));
    unset(&mut probe, "", "ports");
    let small = json!({ "requests": { "cpu": "10m", "memory": "40Mi" }, "limits": { "memory": "256Mi" } });
    let containers = [plugin, registrar, probe].map(|container| sized(container, &small));
    let mut template = agent_template(&labels, platform.csi_node, containers.to_vec());
    for (name, path) in [
        ("kubelet-dir", "/var/lib/kubelet"),
        ("plugin-dir", "/var/lib/kubelet/plugins"),
    ] {
        push(
            &mut template,
            "/spec/volumes",
            json!({ "name": name, "hostPath": { "path": path, "type": "Directory" } }),
        );
        push(
            &mut template,
            "/spec/containers/0/volumeMounts",
            json!({ "name": name, "mountPath": path }),
        );
    }
    template
}

fn add_dns(world: &mut World, shop: &Shop) {
    let shape = ServiceShape {
        namespace: SYSTEM,
        name: "kube-dns",
        labels: json!({ "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true" }),
        selector: json!({ "k8s-app": "kube-dns" }),
        port: ("dns-tcp", 53),
        headless: false,
    };
    let mut object = service(&shop.stamp, &shape, created(shop));
    set(&mut object, "/spec/clusterIP", json!("10.100.0.10"));
    set(&mut object, "/spec/clusterIPs", json!(["10.100.0.10"]));
    let dns = json!({ "name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53 });
    push(&mut object, "/spec/ports", dns);
    shop.stamp.put(world, object, INSTALLER, created(shop));
    let corefile = ".:53 {\n    errors\n    health {\n       lameduck 5s\n    }\n    ready\n    kubernetes cluster.local \
                    in-addr.arpa ip6.arpa {\n       pods insecure\n       fallthrough in-addr.arpa ip6.arpa\n       ttl \
                    30\n    }\n    prometheus :9153\n    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n    \
                    cache 30\n    loop\n    reload\n    loadbalance\n}\n";
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": shop.stamp.meta("ConfigMap", SYSTEM, "coredns", created(shop)), "data": { "Corefile": corefile }
    });
    shop.stamp.put(world, config, INSTALLER, created(shop));
    let shape = ServiceShape {
        namespace: SYSTEM,
        name: "metrics-server",
        labels: json!({ "k8s-app": "metrics-server" }),
        selector: json!({ "k8s-app": "metrics-server" }),
        port: ("https", 443),
        headless: false,
    };
    let mut object = service(&shop.stamp, &shape, created(shop));
    set(&mut object, "/spec/ports/0/targetPort", json!(10250));
    shop.stamp.put(world, object, INSTALLER, created(shop));
}

fn add_api_service(world: &mut World, shop: &Shop) {
    let labels = json!({ "component": "apiserver", "provider": "kubernetes" });
    let shape = ServiceShape {
        namespace: "default",
        name: "kubernetes",
        labels,
        selector: Value::Null,
        port: ("https", 443),
        headless: false,
    };
    let mut object = service(&shop.stamp, &shape, created(shop));
    crate::build::json::unset(&mut object, "/spec", "selector");
    set(&mut object, "/spec/clusterIP", json!("10.100.0.1"));
    set(&mut object, "/spec/clusterIPs", json!(["10.100.0.1"]));
    shop.stamp.put(world, object, INSTALLER, created(shop));
    let endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": shop.stamp.meta("Endpoints", "default", "kubernetes", created(shop)),
        "subsets": [{ "addresses": [{ "ip": "10.0.0.10" }], "ports": [{ "name": "https", "port": 6443, "protocol": "TCP" }] }]
    });
    shop.stamp.put(world, endpoints, INSTALLER, created(shop));
    let mut meta = shop
        .stamp
        .meta("EndpointSlice", "default", "kubernetes", created(shop));
    meta["labels"] = json!({ "kubernetes.io/service-name": "kubernetes" });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.0.0.10"], "conditions": { "ready": true } }],
        "ports": [{ "name": "https", "port": 6443, "protocol": "TCP" }]
    });
    shop.stamp.put(world, slice, INSTALLER, created(shop));
}
