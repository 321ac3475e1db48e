//! Admission webhooks of pods: configuration, Service, Deployment. Must not know whether they do harm.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::build::json::{set, text};
use crate::build::object::{CONTROLLER, INSTALLER, annotate};
use crate::build::time;
use crate::faults::{FaultContext, key};
use crate::shop::Shop;
use crate::world::{ObjectKey, World};

const GROUP: &str = "admissionregistration.k8s.io";
/// The certificate of who signed the webhooks' own, in base64.
pub(in crate::faults) const AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";

/// A webhook that the API server asks about new pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::faults) struct Webhook<'a> {
    /// Kind of its configuration.
    pub(in crate::faults) kind: &'static str,
    /// Name of the configuration, the Service and the Deployment.
    pub(in crate::faults) name: &'a str,
    /// First part of the webhook's name and path: `validate` or `mutate`.
    pub(in crate::faults) verb: &'static str,
    /// Image below the registry.
    pub(in crate::faults) image: &'a str,
    /// Days since it was installed.
    pub(in crate::faults) days: i64,
}

impl Webhook<'_> {
    /// Key of the configuration.
    pub(in crate::faults) fn key(&self) -> ObjectKey {
        key(GROUP, self.kind, "", self.name)
    }

    /// Puts it into the world: Deployment and Service in the platform's namespace, and its configuration.
    pub(in crate::faults) fn install(
        &self,
        world: &mut World,
        ctx: &FaultContext,
        replicas: usize,
    ) -> ObjectKey {
        let created = time::days_before(ctx.shop.now(), self.days);
        self.install_at(world, ctx, replicas, created)
    }

    /// As [`Webhook::install`], at a moment.
    pub(in crate::faults) fn install_at(
        &self,
        world: &mut World,
        ctx: &FaultContext,
        replicas: usize,
        created: Timestamp,
    ) -> ObjectKey {
        let shop = &ctx.shop;
        let platform = shop.names.namespace("platform");
        self.serve(world, shop, &platform, (replicas, created));
        let configuration = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": self.kind,
            "metadata": shop.stamp.meta(self.kind, "", self.name, created),
            "webhooks": [{
                "name": format!("{}.{}.io", self.verb, self.name), "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10,
                "clientConfig": {
                    "service": {
                        "namespace": platform, "name": self.name, "path": format!("/{}", self.verb), "port": 443
                    },
                    "caBundle": AUTHORITY
                },
                "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*" }],
                "namespaceSelector": { "matchExpressions": [
                    { "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", platform] }
                ] },
                "objectSelector": {}
            }]
        });
        let mut configuration = configuration;
        if self.kind == "MutatingWebhookConfiguration" {
            set(
                &mut configuration,
                "/webhooks/0/reinvocationPolicy",
                json!("Never"),
            );
        }
        shop.stamp.put(world, configuration, INSTALLER, created);
        self.key()
    }

    /// Service, Deployment and pods.
    fn serve(&self, world: &mut World, shop: &Shop, platform: &str, (replicas, created): (usize, Timestamp)) {
        let labels = json!({ "app.kubernetes.io/name": self.name });
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": shop.stamp.labelled("Service", platform, self.name, created, &labels),
            "spec": {
                "type": "ClusterIP", "selector": labels,
                "clusterIP": crate::build::service::cluster_ip(&shop.stamp, platform, self.name),
                "ports": [{ "name": "https", "port": 443, "targetPort": 9443, "protocol": "TCP" }]
            },
            "status": { "loadBalancer": {} }
        });
        shop.stamp.put(world, service, INSTALLER, created);
        let container = json!({
            "name": self.name, "image": format!("{}/{}", shop.names.registry, self.image),
            "ports": [{ "containerPort": 9443, "name": "webhook", "protocol": "TCP" }],
            "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } }
        });
        let mut deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": shop.stamp.labelled("Deployment", platform, self.name, created, &labels),
            "spec": {
                "replicas": replicas, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } }
            },
            "status": {}
        });
        annotate(&mut deployment, "deployment.kubernetes.io/revision", "3");
        shop.stamp.put(world, deployment.clone(), INSTALLER, created);
        let template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
        let set =
            crate::build::controller::replica_set(&shop.stamp, &deployment, &template, replicas, 3, created);
        shop.stamp.put(world, set.clone(), CONTROLLER, created);
        for ordinal in 0..replicas {
            if let Some(node) = shop.place(self.name, ordinal).cloned() {
                crate::simulate::spawn::replica(world, shop, &set, &node, time::after(created, 9));
            }
        }
    }
}

/// What a mutating webhook made of a pod's first container: the field at `pointer` has another value than the
/// template. The patch is part of the create request, so its manager owns the field.
pub(in crate::faults) fn mutate(
    world: &mut World,
    (namespace, pod): (&str, &str),
    pointer: &str,
    value: &Value,
) {
    let Some(object) = world.get_mut("Pod", namespace, pod) else {
        return;
    };
    set(object, &format!("/spec/containers/0{pointer}"), value.clone());
    if pointer == "/image" {
        set(object, "/status/containerStatuses/0/image", value.clone());
    }
}

/// Whether a configuration still asks its webhook about new pods of a namespace.
pub(in crate::faults) fn matches_pods(world: &World, configuration: &ObjectKey, namespace: &str) -> bool {
    world.object(configuration).is_some_and(|object| {
        crate::build::json::items(object, "/webhooks")
            .iter()
            .any(|webhook| {
                let excluded = crate::build::json::items(webhook, "/namespaceSelector/matchExpressions")
                    .iter()
                    .filter(|expression| text(expression, "/operator") == "NotIn")
                    .flat_map(|expression| crate::build::json::items(expression, "/values"))
                    .any(|value| value == namespace);
                !excluded && !crate::build::json::items(webhook, "/rules").is_empty()
            })
    })
}
