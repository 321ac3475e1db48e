//! Services and NetworkPolicies.

use cluster::{calls, selector};
use schemars::JsonSchema;
use serde::Deserialize;
use triage::network::{self, Side};

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, absent, workload};

/// A Service's endpoints.
pub(crate) struct ServiceEndpoints;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceArgs {
    namespace: String,
    service: String,
}

impl Tool for ServiceEndpoints {
    const NAME: &'static str = "service_endpoints";
    const ABOUT: &'static str = "A Service's selector, ports and ready endpoints, the workloads it selects or nearly selects, and its callers.";
    type Args = ServiceArgs;

    async fn call(args: ServiceArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let reference = domain::ObjectRef::of("Service", &args.namespace, &args.service);
        let mut out = Output::default();
        out.look_for(&view, &reference);
        let Some(service) = view.get_ref(&reference) else {
            return if view.has_list("Service", &args.namespace) {
                Ok(out)
            } else {
                Err(absent(&view, &reference, "Service"))
            };
        };
        let keys: Vec<String> = service
            .pairs("spec.selector")
            .map(|(key, _)| format!("spec.selector[{key}]"))
            .collect();
        out.facts(service, keys.iter().map(String::as_str));
        out.facts(service, ["spec.type", "spec.ports"]);
        if let Some(write) = service.last_write("spec") {
            out.fact(
                service.reference(),
                "metadata.managedFields.last",
                &write.name,
                write.time,
            );
        }
        let ready = view
            .in_namespace("EndpointSlice", &args.namespace)
            .filter(|slice| slice.str("metadata.labels[kubernetes.io/service-name]") == args.service)
            .flat_map(|slice| slice.list("endpoints"))
            .filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&serde_json::Value::Bool(false)))
            .count();
        out.fact(service.reference(), "endpoints.ready", &ready.to_string(), None);
        let wanted = service.at("spec.selector").cloned().unwrap_or_default();
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            for candidate in view.in_namespace(kind, &args.namespace) {
                let labels = selector::template_labels(candidate);
                let fits = selector::map_selects(&wanted, labels);
                let common = wanted
                    .as_object()
                    .is_some_and(|wanted| wanted.iter().any(|(key, value)| labels.get(key) == Some(value)));
                if fits || common || candidate.name() == args.service {
                    let verdict = if fits { "selected" } else { "not selected" };
                    out.fact(
                        candidate.reference(),
                        &format!("selected_by[{}]", args.service),
                        verdict,
                        None,
                    );
                    out.facts(
                        candidate,
                        ["spec.template.metadata.labels", "status.readyReplicas"],
                    );
                }
            }
        }
        for call in calls::calls(&view)
            .into_iter()
            .filter(|call| call.service == reference)
        {
            out.fact(&call.from, &format!("calls[{}]", call.host), &call.field, None);
        }
        Ok(out)
    }
}

/// Whether policies admit a flow.
pub(crate) struct NetworkPolicyCheck;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyArgs {
    from_namespace: String,
    /// Calling workload.
    from: String,
    to_namespace: String,
    /// Called workload.
    to: String,
    /// Container port.
    port: u16,
}

impl Tool for NetworkPolicyCheck {
    const NAME: &'static str = "network_policy_check";
    const ABOUT: &'static str =
        "Whether NetworkPolicies admit a TCP flow between two workloads, and which refuse it.";
    type Args = PolicyArgs;

    async fn call(args: PolicyArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        drop(workspace.namespace(&args.from_namespace).await?);
        let view = workspace.namespace(&args.to_namespace).await?;
        let from = workload(&view, &args.from_namespace, &args.from)?;
        let to = workload(&view, &args.to_namespace, &args.to)?;
        let mut out = Output::default();
        let flow = format!("flow[{} -> {}:{}]", from.reference(), to.reference(), args.port);
        match network::denial(&view, Side { workload: from }, Side { workload: to }, args.port) {
            None => out.fact(to.reference(), &flow, "admitted", None),
            Some(denial) => {
                out.note(&format!(
                    "{} policies select that side; none of them admits the flow",
                    denial.policies.len()
                ));
                for policy in denial.policies {
                    out.fact(policy.reference(), &flow, "denied", None);
                    out.facts(
                        policy,
                        [
                            "spec.podSelector",
                            "spec.policyTypes",
                            "spec.ingress",
                            "spec.egress",
                            "metadata.creationTimestamp",
                        ],
                    );
                }
            }
        }
        match network::enforcer(&view) {
            Some(set) => out.note(&format!("policies are enforced by {}", set.reference())),
            None => out.note("no CNI that is known to enforce policies was found; they may have no effect"),
        }
        Ok(out)
    }
}
