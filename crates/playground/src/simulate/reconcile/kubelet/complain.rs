//! Events that repeat while a pod fails. Must not know what they say.

use jiff::Timestamp;

use super::Run;
use crate::build::time;
use crate::simulate::reconcile::ailment::{Ailment, Trouble};
use crate::simulate::reconcile::cluster::{Cluster, Note};

/// When each complaint of an ailment is due: soon for a pod that has it already.
pub(super) fn rhythm(ailment: &Ailment, now: Timestamp, is_old: bool) -> Vec<Timestamp> {
    ailment
        .complaints
        .iter()
        .map(|complaint| {
            let delay = if is_old {
                complaint.period_s
            } else {
                complaint.delay_s
            };
            time::after(now, delay)
        })
        .collect()
}

/// Records what is due.
pub(super) fn due(
    cluster: &mut Cluster<'_>,
    run: &mut Run,
    ailment: Option<&Ailment>,
    namespace: &str,
    name: &str,
) {
    let (Some(ailment), Some((_, moments))) = (ailment, run.ailment.as_mut()) else {
        return;
    };
    let now = cluster.now();
    for (complaint, at) in ailment.complaints.iter().zip(moments.iter_mut()) {
        if *at > now {
            continue;
        }
        *at = time::after(now, complaint.period_s);
        // The back-off of a container that ends is told when it ends.
        if complaint.reason == "BackOff" && matches!(ailment.trouble, Trouble::Ends { .. }) {
            continue;
        }
        let Some(pod) = cluster.get("Pod", namespace, name) else {
            return;
        };
        cluster.note(&Note {
            object: &pod,
            kind: &complaint.kind,
            reason: &complaint.reason,
            message: &ailment.retell(&complaint.message, &pod),
            component: &complaint.component,
            field: &complaint.field,
        });
    }
}
