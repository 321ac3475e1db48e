//! Admission webhooks that are asked about objects of a namespace.

use cluster::{ClusterView, Object, selector};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Webhooks that match.
pub(crate) struct WebhooksFor;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookArgs {
    namespace: String,
    /// Plural; default pods.
    #[serde(default = "pods")]
    resource: String,
    /// API group; omit for core.
    #[serde(default)]
    group: String,
}

fn pods() -> String {
    "pods".to_owned()
}

impl Tool for WebhooksFor {
    const NAME: &'static str = "webhooks_for";
    const ABOUT: &'static str = "Admission webhooks whose rules and namespace selector match a resource in a namespace: what they may do on failure, and whether their Service has endpoints.";
    type Args = WebhookArgs;

    async fn call(args: WebhookArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        drop(workspace.namespace(&args.namespace).await?);
        let backends = backends(&*workspace.lock().await);
        for namespace in backends {
            // A Service whose namespace cannot be read is said to be unknown below.
            let _ = workspace.namespace(&namespace).await;
        }
        let view = workspace.lock().await;
        let mut out = Output::default();
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            for configuration in view.of_kind(kind) {
                for webhook in configuration.list("webhooks") {
                    if matches(&view, webhook, &args) {
                        describe(&mut out, &view, configuration, webhook);
                    }
                }
            }
            if !view.has_list(kind, "") {
                out.note(&format!("objects of kind {kind} could not be listed"));
            }
        }
        Ok(out)
    }
}

/// Namespaces of the Services behind webhooks.
fn backends(view: &ClusterView) -> Vec<String> {
    let mut out: Vec<String> = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind))
        .flat_map(|configuration| configuration.list("webhooks"))
        .filter_map(|webhook| webhook.pointer("/clientConfig/service/namespace")?.as_str())
        .map(str::to_owned)
        .collect();
    out.sort();
    out.dedup();
    out
}

/// Whether the API server asks a webhook about such objects (`matchPolicy` and `matchConditions` are not evaluated).
fn matches(view: &ClusterView, webhook: &Value, args: &WebhookArgs) -> bool {
    let rules = webhook.get("rules").and_then(Value::as_array);
    let by_rule = rules.into_iter().flatten().any(|rule| {
        let has = |field: &str, wanted: &str| {
            rule.get(field)
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|found| found == wanted || found == "*"))
        };
        has("apiGroups", &args.group) && (has("resources", &args.resource) || has("resources", "*/*"))
    });
    let labels = view
        .get("Namespace", "", &args.namespace)
        .map_or(&Value::Null, selector::labels);
    let by_namespace = webhook
        .get("namespaceSelector")
        .is_none_or(|wanted| selector::label_selects(wanted, labels));
    by_rule && by_namespace
}

fn describe(out: &mut Output, view: &ClusterView, configuration: &Object, webhook: &Value) {
    let name = webhook.get("name").and_then(Value::as_str).unwrap_or_default();
    let path = |field: &str| format!("webhooks[{name}].{field}");
    let paths = [
        "failurePolicy",
        "timeoutSeconds",
        "objectSelector",
        "clientConfig.service.name",
    ]
    .map(path);
    out.facts(configuration, paths.iter().map(String::as_str));
    if let Some(write) = configuration.last_write("webhooks") {
        out.fact(
            configuration.reference(),
            "metadata.managedFields[webhooks].manager",
            &write.name,
            write.time,
        );
    }
    let part = |field: &str| {
        webhook
            .pointer(&format!("/clientConfig/service/{field}"))
            .and_then(Value::as_str)
    };
    let (Some(service), Some(namespace)) = (part("name"), part("namespace")) else {
        return;
    };
    let service = domain::ObjectRef::of("Service", namespace, service);
    out.look_for(view, &service);
    if let Some(found) = view.get_ref(&service) {
        let ready = triage::network::ready_endpoints(view, found);
        out.fact(&service, "endpoints.ready", &ready.to_string(), None);
    }
}
