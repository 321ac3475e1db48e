//! The image pull secret of a namespace is deleted; pods that move to other nodes cannot pull. Must not know how it
//! is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::edits::in_vain;
use super::image_reference_wrong::{attempts, fail_pull};
use crate::build::event::{Happening, record};
use crate::build::json::{items, set, text};
use crate::build::time;
use crate::build::workload::{Delivery, Kind, Workload};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::reconcile::has_image;
use crate::simulate::rollout::{active_set, controller_event, pods_of, remove_pod, stopping_event};
use crate::simulate::spawn::replica;
use crate::world::{ObjectKey, World};

/// `image-and-deployment/image-pull-secret-missing`.
pub struct ImagePullSecretMissing;

const ID: &str = "image-and-deployment/image-pull-secret-missing";

impl Fault for ImagePullSecretMissing {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(22, 52);
        let targets = targets(ctx);
        let Some(secret) = targets.first().and_then(|workload| workload.pull_secret.clone()) else {
            return Truth::without_cause("inconclusive");
        };
        let namespace = targets
            .first()
            .map(|workload| workload.namespace.clone())
            .unwrap_or_default();
        world.remove("Secret", &namespace, &secret);
        let mut victims: Vec<ObjectKey> = Vec::new();
        for (index, workload) in targets.iter().enumerate() {
            let moved = time::after(at, 40 * i64::try_from(index).unwrap_or(0));
            let Some(pod) = reschedule(world, ctx, workload, moved) else {
                continue;
            };
            let image = workload.image();
            fail_pull(world, ctx, &namespace, &pod, &denied(&image), true);
            secret_event(
                world,
                &ctx.shop,
                (&namespace, &pod),
                &secret,
                time::after(moved, 2),
            );
            victims.push(workload_key(workload));
            victims.push(key("", "Pod", &namespace, &pod));
            if index == 0 {
                ctx.shows(workload, Some(&pod), time::after(moved, 3));
            }
        }
        let params = json!({ "field": "spec.template.spec.imagePullSecrets[0].name", "found": null, "expected": secret });
        Truth::cause(key("", "Secret", &namespace, &secret), ID, params, victims)
    }

    /// Deployments of the namespace name pull secrets and none of them is there, or those that need one name none.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let namespace = cause.object.namespace.as_str();
        world
            .of_kind("Deployment")
            .filter(|object| text(object, "/metadata/namespace") == namespace)
            .any(|object| {
                let named = items(object, "/spec/template/spec/imagePullSecrets");
                let needs = ObjectKey::of(object).is_some_and(|key| truth.victims.contains(&key));
                let account = world.get(
                    "ServiceAccount",
                    namespace,
                    text(object, "/spec/template/spec/serviceAccountName"),
                );
                // An account's secrets go to pods that name none (`plugin/pkg/admission/serviceaccount`).
                let lent = account.map_or(&[][..], |account| items(account, "/imagePullSecrets"));
                let used = if named.is_empty() { lent } else { named };
                (needs || !used.is_empty())
                    && !used
                        .iter()
                        .any(|reference| world.get("Secret", namespace, text(reference, "/name")).is_some())
            })
    }

    /// Pods that pull with the secret, on nodes that do not have their image.
    fn afflicts(&self, world: &World, truth: &Truth, pod: &Value) -> Option<bool> {
        let cause = truth.root_causes.first()?;
        let pulls = text(pod, "/metadata/namespace") == cause.object.namespace
            && items(pod, "/spec/imagePullSecrets")
                .iter()
                .any(|reference| text(reference, "/name") == cause.object.name);
        let image = text(pod, "/spec/containers/0/image");
        Some(pulls && !has_image(world, text(pod, "/spec/nodeName"), image))
    }

    fn remedies(&self, world: &World, _: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": { "name": cause.object.name, "namespace": cause.object.namespace },
            "data": { ".dockerconfigjson": "eyJhdXRocyI6e319" }
        });
        let mut another = secret.clone();
        let name = format!("{}-2", cause.object.name);
        set(&mut another, "/metadata/name", json!(name));
        let mut repointed = vec![Step::Create(another)];
        repointed.extend(askers(world, &cause.object).into_iter().map(|object| Step::JsonPatch {
            object,
            patch: json!([{
                "op": "replace", "path": "/spec/template/spec/imagePullSecrets", "value": [{ "name": name }]
            }]),
        }));
        let mut out = vec![
            Remedy::heals("create-secret", vec![Step::Create(secret)]),
            Remedy::heals("use-another-secret", repointed),
        ];
        if let Some(victim) = truth.victims.iter().find(|victim| victim.kind == "Deployment") {
            out.extend(in_vain(world, victim));
        }
        out
    }
}

