//! Autoscalers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// State of autoscalers.
pub(crate) struct HpaStatus;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HpaArgs {
    namespace: String,
    /// Only those of this workload.
    #[serde(default)]
    workload: String,
}

impl Tool for HpaStatus {
    const NAME: &'static str = "hpa_status";
    const ABOUT: &'static str =
        "HorizontalPodAutoscalers: bounds, replicas, metrics now and wanted, conditions, last edit.";
    type Args = HpaArgs;

    async fn call(args: HpaArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let mut out = Output::default();
        for scaler in view
            .in_namespace("HorizontalPodAutoscaler", &args.namespace)
            .filter(|scaler| {
                args.workload.is_empty() || scaler.str("spec.scaleTargetRef.name") == args.workload
            })
        {
            out.facts(
                scaler,
                [
                    "spec.scaleTargetRef.name",
                    "spec.minReplicas",
                    "spec.maxReplicas",
                    "status.currentReplicas",
                    "status.desiredReplicas",
                    "status.lastScaleTime",
                    "spec.metrics",
                    "status.currentMetrics",
                ],
            );
            for condition in ["AbleToScale", "ScalingActive", "ScalingLimited"] {
                let part = |field: &str| format!("status.conditions[{condition}].{field}");
                let paths = [part("status"), part("reason"), part("message")];
                out.facts(scaler, paths.iter().map(String::as_str));
            }
            if let Some(write) = scaler.last_write("spec") {
                out.fact(
                    scaler.reference(),
                    "metadata.managedFields[spec].manager",
                    &write.name,
                    write.time,
                );
            }
        }
        if !view.has_list("HorizontalPodAutoscaler", &args.namespace) {
            out.note("autoscalers could not be listed");
        }
        Ok(out)
    }
}
