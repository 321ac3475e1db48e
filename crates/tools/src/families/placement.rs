//! Why pods are not placed, node by node.

use schemars::JsonSchema;
use serde::Deserialize;
use triage::placement;

use super::workload::WorkloadArgs;
use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, workload};

/// Most nodes that are shown one by one.
const NODE_LIMIT: usize = 20;

/// Refusals of nodes.
pub(crate) struct SchedulingExplain;

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct SchedulingArgs(WorkloadArgs);

impl Tool for SchedulingExplain {
    const NAME: &'static str = "scheduling_explain";
    const ABOUT: &'static str = "Why each node does not take a waiting pod, computed: cordon, taints, selector, affinity, free resources; and the scheduler's own words.";
    type Args = SchedulingArgs;

    async fn call(SchedulingArgs(args): SchedulingArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let mut view = workspace.namespace(&args.namespace).await?;
        // What is free on a node depends on the pods of all namespaces.
        if !view.has_list("Pod", "") {
            cluster::read::lists(&workspace.reader, &mut view, &[("Pod", "")]).await;
        }
        let found = workload(&view, &args.namespace, &args.name)?;
        let mut pods: Vec<_> = if found.kind() == "Pod" {
            vec![found]
        } else {
            view.pods_of(found.reference()).collect()
        };
        let all = pods.len();
        pods.retain(|pod| pod.str("spec.nodeName").is_empty());
        let mut out = Output::default();
        let Some(pod) = pods.first() else {
            out.note(&format!("all {all} pods of {} are placed", found.reference()));
            return Ok(out);
        };
        out.facts(
            pod,
            [
                "status.phase",
                "status.conditions[PodScheduled].reason",
                "status.conditions[PodScheduled].message",
                "spec.nodeSelector",
                "spec.affinity",
                "spec.tolerations",
                "spec.priorityClassName",
            ],
        );
        let refusals = placement::refusals(&view, pod);
        for refusal in refusals.iter().take(NODE_LIMIT) {
            let text = if refusal.reasons.is_empty() {
                "nothing computed here speaks against it".to_owned()
            } else {
                refusal.reasons.join("; ")
            };
            out.fact(
                refusal.node.reference(),
                &format!("takes[{}]", pod.name()),
                &text,
                None,
            );
        }
        if refusals.len() > NODE_LIMIT {
            out.note(&format!("{} more nodes", refusals.len() - NODE_LIMIT));
        }
        if !view.has_list("Pod", "") {
            out.note("pods of other namespaces could not be listed: nodes may have less free than is said");
        }
        out.note("not computed: pod affinity, topology spread, host ports, volumes");
        Ok(out)
    }
}
