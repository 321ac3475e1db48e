//! A Helm upgrade was killed midway or its hook failed: the newest revision is pending or failed, and the workload still
//! runs the one before. Must not know how it is found. `params.form`: `pending` or `hook`.

use jiff::Timestamp;
use serde_json::json;

use super::edits::restart;
use crate::build::helm::{Revision, secret_name, store};
use crate::build::json::{number, set, text};
use crate::build::time;
use crate::build::workload::Workload;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::{Shop, releases};
use crate::world::World;

/// `image-and-deployment/helm-release-failed`.
pub struct HelmReleaseFailed;

const ID: &str = "image-and-deployment/helm-release-failed";

impl Fault for HelmReleaseFailed {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(40, 170);
        let Some(workload) = ctx.pick_role(&["catalog", "payments-api", "ledger"]) else {
            return Truth::without_cause("inconclusive");
        };
        let is_pending = match ctx.text_param("form") {
            Some(form) => form == "pending",
            None => ctx.rng.chance(50),
        };
        let number = attempt(world, &ctx.shop, &workload, is_pending, at);
        ctx.shows(&workload, None, time::after(at, 300));
        let found = if is_pending { "pending-upgrade" } else { "failed" };
        let params = json!({ "field": "status", "found": found, "expected": "deployed", "revision": number });
        let release = key("helm.sh", "Release", &workload.namespace, &workload.name);
        Truth::cause(release, ID, params, vec![workload_key(&workload)])
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        let newest = world
            .of_kind("Secret")
            .filter(|secret| {
                text(secret, "/metadata/namespace") == cause.object.namespace
                    && text(secret, "/metadata/labels/owner") == "helm"
                    && text(secret, "/metadata/labels/name") == cause.object.name
            })
            .max_by_key(|secret| {
                text(secret, "/metadata/labels/version")
                    .parse::<u64>()
                    .unwrap_or(0)
            });
        // A release without any revision is not mended.
        newest.is_none_or(|secret| text(secret, "/metadata/labels/status") != "deployed")
    }

    fn remedies(&self, _: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let (Some(cause), Some(victim)) = (truth.root_causes.first(), truth.victims.first()) else {
            return Vec::new();
        };
        let Some(workload) = shop.named(&victim.namespace, &victim.name) else {
            return Vec::new();
        };
        let current = releases::revision(shop, workload, 0);
        let back = Revision {
            number: current.number + 2,
            deployed: shop.now(),
            modified: shop.now(),
            description: format!("Rollback to {}", current.number),
            ..current
        };
        let mut scratch = World::new("scratch", "scratch", shop.now());
        let name = secret_name(&back.name, back.number);
        store(&shop.stamp, &mut scratch, &back);
        let created = scratch.remove("Secret", &cause.object.namespace, &name);
        let failed = u64::try_from(number(&cause.params, "/revision")).unwrap_or(0);
        let record = secret_name(&cause.object.name, failed);
        let forgotten = Step::Delete(key("", "Secret", &cause.object.namespace, &record));
        vec![
            Remedy::heals("helm-rollback", created.map(Step::Create).into_iter().collect()),
            Remedy::heals("delete-revision", vec![forgotten]),
            Remedy::fails("restart", vec![restart(victim)]),
        ]
    }
}

/// Helm stores the new revision as pending before it does anything (`pkg/action/upgrade.go`), and as failed when a hook
/// does (`pkg/action/hooks.go`, `upgrade.go`, `failRelease`); the one before stays deployed.
fn attempt(world: &mut World, shop: &Shop, workload: &Workload, is_pending: bool, at: Timestamp) -> u64 {
    let current = releases::revision(shop, workload, 0);
    let mut values = current.values.clone();
    let next = workload.next_version();
    set(
        &mut values,
        "/image/tag",
        json!(crate::build::workload::tag(next)),
    );
    let template = shop.template(workload, next);
    let job = format!("{}-pre-upgrade", workload.name);
    let (status, description) = if is_pending {
        ("pending-upgrade", "Preparing upgrade".to_owned())
    } else {
        (
            "failed",
            format!(
                "Upgrade \"{}\" failed: pre-upgrade hooks failed: 1 error occurred:\n\t* job {job} failed: \
                 BackoffLimitExceeded\n\n",
                workload.name
            ),
        )
    };
    let number = current.number + 1;
    let revision = Revision {
        number,
        status,
        description,
        app_version: crate::build::workload::tag(next),
        deployed: at,
        modified: time::after(at, 1),
        values,
        manifest: releases::manifest(shop, workload, &template),
        ..current
    };
    store(&shop.stamp, world, &revision);
    number
}
