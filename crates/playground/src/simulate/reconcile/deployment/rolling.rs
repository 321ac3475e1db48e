//! Rolling updates (`pkg/controller/deployment/rolling.go`). Must not know of conditions.

use serde_json::Value;

use super::{Family, resize};
use crate::build::json::number;
use crate::simulate::reconcile::cluster::Cluster;

/// Grows the new ReplicaSet as far as the surge allows; true when it did.
pub(super) fn grow(cluster: &mut Cluster<'_>, family: &Family) -> bool {
    let Some(new) = &family.new else { return false };
    let has = number(new, "/spec/replicas");
    if has > family.replicas {
        resize(cluster, family, new, family.replicas);
        return true;
    }
    let room = family.replicas + family.max_surge - family.total();
    let more = room.min(family.replicas - has);
    if more <= 0 {
        return false;
    }
    resize(cluster, family, new, has + more);
    true
}

/// Shrinks old ReplicaSets: unhealthy pods first, then as many as availability allows.
pub(super) fn shrink(cluster: &mut Cluster<'_>, family: &Family) {
    let Some(new) = &family.new else { return };
    if family.old.iter().all(|set| number(set, "/spec/replicas") == 0) {
        return;
    }
    let least = family.replicas - family.max_unavailable;
    let new_unavailable = number(new, "/spec/replicas") - available(new);
    let may_go = family.total() - least - new_unavailable;
    if may_go <= 0 {
        return;
    }
    let mut counts: Vec<i64> = family
        .old
        .iter()
        .map(|set| number(set, "/spec/replicas"))
        .collect();
    let mut cleaned = 0;
    for (count, set) in counts.iter_mut().zip(&family.old) {
        let unhealthy = (*count - available(set)).max(0).min(may_go - cleaned);
        *count -= unhealthy;
        cleaned += unhealthy;
    }
    let mut spare = family.all().map(available).sum::<i64>() - least;
    for (count, set) in counts.iter_mut().zip(&family.old) {
        let gone = (*count)
            .min(spare)
            .min(may_go - cleaned)
            .min(available(set))
            .max(0);
        *count -= gone;
        cleaned += gone;
        spare -= gone;
    }
    for (count, set) in counts.iter().zip(&family.old) {
        if *count != number(set, "/spec/replicas") {
            resize(cluster, family, set, *count);
        }
    }
}

fn available(set: &Value) -> i64 {
    number(set, "/status/availableReplicas")
}
