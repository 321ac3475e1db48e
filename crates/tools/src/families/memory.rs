//! Memory over time.

use cluster::read;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use triage::containers;

use super::workload::WorkloadArgs;
use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, workload};

/// Samples shown per container.
const POINTS: usize = 10;

/// Memory of a workload's containers.
pub(crate) struct MemoryUsage;

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct MemoryArgs(WorkloadArgs);

impl Tool for MemoryUsage {
    const NAME: &'static str = "memory_usage";
    const ABOUT: &'static str =
        "Working-set memory of a workload's containers over 24 h against their limits.";
    type Args = MemoryArgs;

    async fn call(MemoryArgs(args): MemoryArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let mut view = workspace.namespace(&args.namespace).await?;
        let found = workload(&view, &args.namespace, &args.name)?.reference().clone();
        let pods: Vec<_> = view.pods_of(&found).take(4).cloned().collect();
        let names: Vec<String> = pods.iter().map(|pod| pod.name().to_owned()).collect();
        let gaps = view.gaps.len();
        read::memory(&workspace.metrics, &mut view, &args.namespace, &names, 24).await;
        let mut out = Output::default();
        if let Some(gap) = view.gaps.get(gaps) {
            out.blind(cluster::Blind {
                reason: gap.reason,
                message: gap.message.clone(),
            });
        }
        for pod in &pods {
            for container in containers::of(pod) {
                let limit = container
                    .spec
                    .pointer("/resources/limits/memory")
                    .and_then(Value::as_str)
                    .unwrap_or("none");
                out.fact(
                    pod.reference(),
                    &container.spec_path("resources.limits.memory"),
                    limit,
                    None,
                );
                let key = (
                    pod.namespace().to_owned(),
                    pod.name().to_owned(),
                    container.name.to_owned(),
                );
                let Some(series) = view.memory.get(&key) else {
                    continue;
                };
                let step = (series.samples.len() / POINTS).max(1);
                for (at, bytes) in series.samples.iter().step_by(step).chain(series.samples.last()) {
                    out.fact(
                        pod.reference(),
                        &format!("metrics[{}].working_set", container.name),
                        &format!("{:.0} MiB", bytes / 1_048_576.0),
                        Some(*at),
                    );
                }
            }
        }
        Ok(out)
    }
}
