//! What changed.

use cluster::changes;
use domain::{Change, Redacted};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Most changes shown.
const LIMIT: usize = 15;

/// Recent changes.
pub(crate) struct Changes;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangesArgs {
    namespace: String,
    /// Only this object's.
    #[serde(default)]
    name: String,
    /// Default 48.
    #[serde(default)]
    hours: Option<u32>,
}

impl Tool for Changes {
    const NAME: &'static str = "changes";
    const ABOUT: &'static str =
        "Rollouts (with field diffs), Helm revisions, edits and deletions in a namespace, newest first.";
    type Args = ChangesArgs;

    async fn call(args: ChangesArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let window = SignedDuration::from_hours(i64::from(args.hours.unwrap_or(48)));
        let mut out = Output::default();
        let found: Vec<Change> = changes::since(&view, view.now - window)
            .into_iter()
            .filter(|change| {
                change.object.namespace == args.namespace
                    && (args.name.is_empty() || change.object.name == args.name)
            })
            .collect();
        for change in found.iter().take(LIMIT) {
            out.fact(&change.object, "change", change.summary.as_str(), change.at);
            for field in change.diff.iter().take(8) {
                let text = |value: &Option<Redacted>| {
                    value
                        .as_ref()
                        .map_or_else(|| "(unset)".to_owned(), ToString::to_string)
                };
                out.fact(
                    &change.object,
                    &format!("change.{}", field.field),
                    &format!("{} -> {}", text(&field.before), text(&field.after)),
                    change.at,
                );
            }
        }
        if found.is_empty() {
            out.note(&format!("no change within {} h", args.hours.unwrap_or(48)));
        }
        if found.len() > LIMIT {
            out.note(&format!("{} older changes left out", found.len() - LIMIT));
        }
        out.note("deleted objects and former ConfigMap or Secret contents leave no trace here");
        Ok(out)
    }
}
