//! Things that look broken and that nobody uses: an expired certificate, a Service of a retired application, a policy
//! that selects nothing.

use serde_json::json;

use crate::build::object::{INSTALLER, PIPELINE};
use crate::build::service::{ServiceShape, service};
use crate::build::time;
use crate::faults::{FaultContext, Symptom};
use crate::shop::{config, network};
use crate::simulate::settle::settle;
use crate::world::World;

/// A self-signed certificate that ended in 2024.
const EXPIRED: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBCzCBsgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdyZXRpcmVkMB4XDTIz\n\
MDEwMTAwMDAwMFoXDTI0MDEwMTAwMDAwMFowEjEQMA4GA1UEAwwHcmV0aXJlZDBZ\n\
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABPUf+r8Sfc+KY0HB4xY+oD5oONRR2GNo\n\
aIHwJn8oNI3y5fp/OWJRn/nO7317aMsHOleK+PCZcaPaIl8XIx2dIuowCgYIKoZI\n\
zj0EAwIDSAAwRQIhAIIwAyeRCGZvApEO8Xnx7tGkLmfOfRcGfD+MkvK4wjTRAiAD\n\
Omcu9yueg+vAZ+x2MkxU3ZsClSVZWqAjIq6Sie/qeQ==\n\
-----END CERTIFICATE-----\n";

/// Adds them to the namespace of the symptom.
pub fn add(world: &mut World, ctx: &mut FaultContext, symptom: &Symptom) {
    let mut rng = ctx.rng.fork("expired-leftovers");
    let namespace = &symptom.workload.namespace;
    let created = time::days_before(ctx.shop.now(), rng.range(500, 700));
    let stamp = ctx.shop.stamp.clone();
    let retired = format!("{}-old", stamp.suffix("retired", 5));
    let values = [("tls.crt", EXPIRED), ("tls.key", "(retired)")];
    let name = format!("{retired}-tls");
    let secret = config::secret(&ctx.shop, namespace, &name, "kubernetes.io/tls", &values, created);
    stamp.put(world, secret, INSTALLER, created);
    let selector = json!({ "app": retired });
    let shape = ServiceShape {
        namespace,
        name: &retired,
        labels: selector.clone(),
        selector: selector.clone(),
        port: ("http", 8080),
        headless: false,
    };
    stamp.put(world, service(&stamp, &shape, created), PIPELINE, created);
    let pods = json!({ "matchLabels": selector });
    let policy = network::policy(
        &ctx.shop,
        namespace,
        &format!("{retired}-deny"),
        &pods,
        &[],
        created,
    );
    stamp.put(world, policy, INSTALLER, created);
    settle(world, &ctx.shop);
}
