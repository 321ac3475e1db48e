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

/// Bytes in mebibytes.
fn mib(bytes: f64) -> f64 {
    bytes / 1024.0 / 1024.0
}

/// Memory of a workload's containers.
pub(crate) struct MemoryUsage;

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct MemoryArgs(WorkloadArgs);

impl Tool for MemoryUsage {
    const NAME: &'static str = "memory_usage";
    const ABOUT: &'static str = "Working-set memory of a workload's containers over 24 h, one line per life between restarts, and their limits.";
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
                for life in triage::detectors::lives(&series.samples) {
                    let path = format!("metrics[{}].working_set.life", container.name);
                    let value = format!(
                        "{:.0} MiB -> {:.0} MiB (peak {:.0}) over {}m",
                        mib(life.first),
                        mib(life.last),
                        mib(life.peak),
                        life.minutes
                    );
                    out.fact(pod.reference(), &path, &value, Some(life.start));
                }
            }
        }
        Ok(out)
    }
}
