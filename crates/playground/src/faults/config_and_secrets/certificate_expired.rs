//! The public certificate runs out because its renewal fails; browsers refuse the site. Must not know how it is found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::environment::copy;
use super::scene::{edit, restart};
use crate::build::json::{items, set, text};
use crate::build::log::voice::{Level, klog};
use crate::build::log::{Lines, merge};
use crate::build::object::{Author, PIPELINE};
use crate::build::time;
use crate::faults::{Fault, FaultContext, Remedy, Step, Truth, key, workload_key};
use crate::shop::definitions::{Definition, define};
use crate::shop::{Shop, config, network};
use crate::simulate::callers::pods_of;
use crate::world::World;

/// `config-and-secrets/certificate-expired`.
pub(super) struct CertificateExpired;

const ID: &str = "config-and-secrets/certificate-expired";
const GROUP: &str = "cert-manager.io";
/// Field manager of cert-manager's issuing controller (`pkg/controller/certificates/issuing`).
const ISSUING: Author = Author {
    manager: "cert-manager-certificates-issuing",
    operation: "Apply",
};

impl Fault for CertificateExpired {
    fn id(&self) -> &'static str {
        ID
    }

    fn inject(&self, world: &mut World, ctx: &mut FaultContext) -> Truth {
        let until = ctx.minutes_ago(25, 200);
        let from = time::days_before(until, 90);
        let namespace = ctx.shop.names.namespace("shop");
        let name = config::tls_secret(&ctx.shop);
        let Some(front) = ctx.shop.role("storefront").cloned() else {
            return Truth::without_cause("inconclusive");
        };
        if let Some(secret) = world.get_mut("Secret", &namespace, &name) {
            let dated = dated(text(secret, "/data/tls.crt"), from, until).unwrap_or_default();
            set(secret, "/data/tls.crt", json!(dated));
            ctx.shop.stamp.touch(secret, ISSUING, from, &["/data"]);
        }
        let kind = Definition {
            group: GROUP,
            version: "v1",
            kind: "Certificate",
            plural: "certificates",
            short: &["cert", "certs"],
        };
        define(world, &ctx.shop, &kind);
        let certificate = certificate(&ctx.shop, &namespace, &name, (from, until));
        ctx.shop.stamp.put(world, certificate, PIPELINE, from);
        warnings(world, ctx, until);
        ctx.shows(&front, None, until);
        let ingress = key(
            "networking.k8s.io",
            "Ingress",
            &namespace,
            &network::ingress_name(&ctx.shop),
        );
        let params = json!({ "field": "status.notAfter", "found": time::seconds(until), "expected": "a time to come", "secret": name });
        Truth::cause(
            key(GROUP, "Certificate", &namespace, &name),
            ID,
            params,
            vec![ingress],
        )
    }

    /// The Ingress serves a certificate whose time is over, or none.
    fn present(&self, world: &World, truth: &Truth) -> bool {
        let Some(ingress) = truth.victims.first().and_then(|key| world.object(key)) else {
            return true;
        };
        let now = world.now.strftime("%y%m%d%H%M%S").to_string();
        let served = items(ingress, "/spec/tls");
        served.is_empty()
            || served.iter().any(|entry| {
                let namespace = text(ingress, "/metadata/namespace");
                world
                    .get("Secret", namespace, text(entry, "/secretName"))
                    .and_then(|secret| end_of(text(secret, "/data/tls.crt")))
                    .is_none_or(|until| until <= now)
            })
    }

    fn remedies(&self, world: &World, shop: &Shop, truth: &Truth) -> Vec<Remedy> {
        let Some(cause) = truth.root_causes.first() else {
            return Vec::new();
        };
        let secret = key(
            "",
            "Secret",
            &cause.object.namespace,
            text(&cause.params, "/secret"),
        );
        let fresh = dated(
            &STANDARD.encode(config::CERTIFICATE),
            shop.now(),
            time::after(shop.now(), 90 * 86_400),
        );
        let fresh = json!(fresh.unwrap_or_default());
        let issued = edit(&secret, "/data/tls.crt", fresh.clone());
        let mut out = vec![Remedy::heals("renew", vec![issued])];
        if let (Some(held), Some(ingress)) = (world.object(&secret), truth.victims.first()) {
            let again = copy(held, &secret.name, |held| {
                set(held, "/data/tls.crt", fresh.clone());
            });
            out.push(Remedy::heals(
                "replace-secret",
                vec![Step::Delete(secret.clone()), again],
            ));
            let name = format!("{}-renewed", secret.name);
            let renewed = copy(held, &name, |held| {
                set(held, "/data/tls.crt", fresh);
            });
            let pointed = Step::JsonPatch {
                object: ingress.clone(),
                patch: json!([{ "op": "replace", "path": "/spec/tls/0/secretName", "value": name }]),
            };
            out.push(Remedy::heals("point-ingress", vec![renewed, pointed]));
        }
        if let Some(controller) = shop.role("ingress") {
            let step: Step = restart(&workload_key(controller), shop.now());
            out.push(Remedy::fails("restart-ingress", vec![step]));
        }
        out
    }
}

