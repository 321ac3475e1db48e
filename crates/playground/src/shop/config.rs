//! ServiceAccounts, ConfigMaps, Secrets and access rules of the shop. Must not know who misuses them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Shop, apps, catalogue};
use crate::build::controller::release_annotations;
use crate::build::json::{escape, set};
use crate::build::object::{CONTROLLER, INSTALLER, PIPELINE};
use crate::build::template::credentials;
use crate::build::time;
use crate::build::workload::{Voice, Workload};
use crate::names::NAMESPACES;
use crate::world::World;

/// A self-signed certificate without meaning, valid from 2025 to 2046.
pub const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBCzCBsQIGTyoRwJ0+MAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHNob3AwHhcN\n\
MjUwMTEwMDAwMDAwWhcNNDYwMTEwMDAwMDAwWjAPMQ0wCwYDVQQDDARzaG9wMFkw\n\
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKh2qhpA5dzeDLuUO+SOUTWJQDIzy9hb7\n\
NxYJjmI0CA+4ktixBCq8GF1DQnFnqg3YOP/yrM6MvzX53QRHl4DUBTAKBggqhkjO\n\
PQQDAgNJADBGAiEA8A3eL2S2/OVqmPvmNa2eKAPmq/Nw2+14k0THg4vpHAACIQC6\n\
1uWIfnGUISlcyvsgiPsC3/noYv9xUeaaP+fu0SI3Jg==\n\
-----END CERTIFICATE-----\n";

/// Adds what the namespaces and the workloads are configured with.
pub fn build(world: &mut World, shop: &Shop) {
    for (role, _) in NAMESPACES {
        add_namespace_defaults(world, shop, &shop.names.namespace(role));
    }
    for namespace in ["default", "kube-system"] {
        add_namespace_defaults(world, shop, namespace);
    }
    for role in ["shop", "payments"] {
        add_pull_secret(world, shop, role);
    }
    for workload in &shop.workloads {
        add_workload_config(world, shop, workload);
    }
    add_certificate(world, shop);
    add_access(world, shop);
}

/// A Secret with the values in base64.
pub fn secret(
    shop: &Shop,
    namespace: &str,
    name: &str,
    kind: &str,
    values: &[(&str, &str)],
    created: Timestamp,
) -> Value {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": shop.stamp.meta("Secret", namespace, name, created), "type": kind, "data": {}
    });
    for (key, value) in values {
        set(
            &mut object,
            &format!("/data/{}", escape(key)),
            json!(STANDARD.encode(value)),
        );
    }
    object
}

/// The ConfigMap of a workload: log level, and addresses of what it calls over other protocols than HTTP.
pub fn config_map(shop: &Shop, workload: &Workload) -> Value {
    let mut data = json!({ "LOG_LEVEL": "info", "REQUEST_TIMEOUT_MS": "5000" });
    for callee in shop.callees(workload) {
        let callee = callee.workload;
        let stem = callee.name.to_uppercase().replace(['-', '.'], "_");
        let address = format!("{}:{}", callee.host(), callee.port);
        match callee.voice {
            Voice::Redis => set(&mut data, &format!("/{stem}_ADDR"), json!(address)),
            Voice::Kafka => set(&mut data, &format!("/{stem}_BOOTSTRAP_SERVERS"), json!(address)),
            Voice::Search | Voice::System => set(
                &mut data,
                &format!("/{stem}_ENDPOINT"),
                json!(format!("http://{address}")),
            ),
            _ => {}
        }
    }
    let created = apps::ages(shop, workload).created;
    let name = format!("{}-config", workload.name);
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": shop.stamp.labelled("ConfigMap", &workload.namespace, &name, created, &workload.labels()),
        "data": data
    });
    release_annotations(&mut object, workload);
    object
}

/// The ServiceAccount of a workload.
pub fn service_account(shop: &Shop, workload: &Workload) -> Value {
    let created = apps::ages(shop, workload).created;
    let Workload { namespace, name, .. } = workload;
    let mut object = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": shop.stamp.labelled("ServiceAccount", namespace, name, created, &workload.labels())
    });
    release_annotations(&mut object, workload);
    object
}

