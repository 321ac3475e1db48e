//! Nodes.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Conditions of nodes.
pub(crate) struct NodeConditions;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeArgs {
    /// Omit for all nodes.
    #[serde(default)]
    name: String,
}

impl Tool for NodeConditions {
    const NAME: &'static str = "node_conditions";
    const ABOUT: &'static str = "Readiness, pressure, taints and allocatable resources of nodes.";
    type Args = NodeArgs;

    async fn call(args: NodeArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.lock().await;
        let mut out = Output::default();
        for node in view
            .of_kind("Node")
            .filter(|node| args.name.is_empty() || node.name() == args.name)
        {
            for condition in [
                "Ready",
                "MemoryPressure",
                "DiskPressure",
                "PIDPressure",
                "NetworkUnavailable",
            ] {
                out.facts(node, [format!("status.conditions[{condition}].status").as_str()]);
            }
            out.facts(
                node,
                [
                    "spec.unschedulable",
                    "spec.taints",
                    "status.allocatable.cpu",
                    "status.allocatable.memory",
                    "status.allocatable.pods",
                ],
            );
        }
        if !view.has_list("Node", "") {
            out.note("nodes could not be listed");
        }
        Ok(out)
    }
}
