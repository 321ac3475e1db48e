//! Logs further along the chain of complaints: those of workloads that a caller's errors name, and more of a log whose
//! tail is all refusals, so that their beginning can be dated. Must not know what anything means beyond that.

use std::collections::BTreeSet;

use cluster::{ClusterReader, ClusterView, LogSource, Look, Object, calls, read, selector};

use super::{LOG_TAIL, sources_of, youngest_and_oldest};
use crate::containers;
use crate::wording::{Place, Words, means};

/// Rounds of following complaints from a caller to what it calls.
const ROUNDS: usize = 3;
/// Most logs that one round adds.
const ROUND_LIMIT: usize = 12;
/// Lines of a log that is read again.
const LONG_TAIL: usize = 1500;
/// Most logs that are read again.
const LONG_LIMIT: usize = 8;
/// Mechanisms that the time of their first words settles.
const DATED: &[&str] = &[
    "config-and-secrets/credentials-rejected",
    "config-and-secrets/rbac-denied",
    "config-and-secrets/certificate-expired",
];

/// Reads the logs of workloads that complaints name, then more of those that begin amid refusals.
pub(super) async fn follow(reader: &ClusterReader, view: &mut ClusterView) {
    for _ in 0..ROUNDS {
        let mut sources: Vec<LogSource> = blamed(view)
            .into_iter()
            .filter(|source| !view.logs.contains_key(source))
            .collect();
        sources.truncate(ROUND_LIMIT);
        if sources.is_empty() {
            break;
        }
        read::logs(reader, view, sources, LOG_TAIL).await;
    }
    let mut long = cut_amid_refusals(view);
    long.truncate(LONG_LIMIT);
    read::logs_again(reader, view, long, LONG_TAIL).await;
}

/// Logs of the pods behind Services that a caller's log names in a line of trouble.
fn blamed(view: &ClusterView) -> Vec<LogSource> {
    let mut out = BTreeSet::new();
    for call in calls::calls(view) {
        let complains = view
            .pods_of(&call.from)
            .any(|pod| logs_of(view, pod).any(|line| is_trouble(line) && line.contains(&call.host)));
        let Some(service) = view.get_ref(&call.service).filter(|_| complains) else {
            continue;
        };
        let Some(wanted) = service.at("spec.selector") else {
            continue;
        };
        let workloads = ["Deployment", "StatefulSet", "DaemonSet"]
            .into_iter()
            .flat_map(|kind| view.in_namespace(kind, service.namespace()))
            .filter(|workload| selector::map_selects(wanted, selector::template_labels(workload)));
        for workload in workloads {
            for pod in youngest_and_oldest(view, workload.reference()) {
                out.extend(sources_of(pod, false));
            }
            let troubled = view
                .pods_of(workload.reference())
                .filter(|pod| !containers::is_healthy(pod));
            for pod in troubled.take(2) {
                out.extend(sources_of(pod, true));
            }
        }
    }
    out.into_iter().collect()
}

fn logs_of<'a>(view: &'a ClusterView, pod: &'a Object) -> impl Iterator<Item = &'a str> + 'a {
    view.logs
        .iter()
        .filter(|(source, _)| source.namespace == pod.namespace() && source.pod == pod.name())
        .filter_map(|(_, look)| match look {
            Look::Found(lines) => Some(lines),
            _ => None,
        })
        .flatten()
        .map(|line| line.text.as_str())
}

fn is_trouble(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "error",
        "fail",
        "timeout",
        "timed out",
        "refused",
        "unexpected status",
        "exception",
        "no such host",
        "not found",
    ];
    let lower = line.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Logs that were cut at the tail and show refusals from the start.
fn cut_amid_refusals(view: &ClusterView) -> Vec<LogSource> {
    let refuses = |text: &str| {
        let words = Words {
            place: Place::Log,
            reason: "",
            message: text,
        };
        DATED.iter().any(|mechanism| means(words, mechanism))
    };
    view.logs
        .iter()
        .filter(|(_, look)| match look {
            Look::Found(lines) => {
                lines.len() >= LOG_TAIL
                    && lines
                        .iter()
                        .take(LOG_TAIL / 2)
                        .any(|line| refuses(line.text.as_str()))
            }
            _ => false,
        })
        .map(|(source, _)| source.clone())
        .collect()
}