fn add_namespace_defaults(world: &mut World, shop: &Shop, namespace: &str) {
    let created = time::days_before(shop.now(), 402);
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": shop.stamp.meta("ServiceAccount", namespace, "default", created)
    });
    shop.stamp.put(world, account, CONTROLLER, created);
    let roots = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": shop.stamp.meta("ConfigMap", namespace, "kube-root-ca.crt", created),
        "data": { "ca.crt": CERTIFICATE }
    });
    shop.stamp.put(world, roots, CONTROLLER, created);
}

fn add_pull_secret(world: &mut World, shop: &Shop, role: &str) {
    let created = time::days_before(shop.now(), 320);
    let namespace = shop.names.namespace(role);
    let name = catalogue::pull_secret(&shop.names, role);
    let password = shop
        .stamp
        .digest(&format!("pull/{role}"))
        .get(..24)
        .unwrap_or_default()
        .to_owned();
    let auth = STANDARD.encode(format!("puller:{password}"));
    let config = json!({
        "auths": { shop.names.registry.as_str(): { "username": "puller", "password": password, "auth": auth } }
    })
    .to_string();
    let kind = "kubernetes.io/dockerconfigjson";
    let object = secret(
        shop,
        &namespace,
        &name,
        kind,
        &[(".dockerconfigjson", config.as_str())],
        created,
    );
    shop.stamp.put(world, object, PIPELINE, created);
}

fn add_workload_config(world: &mut World, shop: &Shop, workload: &Workload) {
    let created = apps::ages(shop, workload).created;
    let author = workload.delivery.author();
    shop.stamp
        .put(world, service_account(shop, workload), author, created);
    if workload.voice.speaks_http() && workload.voice != Voice::Nginx {
        shop.stamp.put(world, config_map(shop, workload), author, created);
    }
    if workload.voice == Voice::Postgres || workload.calls.contains(&"postgres") {
        let user = workload.name.replace('-', "_");
        let password = shop
            .stamp
            .digest(&format!("password/{}", workload.name))
            .get(..20)
            .unwrap_or_default()
            .to_owned();
        let values = [("username", user.as_str()), ("password", password.as_str())];
        let object = secret(
            shop,
            &workload.namespace,
            &credentials(workload),
            "Opaque",
            &values,
            created,
        );
        shop.stamp.put(world, object, PIPELINE, created);
    }
}

fn add_certificate(world: &mut World, shop: &Shop) {
    let created = time::days_before(shop.now(), 33);
    let key = format!(
        "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n",
        STANDARD.encode(shop.stamp.digest("tls"))
    );
    for role in ["shop", "payments"] {
        let values = [("tls.crt", CERTIFICATE), ("tls.key", key.as_str())];
        let namespace = shop.names.namespace(role);
        let object = secret(
            shop,
            &namespace,
            &tls_secret(shop),
            "kubernetes.io/tls",
            &values,
            created,
        );
        shop.stamp.put(world, object, PIPELINE, created);
    }
}

/// Name of the Secret with the public certificate.
pub fn tls_secret(shop: &Shop) -> String {
    format!("{}-tls", shop.names.host.replace('.', "-"))
}

fn add_access(world: &mut World, shop: &Shop) {
    let created = time::days_before(shop.now(), 300);
    let platform = shop.names.namespace("platform");
    let scraper = shop.names.workload("prometheus");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": shop.stamp.meta("ClusterRole", "", &scraper, created),
        "rules": [
            { "apiGroups": [""], "resources": ["nodes", "nodes/metrics", "services", "endpoints", "pods"], "verbs": ["get", "list", "watch"] },
            { "nonResourceURLs": ["/metrics"], "verbs": ["get"] }
        ]
    });
    shop.stamp.put(world, role, INSTALLER, created);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": shop.stamp.meta("ClusterRoleBinding", "", &scraper, created),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": scraper },
        "subjects": [{ "kind": "ServiceAccount", "name": scraper, "namespace": platform }]
    });
    shop.stamp.put(world, binding, INSTALLER, created);
    let reader = shop.names.workload("reports");
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"] }]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": shop.stamp.meta("Role", &platform, &reader, created), "rules": rules
    });
    shop.stamp.put(world, role, PIPELINE, created);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": shop.stamp.meta("RoleBinding", &platform, &reader, created),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": reader },
        "subjects": [{ "kind": "ServiceAccount", "name": reader, "namespace": platform }]
    });
    shop.stamp.put(world, binding, PIPELINE, created);
}
