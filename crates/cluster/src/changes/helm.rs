//! Helm revisions: what a revision changed in values and chart.

use domain::{Change, ChangeKind, FieldDiff, Redacted};

use crate::api::helm::{Release, Revision};
use crate::diff;

/// One change per decoded revision that has a decoded predecessor.
pub(super) fn changes(release: &Release) -> Vec<Change> {
    release
        .revisions
        .windows(2)
        .map(|pair| {
            let [newer, older] = pair else { return None };
            Some(between(release, older, newer))
        })
        .chain(
            release
                .revisions
                .last()
                .filter(|first| first.version == 1)
                .map(|first| {
                    Some(Change {
                        object: release.reference.clone(),
                        kind: ChangeKind::HelmRevision,
                        at: first.deployed_at,
                        actor: Some("helm".to_owned()),
                        summary: Redacted::trusted(&format!(
                            "{} was installed ({})",
                            release.reference, first.chart
                        )),
                        diff: vec![],
                    })
                }),
        )
        .flatten()
        .collect()
}

fn between(release: &Release, older: &Revision, newer: &Revision) -> Change {
    let mut fields = diff::between(&older.values, &newer.values);
    fields
        .iter_mut()
        .for_each(|field| field.field = format!("values.{}", field.field));
    if older.chart != newer.chart {
        fields.insert(
            0,
            FieldDiff {
                field: "chart".to_owned(),
                before: Some(Redacted::trusted(&older.chart)),
                after: Some(Redacted::trusted(&newer.chart)),
            },
        );
    }
    let names = fields
        .iter()
        .map(|field| field.field.as_str())
        .take(4)
        .collect::<Vec<_>>()
        .join(", ");
    let what = if names.is_empty() {
        "no difference in values".to_owned()
    } else {
        names
    };
    Change {
        object: release.reference.clone(),
        kind: ChangeKind::HelmRevision,
        at: newer.deployed_at,
        actor: Some("helm".to_owned()),
        summary: Redacted::trusted(&format!(
            "{} revision {} ({}): {what}",
            release.reference, newer.version, newer.status
        )),
        diff: fields,
    }
}
