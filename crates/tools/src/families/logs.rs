//! Logs, with repeats folded.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cluster::{LogLine, LogSource, Look};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use triage::containers;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::{Workspace, workload};

/// Lines read per container.
const TAIL: usize = 300;
/// Pods of a workload that are read.
const PODS: usize = 3;
/// Lines shown per container.
const SHOWN: usize = 12;
/// Bytes of a line that are shown, around the match.
const LINE_BYTES: usize = 400;

/// Searches logs.
pub(crate) struct LogsSearch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsArgs {
    namespace: String,
    /// Workload or pod.
    name: String,
    /// The instance before the last restart.
    #[serde(default)]
    previous: bool,
    /// Only lines that match this regular expression (case-insensitive).
    #[serde(default)]
    matching: String,
}

impl Tool for LogsSearch {
    const NAME: &'static str = "logs_search";
    const ABOUT: &'static str =
        "Last log lines of a workload's containers, repeats folded with counts; unhealthy pods first.";
    type Args = LogsArgs;

    async fn call(args: LogsArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let pattern = Regex::new(&format!("(?i){}", args.matching)).map_err(|error| {
            ToolError::RespondToModel(format!("`matching` is no regular expression: {error}"))
        })?;
        let mut view = workspace.namespace(&args.namespace).await?;
        let found = workload(&view, &args.namespace, &args.name)?.reference().clone();
        let exact = view
            .get("Pod", &args.namespace, &args.name)
            .map(|pod| vec![pod.clone()]);
        let mut pods: Vec<_> = exact.unwrap_or_else(|| view.pods_of(&found).cloned().collect());
        pods.sort_by_key(|pod| (containers::is_healthy(pod), std::cmp::Reverse(pod.created())));
        pods.truncate(PODS);
        let mut sources = Vec::new();
        for pod in &pods {
            for container in containers::of(pod) {
                let source = LogSource {
                    namespace: pod.namespace().to_owned(),
                    pod: pod.name().to_owned(),
                    container: container.name.to_owned(),
                    previous: args.previous,
                };
                sources.push((pod.reference().clone(), source));
            }
        }
        workspace
            .logs(
                &mut view,
                sources.iter().map(|(_, source)| source.clone()).collect(),
                TAIL,
            )
            .await;
        let mut out = Output::default();
        for (pod, source) in sources {
            match view.logs.get(&source) {
                Some(Look::Found(lines)) => show(&mut out, &pod, &source, lines, &pattern),
                Some(Look::CouldNotLook(blind)) => out.blind(blind.clone()),
                Some(Look::Empty) | None => {}
            }
        }
        Ok(out)
    }
}

fn show(out: &mut Output, pod: &domain::ObjectRef, source: &LogSource, lines: &[LogLine], pattern: &Regex) {
    let instance = if source.previous { ".previous" } else { "" };
    let matching: Vec<&LogLine> = lines
        .iter()
        .filter(|line| pattern.is_match(line.text.as_str()))
        .collect();
    if matching.is_empty() {
        out.note(&format!(
            "{} [{}]{instance}: 0 of {} lines match",
            pod,
            source.container,
            lines.len()
        ));
        return;
    }
    let mut groups: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for (index, line) in matching.iter().enumerate() {
        let group = groups
            .entry(template(line.text.as_str()))
            .or_insert((0, index, index));
        *group = (group.0 + 1, group.1, index);
    }
    let mut newest: Vec<(usize, usize, usize)> = groups.into_values().collect();
    newest.sort_by_key(|(_, _, last)| std::cmp::Reverse(*last));
    newest.truncate(SHOWN);
    newest.sort_by_key(|(_, _, last)| *last);
    for (count, first, last) in newest {
        let (Some(start), Some(line)) = (matching.get(first), matching.get(last)) else {
            continue;
        };
        let since = start.at.map_or_else(String::new, |at| {
            format!(" since {}", at.strftime("%m-%dT%H:%M:%SZ"))
        });
        let times = if count > 1 {
            format!("[x{count}{since}]")
        } else {
            String::new()
        };
        let hit = pattern
            .find(line.text.as_str())
            .map(|hit| hit.as_str())
            .unwrap_or_default();
        let path = format!("log[{}]{instance}.line{times}", source.container);
        out.fact(pod, &path, line.text.around(hit, LINE_BYTES).as_str(), line.at);
    }
}

static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+").ok());

/// The line with numbers and ids masked: lines that say the same fold into one.
fn template(line: &str) -> String {
    VARIABLE.as_ref().map_or_else(
        || line.to_owned(),
        |variable| variable.replace_all(line, "#").into_owned(),
    )
}
