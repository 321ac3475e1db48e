//! A rollout changes the user of a pod and drops its fsGroup; files on the volume belong to somebody else. Must not know
//! how it is found.

use serde_json::{Value, json};

use super::scene::{edit, end_at_start, hasty, roll, undo};
use crate::build::json::{number, set};
use crate::build::log::voice::CallFailure;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::simulate::callers::{self, Silence};
use crate::world::World;

/// `config-and-secrets/volume-permission-denied`.
pub(super) struct VolumePermissionDenied;

const ID: &str = "config-and-secrets/volume-permission-denied";
const OWNER: i64 = 10_001;

impl Fault for VolumePermissionDenied {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(20, 46);
        let Some(workload) = ctx.pick_role(&["media", "reports"]) else {
            return Truth::without_cause("inconclusive");
        };
        let user = *ctx.rng.pick(&[65_532, 1_000, 1_001, 20_001]).unwrap_or(&65_532);
        let rolled = roll(world, ctx, &workload, (at, false), |template| {
            set(template, "/spec/securityContext", json!({ "runAsUser": user }));
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let file = *ctx
            .rng
            .pick(&["/data/uploads/.lock", "/data/cache/index.tmp", "/data/.writable"])
            .unwrap_or(&"/data/.lock");
        let words = [
            "Traceback (most recent call last):".to_owned(),
            format!("PermissionError: [Errno 13] Permission denied: '{file}'"),
        ];
        let onset = end_at_start(world, ctx, &workload, &rolled.new_pods, &words).unwrap_or(at);
        let silence = Silence {
            callee: &workload,
            why: CallFailure::Refused,
            from: onset,
            until: ctx.shop.now(),
            only: &[],
        };
        let shop = ctx.shop.clone();
        let victims = callers::keys(&callers::fail(world, &shop, &mut ctx.metrics, &silence));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), onset);
        let params = json!({
            "field": "spec.template.spec.securityContext", "found": format!("runAsUser {user}, no fsGroup"),
            "expected": format!("fsGroup {OWNER}")
        });
        Truth::cause(workload_key(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world
            .object(&cause.object)
            .is_some_and(|object| !may_write(object))
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let group = edit(
            &cause.object,
            "/spec/template/spec/securityContext/fsGroup",
            json!(OWNER),
        );
        let mut out = hasty(world, shop, &cause.object);
        out.push(Remedy::heals("set-fs-group", vec![group]));
        if let Some(step) = undo(world, &cause.object) {
            out.push(Remedy::heals("rollout-undo", vec![step]));
        }
        out
    }
}

/// Whether the pod's user owns the files, or its group gets them: a fsGroup makes the kubelet hand over the volume.
fn may_write(object: &Value) -> bool {
    let at = |field: &str| number(object, &format!("/spec/template/spec/securityContext/{field}"));
    at("fsGroup") != 0 || at("runAsUser") == OWNER
}
