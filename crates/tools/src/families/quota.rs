//! What a namespace may use: quotas and limit ranges.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Quotas of a namespace.
pub(crate) struct QuotaUsage;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaArgs {
    namespace: String,
}

impl Tool for QuotaUsage {
    const NAME: &'static str = "quota_usage";
    const ABOUT: &'static str = "ResourceQuotas of a namespace with what is used of them, LimitRanges, who edited them, and pods that were refused.";
    type Args = QuotaArgs;

    async fn call(args: QuotaArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let mut out = Output::default();
        for quota in view.in_namespace("ResourceQuota", &args.namespace) {
            for (resource, hard) in quota.pairs("status.hard") {
                let used = quota.str(&format!("status.used[{resource}]"));
                let text = format!("{used} of {hard}");
                out.fact(quota.reference(), &format!("used[{resource}]"), &text, None);
            }
            out.facts(quota, ["spec.scopeSelector", "spec.scopes"]);
            edited(&mut out, quota);
        }
        for range in view.in_namespace("LimitRange", &args.namespace) {
            out.facts(range, ["spec.limits"]);
            edited(&mut out, range);
        }
        for kind in ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"] {
            for owner in view.in_namespace(kind, &args.namespace) {
                let events = view.events_of(owner.reference());
                let refused = events
                    .iter()
                    .rev()
                    .find(|event| event.str("reason") == "FailedCreate");
                if let Some(event) = refused {
                    out.fact(
                        owner.reference(),
                        "events[FailedCreate].message",
                        event.str("message"),
                        cluster::view::event_time(event),
                    );
                    out.facts(owner, ["spec.replicas", "status.replicas"]);
                }
            }
        }
        for kind in ["ResourceQuota", "LimitRange"] {
            if !view.has_list(kind, &args.namespace) {
                out.note(&format!("objects of kind {kind} could not be listed"));
            }
        }
        Ok(out)
    }
}

fn edited(out: &mut Output, rule: &cluster::Object) {
    if let Some(write) = rule.last_write("spec") {
        out.fact(
            rule.reference(),
            "metadata.managedFields[spec].manager",
            &write.name,
            write.time,
        );
    }
}