/// The workloads that pull with the secret.
fn askers(world: &World, secret: &ObjectKey) -> Vec<ObjectKey> {
    ["Deployment", "StatefulSet"]
        .into_iter()
        .flat_map(|kind| world.of_kind(kind))
        .filter(|object| text(object, "/metadata/namespace") == secret.namespace)
        .filter(|object| {
            items(object, "/spec/template/spec/imagePullSecrets")
                .iter()
                .any(|reference| text(reference, "/name") == secret.name)
        })
        .filter_map(ObjectKey::of)
        .collect()
}

/// What containerd answers without credentials, as the kubelet passes it on: `core/remotes/docker/resolver.go`
/// (`ErrInvalidAuthorization`); the kubelet strips the gRPC code because it is Unknown
/// (`pkg/kubelet/cri/remote/remote_image.go`, `pullImageV1`).
pub fn denied(image: &str) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": pull access denied, \
         repository does not exist or may require authorization: authorization failed"
    )
}

/// Two workloads of one namespace that pull with the secret.
fn targets(ctx: &mut FaultContext) -> Vec<Workload> {
    let mut found: Vec<Workload> = ctx
        .shop
        .workloads
        .iter()
        .filter(|workload| workload.namespace == ctx.shop.names.namespace("shop"))
        .filter(|workload| workload.kind == Kind::Deployment && workload.delivery == Delivery::Pipeline)
        .filter(|workload| {
            workload.replicas > 1 && workload.pull_secret.is_some() && workload.volume_gi.is_none()
        })
        .cloned()
        .collect();
    ctx.rng.shuffle(&mut found);
    found.truncate(2);
    found
}

/// Deletes one of the workload's pods and lets the ReplicaSet replace it on a node that runs none of them.
fn reschedule(
    world: &mut World,
    ctx: &mut FaultContext,
    workload: &Workload,
    at: Timestamp,
) -> Option<String> {
    let namespace = workload.namespace.as_str();
    let set = active_set(world, namespace, &workload.name)?;
    let set_name = text(&set, "/metadata/name").to_owned();
    let pods = pods_of(world, namespace, &set_name);
    let old = pods.first()?.clone();
    let taken: Vec<String> = pods
        .iter()
        .filter_map(|pod| world.get("Pod", namespace, pod))
        .map(|pod| text(pod, "/spec/nodeName").to_owned())
        .collect();
    let node = ctx
        .shop
        .nodes
        .iter()
        .find(|node| !taken.contains(&node.name))?
        .clone();
    stopping_event(world, &ctx.shop, namespace, &old, at);
    remove_pod(world, &mut ctx.metrics, namespace, &old, at);
    let created = time::after(at, 1);
    let pod = replica(world, &ctx.shop, &set, &node, created);
    let parent = ("ReplicaSet", namespace, set_name.as_str());
    controller_event(
        world,
        &ctx.shop,
        parent,
        "replicaset-controller",
        "SuccessfulCreate",
        format!("Created pod: {pod}"),
        created,
    );
    Some(pod)
}

/// `pkg/kubelet/kubelet_pods.go`, `getPullSecretsForPod`: reason `FailedToRetrieveImagePullSecret`.
fn secret_event(
    world: &mut World,
    shop: &Shop,
    (namespace, pod): (&str, &str),
    secret: &str,
    first: Timestamp,
) {
    let node = world
        .get("Pod", namespace, pod)
        .map(|object| text(object, "/spec/nodeName").to_owned());
    let tries = attempts(first, shop.now()).len();
    let syncs = (shop.now().as_second() - first.as_second()) / 13;
    let happening = Happening {
        object: ("Pod", namespace, pod),
        container: None,
        kind: "Warning",
        reason: "FailedToRetrieveImagePullSecret",
        message: format!(
            "Unable to retrieve some image pull secrets ({secret}); attempting to pull the image may not succeed."
        ),
        component: "kubelet",
        node: node.as_deref().unwrap_or_default(),
        first,
        last: time::before(shop.now(), 6),
        count: syncs.max(i64::try_from(tries).unwrap_or(1)),
    };
    record(&shop.stamp, world, &happening);
}
