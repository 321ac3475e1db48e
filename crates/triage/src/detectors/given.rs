//! Containers that end because of what they are given: a file that their user may not touch, a variable that does not
//! arrive, a document that does not parse, an address that leads nowhere, a ConfigMap edited past its source. The log
//! says what was missed; the API's facts say why.

mod drift;
mod environment;
mod files;

use cluster::{ClusterView, Object};
use domain::Signal;

use super::said::{self, Said};
use super::{Context, Detector};

pub(super) const DETECTOR: Detector = Detector {
    name: "given",
    mechanisms: &[
        environment::ENV,
        files::FILES,
        drift::DRIFT,
        drift::INVALID,
        drift::ADDRESS,
    ],
    run,
};

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    let mut out = Vec::new();
    for workload in ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| view.of_kind(kind))
    {
        let ended = said::crashing(view, workload.reference());
        if !ended.is_empty() {
            out.extend(files::denied(context, workload, &ended));
            out.extend(environment::absent(context, workload, &ended));
        }
        out.extend(drift::misconfigured(context, workload, &ended));
    }
    out
}

/// The last words of pods that ended, newest first: those of the instances that ended.
fn last_words<'a>(view: &'a ClusterView, pods: &[&'a Object]) -> Vec<Said<'a>> {
    pods.iter()
        .flat_map(|pod| {
            let lines = said::of_pod(view, pod);
            let dead: Vec<Said<'a>> = lines
                .iter()
                .rev()
                .filter(|line| line.previous)
                .take(12)
                .copied()
                .collect();
            if dead.is_empty() {
                lines.into_iter().rev().take(12).collect()
            } else {
                dead
            }
        })
        .collect()
}
