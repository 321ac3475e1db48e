//! Certificates: until when, and who serves them.

use cluster::read;
use domain::ObjectRef;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Most Secrets that are looked into.
const LIMIT: usize = 12;

/// Validity of certificates.
pub(crate) struct CertificateCheck;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateArgs {
    namespace: String,
    /// Only this Secret; omit for all that Ingresses and Certificates name.
    #[serde(default)]
    secret: String,
}

impl Tool for CertificateCheck {
    const NAME: &'static str = "certificate_check";
    const ABOUT: &'static str = "Validity of the certificates in a namespace's TLS Secrets at the time of the incident, who serves them, and cert-manager's conditions.";
    type Args = CertificateArgs;

    async fn call(args: CertificateArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let mut view = workspace.namespace(&args.namespace).await?;
        let named = ObjectRef::of("Secret", &args.namespace, &args.secret);
        let secrets = if args.secret.is_empty() {
            secrets(&view, &args.namespace)
        } else {
            vec![named]
        };
        read::secrets(
            &workspace.reader,
            &mut view,
            secrets.iter().take(LIMIT).cloned().collect(),
        )
        .await;
        let mut out = Output::default();
        for secret in secrets.iter().take(LIMIT) {
            out.look_for(&view, secret);
            let Some(facts) = view.secret_facts(secret) else {
                out.note(&format!("{secret} could not be looked into"));
                continue;
            };
            for found in &facts.certificates {
                let state = if found.not_after <= view.now {
                    "expired"
                } else if found.not_before > view.now {
                    "not yet valid"
                } else {
                    "valid"
                };
                let path = format!("data.{}", found.key);
                out.fact(
                    secret,
                    &format!("{path}.notAfter"),
                    &found.not_after.to_string(),
                    None,
                );
                out.fact(secret, &format!("{path}.validity"), state, None);
            }
            for user in view
                .in_namespace("Ingress", &args.namespace)
                .filter(|ingress| serves(ingress, secret))
            {
                out.fact(user.reference(), "serves", &secret.to_string(), None);
            }
        }
        for certificate in view.in_namespace("Certificate", &args.namespace) {
            out.facts(
                certificate,
                [
                    "spec.secretName",
                    "status.notAfter",
                    "status.conditions[Ready].status",
                    "status.conditions[Ready].message",
                    "status.conditions[Issuing].message",
                ],
            );
        }
        if secrets.len() > LIMIT {
            out.note(&format!("{} more Secrets", secrets.len() - LIMIT));
        }
        Ok(out)
    }
}

fn serves(ingress: &cluster::Object, secret: &ObjectRef) -> bool {
    ingress
        .list("spec.tls")
        .iter()
        .any(|tls| tls.get("secretName").and_then(serde_json::Value::as_str) == Some(&secret.name))
}

/// Secrets that Ingresses and Certificates of a namespace name.
fn secrets(view: &cluster::ClusterView, namespace: &str) -> Vec<ObjectRef> {
    let served = view
        .in_namespace("Ingress", namespace)
        .flat_map(|ingress| ingress.list("spec.tls"))
        .filter_map(|tls| tls.get("secretName")?.as_str());
    let managed = view
        .in_namespace("Certificate", namespace)
        .map(|certificate| certificate.str("spec.secretName"));
    let names: std::collections::BTreeSet<&str> = served.chain(managed).collect();
    names
        .into_iter()
        .map(|name| ObjectRef::of("Secret", namespace, name))
        .collect()
}
