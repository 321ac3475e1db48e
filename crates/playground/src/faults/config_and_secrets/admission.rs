//! Rollouts whose pods are not admitted: the account is gone, the security context breaks the namespace's level, a
//! webhook does not answer or is not trusted. Must not know how it is found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::scene::{edit, hasty, refuse_pods, restart, roll, undo};
use super::webhook::{AUTHORITY, Webhook, matches_pods};
use crate::build::json::{flag, items, push, set, text};
use crate::build::object::{INSTALLER, KUBECTL_EDIT};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::Shop;
use crate::simulate::rollout::Rolled;
use crate::world::World;

/// `config-and-secrets/service-account-missing`.
pub(super) struct ServiceAccountMissing;
/// `config-and-secrets/security-context-rejected`.
pub(super) struct SecurityContextRejected;
/// `config-and-secrets/webhook-blocking`.
pub(super) struct WebhookBlocking;
/// `config-and-secrets/webhook-ca-mismatch`.
pub(super) struct WebhookCaMismatch;

const SERVICE: &str = "policy-guard";
const GUARD: Webhook<'static> = Webhook {
    kind: "ValidatingWebhookConfiguration",
    name: SERVICE,
    verb: "validate",
    image: "policy-guard:1.8.2",
    days: 88,
};

/// A release of the next version, as on any day.
fn release(world: &mut World, ctx: &mut FaultContext, workload: &Workload, at: Timestamp) -> Option<Rolled> {
    let image = workload.image_at(workload.next_version());
    roll(world, ctx, workload, (at, false), |template| {
        set(template, "/spec/containers/0/image", json!(image));
    })
}

impl Fault for ServiceAccountMissing {
    fn id(&self) -> &'static str {
        "config-and-secrets/service-account-missing"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let account = key("", "ServiceAccount", &workload.namespace, &workload.name);
        world.remove_object(&account);
        let Some(rolled) = release(world, ctx, &workload, at) else {
            return Truth::without_cause("inconclusive");
        };
        // plugin/pkg/admission/serviceaccount/admission.go, Admit.
        let why = format!(
            "pods \"{}-\" is forbidden: error looking up service account {}/{}: serviceaccount \"{}\" not found",
            rolled.replica_set, account.namespace, account.name, account.name
        );
        refuse_pods(world, ctx, &workload, &rolled, &why);
        ctx.shows(&workload, None, time::after(at, 601));
        let params = json!({ "field": "metadata.name", "found": null, "expected": account.name });
        Truth::cause(account, self.id(), params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth.victims.first().is_some_and(|workload| {
            world.object(workload).is_some_and(|object| {
                let account = text(object, "/spec/template/spec/serviceAccountName");
                let account = if account.is_empty() { "default" } else { account };
                world
                    .get("ServiceAccount", &workload.namespace, account)
                    .is_none()
            })
        })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": cause.object.name, "namespace": cause.object.namespace }
        });
        let mut out = hasty(world, shop, workload);
        out.push(Remedy::heals("create-account", vec![Step::Create(account)]));
        let other = json!({ "serviceAccountName": "default", "serviceAccount": "default" });
        out.push(Remedy::heals(
            "use-default-account",
            vec![edit(workload, "/spec/template/spec", other)],
        ));
        out
    }
}