/// The shop's certificate (in base64, as a Secret holds it) with another validity: its two UTCTimes replaced.
fn dated(held: &str, from: Timestamp, until: Timestamp) -> Option<String> {
    let pem = String::from_utf8(STANDARD.decode(held).ok()?).ok()?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut der = STANDARD.decode(body).ok()?;
    let mut places = times(&der).into_iter();
    for at in [from, until] {
        let text = at.strftime("%y%m%d%H%M%SZ").to_string();
        let place = places.next()?;
        der.get_mut(place..place + 13)?.copy_from_slice(text.as_bytes());
    }
    let packed = STANDARD.encode(der);
    let lines: Vec<&str> = packed
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let document = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    );
    Some(STANDARD.encode(document))
}

/// Where the UTCTimes of a certificate begin.
fn times(der: &[u8]) -> Vec<usize> {
    (0..der.len())
        .filter(|at| der.get(*at..at + 2) == Some(&[0x17, 0x0d]) && der.get(at + 14) == Some(&b'Z'))
        .map(|at| at + 2)
        .collect()
}

/// The digits of the end of a certificate's validity, as a UTCTime has them.
fn end_of(held: &str) -> Option<String> {
    let pem = String::from_utf8(STANDARD.decode(held).ok()?).ok()?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).ok()?;
    let place = *times(&der).get(1)?;
    let text = std::str::from_utf8(der.get(place..place + 12)?).ok()?;
    Some(text.to_owned())
}

/// Conditions as `pkg/controller/certificates/{readiness,issuing}` and `trigger/policies` word them.
fn certificate(shop: &Shop, namespace: &str, name: &str, (from, until): (Timestamp, Timestamp)) -> Value {
    let created = time::days_before(shop.now(), 300);
    let renewal = time::days_before(until, 30);
    let failed = time::before(shop.now(), 2_400);
    let order = format!("{name}-{}-{}", 4, shop.stamp.hash("order") % 4_000_000_000);
    let one = |kind: &str, status: &str, reason: &str, message: &str, at: Timestamp| json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time::seconds(at), "observedGeneration": 1 });
    let expired = format!(
        "Certificate expired on {}",
        until.strftime("%a, %d %b %Y %H:%M:%S UTC")
    );
    let failure = format!(
        "The certificate request has failed to complete and will be retried: Failed to wait for order resource \"{order}\" to \
         become ready: order is in \"invalid\" state: "
    );
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Certificate",
        "metadata": shop.stamp.meta("Certificate", namespace, name, created),
        "spec": {
            "secretName": name, "dnsNames": [shop.names.host], "duration": "2160h0m0s", "renewBefore": "720h0m0s",
            "issuerRef": { "group": GROUP, "kind": "ClusterIssuer", "name": "letsencrypt" }
        },
        "status": {
            "notBefore": time::seconds(from), "notAfter": time::seconds(until), "renewalTime": time::seconds(renewal),
            "failedIssuanceAttempts": 7, "lastFailureTime": time::seconds(failed), "revision": 3,
            "conditions": [
                one("Ready", "False", "Expired", &expired, until),
                one("Issuing", "False", "Failed", &failure, failed)
            ]
        }
    })
}

/// ingress-nginx, `internal/ingress/controller/controller.go`: it warns from ten days before the end on, at each sync.
fn warnings(world: &mut World, ctx: &mut FaultContext, until: Timestamp) {
    let Some(controller) = ctx.shop.role("ingress").cloned() else {
        return;
    };
    let message = format!(
        "SSL certificate for server \"{}\" is about to expire ({})",
        ctx.shop.names.host,
        until.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    );
    for pod in pods_of(world, &controller) {
        let mut lines = Lines::default();
        let mut at = time::before(ctx.shop.now(), 4_600);
        while at < ctx.shop.now() {
            lines.add(at, &klog(Level::Warn, at, "controller.go:1500", &message));
            at = time::after(at, ctx.rng.range(280, 420));
        }
        let log = world.log_mut(
            &controller.namespace,
            text(&pod, "/metadata/name"),
            &controller.name,
        );
        log.current = Some(merge(log.current.as_deref().unwrap_or_default(), &lines));
    }
}
