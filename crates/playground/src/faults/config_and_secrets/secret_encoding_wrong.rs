//! A person writes a new password into a Secret, encoded twice or with a line break, and restarts the workload. Must
//! not know how it is found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::login;
use super::scene::{edit, restart, roll};
use crate::build::json::{set, text};
use crate::build::object::{Author, KUBECTL_EDIT};
use crate::build::template::credentials;
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Truth, workload_key};
use crate::shop::Shop;
use crate::world::World;

/// `config-and-secrets/secret-encoding-wrong`. `params.form`: `newline` or `twice`.
pub(super) struct SecretEncodingWrong;

const ID: &str = "config-and-secrets/secret-encoding-wrong";

/// `kubectl patch`.
const KUBECTL_PATCH: Author = Author {
    manager: "kubectl-patch",
    operation: "Update",
};

impl Fault for SecretEncodingWrong {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let at = ctx.minutes_ago(18, 48);
        let target = ctx.pick_role(login::ROLES);
        let (Some(workload), Some(database)) = (target, ctx.shop.role("postgres").cloned()) else {
            return Truth::without_cause("inconclusive");
        };
        let password = login::new_password(&mut ctx.rng);
        let drawn = if ctx.rng.chance(50) { "newline" } else { "twice" };
        let form = ctx.text_param("form").unwrap_or(drawn).to_owned();
        let (value, words) = match form.as_str() {
            "newline" => (STANDARD.encode(format!("{password}\n")), "ends in a line break"),
            _ => (
                STANDARD.encode(STANDARD.encode(&password)),
                "is encoded in base64 twice",
            ),
        };
        let author = if ctx.rng.chance(50) {
            KUBECTL_EDIT
        } else {
            KUBECTL_PATCH
        };
        if let Some(secret) = world.get_mut("Secret", &workload.namespace, &credentials(&workload)) {
            set(secret, "/data/password", json!(value));
            ctx.shop.stamp.touch(secret, author, at, &["/data/password"]);
        }
        login::password_changed(world, &workload, &database, time::before(at, 40));
        let restarted = time::after(at, ctx.rng.range(30, 90));
        let rolled = roll(world, ctx, &workload, (restarted, true), |template| {
            set(
                template,
                "/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
                json!(time::seconds(restarted)),
            );
        });
        let Some(rolled) = rolled else {
            return Truth::without_cause("inconclusive");
        };
        let from = time::after(restarted, 5);
        let mut victims = Vec::new();
        for pod in &rolled.new_pods {
            let started = world
                .get("Pod", &workload.namespace, pod)
                .and_then(|object| time::parse(text(object, "/status/startTime")))
                .unwrap_or(from);
            let one = [pod.clone()];
            for victim in login::fail(world, ctx, &workload, &one, time::after(started, 3)) {
                if !victims.contains(&victim) {
                    victims.push(victim);
                }
            }
        }
        victims.push(workload_key(&workload));
        ctx.shows(&workload, rolled.new_pods.first().map(String::as_str), from);
        let params = json!({
            "field": "data.password", "found": words, "expected": "the password encoded once, without a line break",
            "sound": STANDARD.encode(&password)
        });
        Truth::cause(login::secret(&workload), ID, params, victims)
    }

    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(cause) = truth.root_causes.first() else {
            return false;
        };
        world.object(&cause.object).is_some_and(|secret| {
            let Ok(bytes) = STANDARD.decode(text(secret, "/data/password")) else {
                return true;
            };
            let value = String::from_utf8(bytes).unwrap_or_default();
            let inner = STANDARD.decode(&value).unwrap_or_default();
            let twice = inner.len() >= 8 && inner.iter().all(|byte| (0x20..0x7f).contains(byte));
            value.ends_with('\n') || twice
        })
    }

    fn remedies(&self, _: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let Some(workload) = shop
            .workloads
            .iter()
            .find(|workload| login::secret(workload) == cause.object)
        else {
            return Vec::new();
        };
        let (object, now) = (workload_key(workload), shop.now());
        let sound = text(&cause.params, "/sound");
        let data = edit(&cause.object, "/data/password", json!(sound));
        let plain = STANDARD
            .decode(sound)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let string = edit(
            &cause.object,
            "/stringData/password",
            json!(plain.unwrap_or_default()),
        );
        vec![
            Remedy::heals("encode-once", vec![data, restart(&object, now)]),
            Remedy::heals("use-string-data", vec![string, restart(&object, now)]),
            Remedy::fails("restart", vec![restart(&object, now)]),
        ]
    }
}
