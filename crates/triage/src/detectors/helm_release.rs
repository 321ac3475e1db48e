//! Helm releases whose newest revision failed or hangs, where no more exact cause is to be seen.

use cluster::{ClusterView, Object};
use domain::{ObjectRef, Severity, Signal};
use jiff::SignedDuration;

use super::{Context, Detector};
use crate::containers;
use crate::detectors::finding::signal;
use crate::wording::{Place, Words, means};

pub(super) const DETECTOR: Detector = Detector {
    name: "helm-release",
    mechanisms: &[FAILED],
    run,
};

const FAILED: &str = "image-and-deployment/helm-release-failed";
/// Twice Helm's default `--timeout`: an operation that is pending for longer has been given up.
const GIVEN_UP: SignedDuration = SignedDuration::from_mins(10);
/// Older than this it is a leftover.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.releases
        .iter()
        .filter_map(|release| {
            let newest = release.revisions.first()?;
            let age = view.now.duration_since(newest.deployed_at?);
            if age > RECENT {
                return None;
            }
            let pending = newest.status.starts_with("pending-") && age > GIVEN_UP;
            let failed = newest.status == "failed";
            if !(pending || failed) {
                return None;
            }
            let own: Vec<ObjectRef> = newest
                .objects
                .iter()
                .chain(release.revisions.iter().flat_map(|revision| &revision.objects))
                .filter(|object| {
                    matches!(
                        object.kind.as_str(),
                        "Deployment" | "StatefulSet" | "DaemonSet" | "Job"
                    )
                })
                .cloned()
                .collect();
            let said = newest.description.as_str();
            let certainty = certainty(context, pending, said, &own);
            let state = &newest.status;
            let message = format!(
                "{}: revision {} is {state} since {}: {said}",
                release.reference,
                newest.version,
                newest.deployed_at.map_or_else(String::new, |at| at.to_string())
            );
            let at = newest.deployed_at;
            Some(
                signal("helm-release", &release.reference, &message)
                    .mechanism(FAILED, certainty)
                    .severity(Severity::Warning)
                    .onset(at)
                    .affects(own)
                    .params("status", state, Some("deployed"))
                    .computed(&release.reference, "status", state, at)
                    .computed(&release.reference, "description", said, at)
                    .build(),
            )
        })
        .collect()
}

/// A hook, a lock or a conflict is the release's own; a timeout has its cause in what did not become ready. Alerts about
/// healthy objects are not about the release.
fn certainty(context: &Context<'_>, pending: bool, said: &str, own: &[ObjectRef]) -> f64 {
    let view = context.view;
    let words = Words {
        place: Place::Status,
        reason: "",
        message: said,
    };
    let timed_out = said.contains("timed out waiting") || said.contains("context deadline exceeded");
    let suffers = own.iter().any(|object| is_unwell(view, object));
    let asked = context.noticed.is_none();
    match (pending, means(words, FAILED) && !timed_out) {
        (true, _) if asked || suffers => 0.88,
        (false, true) if asked || suffers => 0.88,
        _ => 0.5,
    }
}

fn is_unwell(view: &ClusterView, object: &ObjectRef) -> bool {
    view.pods_of(object).any(|pod| !containers::is_healthy(pod))
        || view
            .get_ref(object)
            .is_some_and(|found: &Object| found.str("status.conditions[Failed].status") == "True")
}
