//! Helm releases and what a revision changed.

use cluster::{Release, Revision, diff};
use domain::{ObjectRef, Redacted};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Tool, ToolError};
use crate::output::Output;
use crate::workspace::Workspace;

/// Releases of a namespace.
pub(crate) struct HelmReleases;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HelmReleasesArgs {
    namespace: String,
}

impl Tool for HelmReleases {
    const NAME: &'static str = "helm_releases";
    const ABOUT: &'static str = "Helm releases of a namespace: revisions, status, chart, time, description. As object they are kind Release.";
    type Args = HelmReleasesArgs;

    async fn call(args: HelmReleasesArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let mut out = Output::default();
        for release in view
            .releases
            .iter()
            .filter(|release| release.reference.namespace == args.namespace)
        {
            for revision in &release.revisions {
                let line = format!("{} {} {}", revision.status, revision.chart, revision.description);
                out.fact(
                    &release.reference,
                    &format!("revisions[{}]", revision.version),
                    &line,
                    revision.deployed_at,
                );
            }
        }
        if let Some(gap) = view
            .gaps
            .iter()
            .find(|gap| gap.what.starts_with("Helm releases in ") && gap.what.ends_with(&args.namespace))
        {
            out.blind(cluster::Blind {
                reason: gap.reason,
                message: gap.message.clone(),
            });
        }
        Ok(out)
    }
}

/// Differences between revisions.
pub(crate) struct HelmDiff;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HelmDiffArgs {
    namespace: String,
    release: String,
    /// Newer revision; default the newest. It is compared with the one before it.
    #[serde(default)]
    revision: Option<i64>,
}

impl Tool for HelmDiff {
    const NAME: &'static str = "helm_diff";
    const ABOUT: &'static str =
        "Values, chart and status that a Helm revision changed, and the objects of the release.";
    type Args = HelmDiffArgs;

    async fn call(args: HelmDiffArgs, workspace: &Workspace) -> Result<Output, ToolError> {
        let view = workspace.namespace(&args.namespace).await?;
        let release = view.release(&args.namespace, &args.release).ok_or_else(|| {
            let known = view
                .releases
                .iter()
                .filter(|release| release.reference.namespace == args.namespace);
            let known = known
                .map(|release| release.reference.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            ToolError::RespondToModel(format!(
                "no release `{}` in `{}`; there are: {known}",
                args.release, args.namespace
            ))
        })?;
        let newer = match args.revision {
            None => release.revisions.first(),
            Some(version) => release
                .revisions
                .iter()
                .find(|revision| revision.version == version),
        };
        let newer = newer.ok_or_else(|| {
            ToolError::RespondToModel(format!("revision {:?} was not kept or not read", args.revision))
        })?;
        let older = release
            .revisions
            .iter()
            .find(|revision| revision.version < newer.version);
        Ok(compare(release, older, newer))
    }
}

fn compare(release: &Release, older: Option<&Revision>, newer: &Revision) -> Output {
    let mut out = Output::default();
    let object: &ObjectRef = &release.reference;
    out.fact(
        object,
        &format!("revisions[{}].status", newer.version),
        &newer.status,
        newer.deployed_at,
    );
    let Some(older) = older else {
        out.note("there is no earlier revision to compare with");
        return out;
    };
    out.note(&format!("compared with revision {}", older.version));
    if older.chart != newer.chart {
        out.fact(
            object,
            "chart",
            &format!("{} -> {}", older.chart, newer.chart),
            newer.deployed_at,
        );
    }
    let changed = diff::between(&older.values, &newer.values);
    if changed.is_empty() {
        out.note("the user's values are the same in both revisions");
    }
    for field in changed {
        let text = |value: &Option<Redacted>| {
            value
                .as_ref()
                .map_or_else(|| "(unset)".to_owned(), ToString::to_string)
        };
        out.fact(
            object,
            &format!("values.{}", field.field),
            &text(&field.after),
            newer.deployed_at,
        );
        out.fact(
            object,
            &format!("previous.values.{}", field.field),
            &text(&field.before),
            older.deployed_at,
        );
    }
    if older.chart == newer.chart {
        out.note("complete: no other value changed, and the chart is the same");
    }
    let objects = newer
        .objects
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    out.fact(object, "objects", &objects, None);
    out
}
