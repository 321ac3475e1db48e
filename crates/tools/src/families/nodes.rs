//! Nodes.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, workload};

/// Conditions of nodes.
pub(crate) struct NodeConditions;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeArgs {
    /// Omit for all nodes.
    #[serde(default)]
    name: String,
    /// Only nodes that run pods of this workload or pod, as namespace/name.
    #[serde(default)]
    workload: String,
}

impl Tool for NodeConditions {
    const NAME: &'static str = "node_conditions";
    const ABOUT: &'static str = "Readiness, pressure, taints and allocatable resources of nodes.";
    type Args = NodeArgs;

    async fn call(args: NodeArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let runs = match args.workload.split_once('/') {
            Some((namespace, name)) => Some(nodes_of(workspace, namespace, name).await?),
            None if args.workload.is_empty() => None,
            None => {
                return Err(ToolError::RespondToModel("workload is namespace/name".to_owned()));
            }
        };
        let view = workspace.lock().await;
        let mut out = Output::default();
        for node in view
            .of_kind("Node")
            .filter(|node| args.name.is_empty() || node.name() == args.name)
            .filter(|node| runs.as_ref().is_none_or(|runs| runs.contains(node.name())))
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

/// Names of the nodes that run pods of a workload.
async fn nodes_of(workspace: &Workspace, namespace: &str, name: &str) -> Result<BTreeSet<String>, ToolError> {
    let view = workspace.namespace(namespace).await?;
    let found = workload(&view, namespace, name)?;
    let pods: Vec<_> = if found.kind() == "Pod" {
        vec![found]
    } else {
        view.pods_of(found.reference()).collect()
    };
    Ok(pods
        .into_iter()
        .map(|pod| pod.str("spec.nodeName").to_owned())
        .collect())
}
