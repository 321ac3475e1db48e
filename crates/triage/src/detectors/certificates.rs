//! Certificates that have run out: cert-manager's own word, or the validity of what an Ingress serves.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::Timestamp;

use super::{Context, Detector};
use crate::detectors::finding::signal;

pub(super) const DETECTOR: Detector = Detector {
    name: "certificates",
    mechanisms: &[EXPIRED],
    run,
};

const EXPIRED: &str = "config-and-secrets/certificate-expired";

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out: Vec<Signal> = Vec::new();
    for certificate in view.of_kind("Certificate") {
        out.extend(by_manager(view, certificate));
    }
    for ingress in view.of_kind("Ingress") {
        for secret in tls_secrets(ingress) {
            let served = by_secret(view, ingress, &secret);
            out.extend(served.filter(|found| !out.iter().any(|known| known.object == found.object)));
        }
    }
    out
}

fn tls_secrets(ingress: &Object) -> Vec<ObjectRef> {
    ingress
        .list("spec.tls")
        .iter()
        .filter_map(|tls| tls.get("secretName")?.as_str())
        .map(|name| ObjectRef::of("Secret", ingress.namespace(), name))
        .collect()
}

/// Ingresses that serve the Secret of a certificate, and workloads that mount it.
fn users(view: &ClusterView, secret: &ObjectRef) -> Vec<ObjectRef> {
    let ingresses = view
        .in_namespace("Ingress", &secret.namespace)
        .filter(|ingress| tls_secrets(ingress).contains(secret))
        .map(|ingress| ingress.reference().clone());
    let workloads = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.in_namespace(kind, &secret.namespace))
        .filter(|workload| cluster::topology::config_refs(workload, "spec.template.spec").contains(secret))
        .map(|workload| workload.reference().clone());
    ingresses.chain(workloads).collect()
}

fn by_manager(view: &ClusterView, certificate: &Object) -> Option<Signal> {
    let until = certificate.time("status.notAfter")?;
    if until > view.now {
        return None;
    }
    let secret = ObjectRef::of(
        "Secret",
        certificate.namespace(),
        certificate.str("spec.secretName"),
    );
    let served = view
        .secret_facts(&secret)
        .and_then(|facts| facts.certificates.first())
        .map(|found| found.not_after);
    if served.is_some_and(|served| served > view.now) {
        return None;
    }
    let users = users(view, &secret);
    let certainty = match (users.is_empty(), served.is_some()) {
        (false, true) => 0.96,
        (false, false) => 0.88,
        (true, _) => 0.6,
    };
    let why = certificate.str("status.conditions[Issuing].message");
    let reason = if why.is_empty() {
        String::new()
    } else {
        format!(
            "; its renewal fails: {}",
            why.chars().take(220).collect::<String>()
        )
    };
    let message = format!("{} has run out at {until}{reason}", certificate.reference());
    Some(
        expired(view, certificate.reference(), &message, until, certainty)
            .affects(users)
            .affects([secret])
            .facts(
                certificate,
                [
                    "status.notAfter",
                    "status.renewalTime",
                    "status.conditions[Ready].reason",
                    "status.conditions[Ready].message",
                    "status.conditions[Issuing].message",
                    "status.failedIssuanceAttempts",
                ],
            )
            .build(),
    )
}

/// What an Ingress serves has run out. Where a Certificate makes the Secret, that one is to be mended.
fn by_secret(view: &ClusterView, ingress: &Object, secret: &ObjectRef) -> Option<Signal> {
    let found = view.secret_facts(secret)?.certificates.first()?;
    let until = found.not_after;
    if until > view.now {
        return None;
    }
    let maker = view
        .in_namespace("Certificate", &secret.namespace)
        .find(|certificate| {
            certificate.str("spec.secretName") == secret.name
                && certificate.time("status.notAfter") == Some(until)
        });
    let object = maker.map_or_else(|| secret.clone(), |maker| maker.reference().clone());
    let message = format!(
        "{} serves the certificate of {secret}, which has run out at {until}",
        ingress.reference()
    );
    Some(
        expired(view, &object, &message, until, 0.93)
            .affects(users(view, secret))
            .affects([ingress.reference().clone()])
            .computed(
                secret,
                &format!("data.{}.notAfter", found.key),
                &until.to_string(),
                Some(until),
            )
            .facts(ingress, ["spec.tls"])
            .build(),
    )
}

fn expired(
    view: &ClusterView,
    object: &ObjectRef,
    message: &str,
    until: Timestamp,
    certainty: f64,
) -> super::finding::SignalBuilder {
    signal("certificates", object, message)
        .mechanism(EXPIRED, certainty)
        .severity(Severity::Critical)
        .onset(Some(until))
        .params("notAfter", &until.to_string(), Some("a time to come"))
        .lookup(view, object)
}
