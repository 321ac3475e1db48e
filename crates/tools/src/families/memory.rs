//! Memory over time.

use cluster::{ClusterView, Object, read};
use domain::ObjectRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use triage::containers;
use triage::detectors::Life;

use super::workload::WorkloadArgs;
use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, workload};

/// Hours before now.
const HOURS: i64 = 48;
/// Most pods that are gone.
const GONE_LIMIT: usize = 4;
/// Letters of generated names (`k8s.io/apimachinery/pkg/util/rand`).
const HASH: &str = "[bcdfghjklmnpqrstvwxz2456789]";

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
    const ABOUT: &'static str = "Working-set memory of a workload's containers over 48 h, one line per life between restarts, their limits, and the same of its pods that are gone.";
    type Args = MemoryArgs;

    async fn call(MemoryArgs(args): MemoryArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let mut view = workspace.namespace(&args.namespace).await?;
        let found = workload(&view, &args.namespace, &args.name)?.reference().clone();
        let pods: Vec<_> = view.pods_of(&found).take(4).cloned().collect();
        let mut names: Vec<String> = pods.iter().map(|pod| pod.name().to_owned()).collect();
        if found.kind == "Deployment" {
            names.push(format!("{}-{HASH}{{5,10}}-{HASH}{{5}}", found.name));
        }
        let gaps = view.gaps.len();
        read::memory(&workspace.metrics, &mut view, &args.namespace, &names, HOURS).await;
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
                    out.fact(pod.reference(), &path, &words(&life), Some(life.start));
                }
            }
        }
        let present: Vec<&str> = pods.iter().map(Object::name).collect();
        gone(&mut out, &view, &found, &present);
        Ok(out)
    }
}

/// The last lives of pods that are no more, newest first: how it was before.
fn gone(out: &mut Output, view: &ClusterView, workload: &ObjectRef, present: &[&str]) {
    let mut lives: Vec<(&str, &str, Life)> = view
        .memory
        .iter()
        .filter(|((namespace, pod, _), _)| {
            *namespace == workload.namespace
                && pod
                    .strip_prefix(workload.name.as_str())
                    .is_some_and(|rest| rest.matches('-').count() == 2)
                && !present.contains(&pod.as_str())
                && view.get("Pod", namespace, pod).is_none()
        })
        .filter_map(|((_, pod, container), series)| {
            let last = triage::detectors::lives(&series.samples).pop()?;
            Some((pod.as_str(), container.as_str(), last))
        })
        .collect();
    lives.sort_by_key(|(_, _, life)| std::cmp::Reverse(life.start));
    for (pod, container, life) in lives.into_iter().take(GONE_LIMIT) {
        let path = format!("metrics[{container}].working_set.gone[{pod}]");
        out.fact(workload, &path, &words(&life), Some(life.start));
    }
}

fn words(life: &Life) -> String {
    format!(
        "{:.0} MiB -> {:.0} MiB (peak {:.0}) over {}m",
        mib(life.first),
        mib(life.last),
        mib(life.peak),
        life.minutes
    )
}