impl Fault for SecurityContextRejected {
    fn id(&self) -> &'static str {
        "config-and-secrets/security-context-rejected"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let since = time::days_before(ctx.shop.now(), 140);
        if let Some(namespace) = world.get_mut("Namespace", "", &workload.namespace) {
            let label = "/metadata/labels/pod-security.kubernetes.io~1enforce";
            set(namespace, label, json!("baseline"));
            ctx.shop.stamp.touch(namespace, INSTALLER, since, &[label]);
        }
        let host_path = ctx.rng.chance(50);
        let rolled = roll(world, ctx, &workload, (at, false), |template| {
            if host_path {
                let volume = json!({ "name": "host-logs", "hostPath": { "path": "/var/log", "type": "" } });
                push(template, "/spec/volumes", volume);
                let mount = json!({ "name": "host-logs", "mountPath": "/host/log", "readOnly": true });
                push(template, "/spec/containers/0/volumeMounts", mount);
            } else {
                set(
                    template,
                    "/spec/containers/0/securityContext/privileged",
                    json!(true),
                );
                set(
                    template,
                    "/spec/containers/0/securityContext/allowPrivilegeEscalation",
                    json!(true),
                );
            }
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let name = &workload.name;
        // k8s.io/pod-security-admission, policy/check_hostPathVolumes.go and check_privileged.go.
        let (violation, field, found) = if host_path {
            (
                "hostPath volumes (volume \"host-logs\")".to_owned(),
                "spec.template.spec.volumes[host-logs].hostPath".to_owned(),
                "/var/log",
            )
        } else {
            (
                format!("privileged (container \"{name}\" must not set securityContext.privileged=true)"),
                format!("spec.template.spec.containers[{name}].securityContext.privileged"),
                "true",
            )
        };
        let pod = format!("{}-{}", rolled.replica_set, ctx.shop.stamp.suffix("refused", 5));
        let why =
            format!("pods \"{pod}\" is forbidden: violates PodSecurity \"baseline:latest\": {violation}");
        refuse_pods(world, ctx, &workload, &rolled, &why);
        ctx.shows(&workload, None, time::after(at, 601));
        let params = json!({ "field": field, "found": found, "expected": "what level baseline admits" });
        Truth::cause(workload_key(&workload), self.id(), params, Vec::new())
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let enforced = world
            .get("Namespace", "", &cause.object.namespace)
            .map(|found| text(found, "/metadata/labels/pod-security.kubernetes.io~1enforce").to_owned());
        let breaks = |object: &Value| {
            items(object, "/spec/template/spec/volumes")
                .iter()
                .any(|volume| volume.get("hostPath").is_some())
                || flag(
                    object,
                    "/spec/template/spec/containers/0/securityContext/privileged",
                )
        };
        matches!(enforced.as_deref(), Some("baseline" | "restricted"))
            && world.object(&cause.object).is_some_and(breaks)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let mut out = hasty(world, shop, &cause.object);
        if let Some(step) = undo(world, &cause.object) {
            out.push(Remedy::heals("rollout-undo", vec![step]));
        }
        if let Some(template) = world
            .object(&cause.object)
            .and_then(|object| object.pointer("/spec/template"))
        {
            let patch = json!([{ "op": "replace", "path": "/spec/template", "value": harmless(template) }]);
            let object = cause.object.clone();
            out.push(Remedy::heals(
                "drop-privileges",
                vec![Step::JsonPatch { object, patch }],
            ));
        }
        out
    }
}

/// A template without paths of the host and without privileges.
fn harmless(template: &Value) -> Value {
    let mut template = template.clone();
    let (kept, dropped): (Vec<Value>, Vec<Value>) = items(&template, "/spec/volumes")
        .iter()
        .cloned()
        .partition(|volume| volume.get("hostPath").is_none());
    let mounts: Vec<Value> = items(&template, "/spec/containers/0/volumeMounts")
        .iter()
        .filter(|mount| {
            dropped
                .iter()
                .all(|volume| volume.get("name") != mount.get("name"))
        })
        .cloned()
        .collect();
    if !dropped.is_empty() {
        set(&mut template, "/spec/volumes", Value::Array(kept));
        set(
            &mut template,
            "/spec/containers/0/volumeMounts",
            Value::Array(mounts),
        );
    }
    for field in ["privileged", "allowPrivilegeEscalation"] {
        set(
            &mut template,
            &format!("/spec/containers/0/securityContext/{field}"),
            json!(false),
        );
    }
    template
}

/// What the API server says when it cannot call a webhook (`k8s.io/apiserver`, `pkg/admission/plugin/webhook/errors`).
fn uncalled(ctx: &FaultContext, cause: &str) -> String {
    let platform = ctx.shop.names.namespace("platform");
    format!(
        "Internal error occurred: failed calling webhook \"validate.{SERVICE}.io\": failed to call webhook: Post \
         \"https://{SERVICE}.{platform}.svc:443/validate?timeout=10s\": {cause}"
    )
}

impl Fault for WebhookBlocking {
    fn id(&self) -> &'static str {
        "config-and-secrets/webhook-blocking"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let object = GUARD.install(world, ctx, 0);
        let Some(rolled) = release(world, ctx, &workload, at) else {
            return Truth::without_cause("inconclusive");
        };
        let why = uncalled(ctx, &format!("no endpoints available for service \"{SERVICE}\""));
        refuse_pods(world, ctx, &workload, &rolled, &why);
        ctx.shows(&workload, None, time::after(at, 601));
        let params = json!({ "field": "webhooks[0].failurePolicy", "found": "Fail", "expected": "a webhook that answers" });
        Truth::cause(object, self.id(), params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        blocks(world, truth) && !is_served(world)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let platform = shop.names.namespace("platform");
        let guard = key("apps", "Deployment", &platform, SERVICE);
        let mut out = hasty(world, shop, workload);
        out.push(Remedy::heals(
            "scale-webhook-up",
            vec![edit(&guard, "/spec/replicas", json!(2))],
        ));
        out.push(Remedy::heals(
            "delete-webhook",
            vec![Step::Delete(cause.object.clone())],
        ));
        out
    }
}

impl Fault for WebhookCaMismatch {
    fn id(&self) -> &'static str {
        "config-and-secrets/webhook-ca-mismatch"
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_stateless() else {
            return Truth::without_cause("inconclusive");
        };
        let object = GUARD.install(world, ctx, 2);
        let edited = time::before(at, ctx.rng.range(300, 5_400));
        if let Some(found) = world.get_mut(GUARD.kind, "", SERVICE) {
            set(
                found,
                "/webhooks/0/clientConfig/caBundle",
                json!("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk9MRAo="),
            );
            ctx.shop.stamp.touch(found, KUBECTL_EDIT, edited, &["/webhooks"]);
        }
        let Some(rolled) = release(world, ctx, &workload, at) else {
            return Truth::without_cause("inconclusive");
        };
        // crypto/tls since Go 1.20; crypto/x509 UnknownAuthorityError.
        let why = uncalled(
            ctx,
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        );
        refuse_pods(world, ctx, &workload, &rolled, &why);
        ctx.shows(&workload, None, time::after(at, 601));
        let params = json!({ "field": "webhooks[0].clientConfig.caBundle", "found": "another authority's certificate",
            "expected": "the certificate of who signed the webhook's", "held": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk9MRAo=" });
        Truth::cause(object, self.id(), params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        blocks(world, truth)
            && world
                .object(&cause.object)
                .is_some_and(|object| text(object, "/webhooks/0/clientConfig/caBundle") != AUTHORITY)
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let platform = shop.names.namespace("platform");
        let guard = key("apps", "Deployment", &platform, SERVICE);
        let replace = |path: &str, value: &str| {
            vec![Step::JsonPatch {
                object: cause.object.clone(),
                patch: json!([{ "op": "replace", "path": path, "value": value }]),
            }]
        };
        let mut out = hasty(world, shop, workload);
        out.push(Remedy::heals(
            "inject-ca",
            replace("/webhooks/0/clientConfig/caBundle", AUTHORITY),
        ));
        out.push(Remedy::heals(
            "fail-open",
            replace("/webhooks/0/failurePolicy", "Ignore"),
        ));
        out.push(Remedy::heals(
            "delete-webhook",
            vec![Step::Delete(cause.object.clone())],
        ));
        out.push(Remedy::fails(
            "restart-webhook",
            vec![restart(&guard, shop.now())],
        ));
        out
    }
}

/// Whether the configuration is there, fails closed and matches pods of the workload's namespace.
fn blocks(world: &World, truth: &Truth) -> bool {
    let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
        return false;
    };
    let fails_closed = world.object(&cause.object).is_some_and(|object| {
        items(object, "/webhooks")
            .iter()
            .any(|webhook| text(webhook, "/failurePolicy") != "Ignore")
    });
    fails_closed && matches_pods(world, &cause.object, &workload.namespace)
}

/// Whether the guard has pods, or is to have some.
fn is_served(world: &World) -> bool {
    world.of_kind("Deployment").any(|found| {
        text(found, "/metadata/name") == SERVICE && crate::build::json::number(found, "/spec/replicas") > 0
    })
}
