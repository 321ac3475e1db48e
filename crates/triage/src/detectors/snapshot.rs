//! Volume snapshots that fail, so that the last good copy grows old.

use std::collections::BTreeMap;

use cluster::{ClusterView, Object};
use domain::{LookupOutcome, ObjectRef, Severity, Signal};

use super::finding::{event_fact, signal};
use super::text::ago;
use super::{Context, Detector, volume};
use crate::wording::{self, Place, Words};

pub(super) const DETECTOR: Detector = Detector {
    name: "snapshot",
    mechanisms: &[ID],
    run,
};

const ID: &str = "storage-and-persistence/snapshot-failed";

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut by_claim: BTreeMap<(&str, &str), Vec<&Object>> = BTreeMap::new();
    for snapshot in view.of_kind("VolumeSnapshot") {
        let claim = snapshot.str("spec.source.persistentVolumeClaimName");
        by_claim
            .entry((snapshot.namespace(), claim))
            .or_default()
            .push(snapshot);
    }
    by_claim
        .into_iter()
        .filter_map(|((_, claim), mut snapshots)| {
            snapshots.sort_by_key(|snapshot| snapshot.created());
            failing(view, claim, &snapshots)
        })
        .collect()
}

/// The newest snapshot of a claim carries an error; `snapshots` are sorted by age, oldest first. The error field holds
/// the last error, which a ready snapshot may keep.
fn failing(view: &ClusterView, claim: &str, snapshots: &[&Object]) -> Option<Signal> {
    let newest = snapshots.last()?;
    let error = newest.str("status.error.message");
    if newest.is("status.readyToUse") || error.is_empty() {
        return None;
    }
    let good = snapshots
        .iter()
        .rev()
        .find(|snapshot| snapshot.is("status.readyToUse"));
    let first_bad = snapshots
        .iter()
        .filter(|snapshot| snapshot.created() > good.and_then(|good| good.created()))
        .find(|snapshot| !snapshot.is("status.readyToUse"));
    let age = match good.and_then(|good| good.created()) {
        Some(at) => format!(
            "the newest usable one is {} old",
            ago(view.now.duration_since(at))
        ),
        None => "no usable one was found".to_owned(),
    };
    let class = newest.str("spec.volumeSnapshotClassName");
    let class_ref = ObjectRef::of("VolumeSnapshotClass", "", class);
    let absent = !class.is_empty() && view.lookup(&class_ref).outcome == LookupOutcome::Empty;
    let worded = Words {
        place: Place::Status,
        reason: "",
        message: error,
    };
    let certainty = match (absent, wording::means(worded, ID)) {
        (true, true) => 0.95,
        (_, true) => 0.9,
        _ => 0.7,
    };
    let why = if absent {
        format!("its class {class} does not exist ({error})")
    } else {
        error.to_owned()
    };
    let message = format!("{} cannot be taken; {age}: {why}", newest.reference());
    let claim = ObjectRef::of("PersistentVolumeClaim", newest.namespace(), claim);
    let mut built = signal("snapshot", newest.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Warning)
        .onset(first_bad.and_then(|snapshot| snapshot.created()))
        .affects(volume::sufferers(view, &claim))
        .facts(
            newest,
            [
                "status.readyToUse",
                "status.error.message",
                "status.error.time",
                "spec.volumeSnapshotClassName",
                "metadata.creationTimestamp",
            ],
        );
    if let Some(good) = good {
        built = built.facts(good, ["status.readyToUse", "metadata.creationTimestamp"]);
    }
    if absent {
        built = built
            .lookup(view, &class_ref)
            .params("spec.volumeSnapshotClassName", class, None);
    } else {
        built = built.params("status.error.message", error, Some("ready to use"));
    }
    if let Some(event) = view.events_of(newest.reference()).last() {
        built = built.fact(Some(event_fact(event)));
    }
    Some(built.build())
}
