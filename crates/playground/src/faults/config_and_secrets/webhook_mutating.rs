//! A webhook that redirects images to a mirror was installed, and the mirror lacks this one: a sound rollout's pods cannot
//! pull. Must not know how it is found.

use serde_json::{Value, json};

use super::scene::{hasty, roll};
use super::webhook::{Webhook, matches_pods, mutate};
use crate::build::json::{set, text};
use crate::build::time;
use crate::faults::image_and_deployment::edits::{delete_all, unready_pods};
use crate::faults::image_and_deployment::image_reference_wrong::{fail_pull, not_found};
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/webhook-mutating`.
pub(super) struct WebhookMutating;

const ID: &str = "config-and-secrets/webhook-mutating";
const NAMES: &[&str] = &["image-relay", "pull-proxy", "registry-relay"];

impl Fault for WebhookMutating {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(21, 44);
        let (Some(workload), Some(name)) = (ctx.pick_stateless(), ctx.rng.pick(NAMES).copied()) else {
            return Truth::without_cause("inconclusive");
        };
        let webhook = Webhook {
            kind: "MutatingWebhookConfiguration",
            name,
            verb: "mutate",
            image: "admission-relay:0.9.4",
            days: 0,
        };
        let installed = time::before(at, ctx.rng.range(1_200, 90_000));
        let object = webhook.install_at(world, ctx, 2, installed);
        let image = workload.image_at(workload.next_version());
        let rolled = roll(world, ctx, &workload, (at, false), |template| {
            set(template, "/spec/containers/0/image", json!(image));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let mirror = format!("mirror.{}", ctx.shop.names.registry);
        let found = image.replacen(&ctx.shop.names.registry, &mirror, 1);
        for pod in &rolled.new_pods {
            mutate(world, (&workload.namespace, pod), "/image", &json!(found));
            fail_pull(world, ctx, &workload.namespace, pod, &not_found(&found), true);
        }
        ctx.shows(
            &workload,
            rolled.new_pods.first().map(String::as_str),
            time::after(at, 4),
        );
        let params = json!({
            "field": format!("spec.containers[{}].image", workload.name), "found": found, "expected": image,
            "namespace": workload.namespace
        });
        Truth::cause(object, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        truth
            .root_causes
            .first()
            .is_some_and(|cause| matches_pods(world, &cause.object, text(&cause.params, "/namespace")))
    }

    /// Only pods that the webhook altered, or will alter, fail.
    fn afflicts(&self, world: &World, truth: &Truth, pod: &Value) -> Option<bool> {
        let victim = truth.victims.first()?;
        let root = crate::simulate::reconcile::root_of(world, pod);
        if &root != victim {
            return Some(false);
        }
        let template = text(truth.root_causes.first().map(|cause| &cause.params)?, "/expected");
        let image = text(pod, "/spec/containers/0/image");
        Some(image == template || image == text(&truth.root_causes.first()?.params, "/found"))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(workload)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let anew = delete_all(&unready_pods(world, workload));
        let mut removed = vec![Step::Delete(cause.object.clone())];
        removed.extend(anew.clone());
        let exclude = json!([{
            "op": "add", "path": "/webhooks/0/namespaceSelector/matchExpressions/0/values/-", "value": workload.namespace
        }]);
        let mut scoped = vec![Step::JsonPatch {
            object: cause.object.clone(),
            patch: exclude,
        }];
        scoped.extend(anew);
        let mut out = hasty(world, shop, workload);
        out.push(Remedy::heals("delete-webhook", removed));
        out.push(Remedy::heals("exclude-namespace", scoped));
        out
    }
}
