//! Causal ranking: which signals are causes of the subject's trouble, which are symptoms, which are noise.

use std::collections::BTreeMap;

use domain::{Change, Hypothesis, ObjectRef, Redacted, Severity, Signal};
use jiff::{SignedDuration, Timestamp};

/// From this certainty on, the facts leave no other reading and triage may assert.
pub(crate) const ASSERT: f64 = 0.8;

/// A signal with its place in the topology.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) signal: Signal,
    /// Hops from the focus to the signal's object or to the nearest object that it affects; `None`: unrelated.
    pub(crate) hops: Option<usize>,
}

pub(crate) fn place(signals: Vec<Signal>, closure: &BTreeMap<ObjectRef, usize>) -> Vec<Placed> {
    signals
        .into_iter()
        .map(|signal| {
            let hops = signal
                .affects
                .iter()
                .chain([&signal.object])
                .filter_map(|object| closure.get(object))
                .min()
                .copied();
            Placed { signal, hops }
        })
        .collect()
}

/// The causes to assert: certain, related to the focus, and not the shadow of another asserted cause.
pub(crate) fn roots(placed: &[Placed]) -> Vec<&Placed> {
    let certain: Vec<&Placed> = placed
        .iter()
        .filter(|placed| {
            placed.signal.mechanism.is_some() && placed.signal.certainty >= ASSERT && placed.hops.is_some()
        })
        .collect();
    let shadowed = |shadow: &Placed| {
        certain
            .iter()
            .any(|cause| !std::ptr::eq(*cause, shadow) && shadows(&cause.signal, &shadow.signal))
    };
    certain
        .iter()
        .copied()
        .filter(|placed| !shadowed(placed))
        .collect()
}

/// Whether one cause explains another, so that only the first is a root. In every case the explanation goes one way.
fn shadows(cause: &Signal, shadow: &Signal) -> bool {
    sets_the_value(cause, shadow) || is_more_exact(cause, shadow) || is_wider(cause, shadow)
}

/// A Helm release that set the very value which another signal complains about is the cause of that signal.
fn sets_the_value(cause: &Signal, shadow: &Signal) -> bool {
    cause.object.kind == "Release"
        && shadow.object.kind != "Release"
        && cause.params.found.is_some()
        && cause.params.found == shadow.params.found
        && shadow.affects.iter().any(|object| cause.affects.contains(object))
}

/// A mechanism that only says that something is down or late gives way to one that says why, about the same object, what
/// the exact cause affects, or those that suffer from both.
fn is_more_exact(cause: &Signal, shadow: &Signal) -> bool {
    is_vague(shadow)
        && !is_vague(cause)
        && (cause.object == shadow.object
            || cause.affects.contains(&shadow.object)
            || shadow.affects.contains(&cause.object))
}

/// Mechanisms that name what suffers and leave open why.
fn is_vague(signal: &Signal) -> bool {
    const LATE: &[&str] = &[
        "cascading-failure/dependency-slow",
        "app-vs-infra/performance-degradation",
    ];
    signal
        .mechanism
        .as_ref()
        .is_some_and(|id| LATE.contains(&id.as_str()) || id.entry().is_some_and(|entry| entry.last_resort))
}

/// An exact cause that affects the object of another, began no later, and is not affected by it in turn; or that sees the
/// same object and everything that the other sees, and more.
fn is_wider(cause: &Signal, shadow: &Signal) -> bool {
    if is_vague(cause) && !is_vague(shadow) {
        return false;
    }
    let earlier = match (cause.onset, shadow.onset) {
        (Some(cause), Some(shadow)) => cause <= shadow,
        _ => true,
    };
    if cause.object != shadow.object {
        return cause.mechanism != shadow.mechanism
            && earlier
            && is_of_machines(shadow)
            && cause.affects.contains(&shadow.object)
            && !shadow.affects.contains(&cause.object);
    }
    let covers = shadow
        .affects
        .iter()
        .all(|object| cause.affects.contains(object) || object == &cause.object);
    is_of_machines(shadow) && covers && cause.affects.len() > shadow.affects.len()
}

/// Whether a signal is about a node: what befalls one befalls the pods on it, and the other nodes that take them.
fn is_of_machines(signal: &Signal) -> bool {
    signal.object.kind == "Node"
}

/// Every mechanism that a signal near the focus names, best first.
pub(crate) fn hypotheses(
    placed: &[Placed],
    changes: &[Change],
    noticed: Option<Timestamp>,
) -> Vec<Hypothesis> {
    let mut out: Vec<Hypothesis> = placed
        .iter()
        .filter(|placed| placed.hops.is_some())
        .filter_map(|placed| {
            let mechanism = placed.signal.mechanism.clone()?;
            Some(Hypothesis {
                object: placed.signal.object.clone(),
                mechanism,
                params: placed.signal.params.clone(),
                score: score(placed, changes, noticed),
                why: placed.signal.message.clone(),
                evidence: placed.signal.evidence.iter().cloned().collect(),
            })
        })
        .collect();
    let reach: Vec<f64> = out.iter().map(|hypothesis| reach(hypothesis, placed)).collect();
    for (hypothesis, reach) in out.iter_mut().zip(reach) {
        hypothesis.score += 0.05 * reach;
    }
    let explained: Vec<bool> = out
        .iter()
        .map(|hypothesis| is_explained(hypothesis, placed))
        .collect();
    for (hypothesis, explained) in out.iter_mut().zip(explained) {
        if explained {
            hypothesis.score *= 0.5;
        }
        hypothesis.score = (hypothesis.score * 1000.0).round() / 1000.0;
    }
    out.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.object.cmp(&b.object)));
    out
}

/// Share of what goes wrong near the focus that a hypothesis explains: symptoms about its object or about what it
/// affects, which began no earlier.
fn reach(hypothesis: &Hypothesis, placed: &[Placed]) -> f64 {
    let own = placed.iter().find(|placed| {
        placed.signal.object == hypothesis.object
            && placed.signal.mechanism.as_ref() == Some(&hypothesis.mechanism)
    });
    let Some(own) = own.map(|placed| &placed.signal) else {
        return 0.0;
    };
    let symptoms: Vec<&Signal> = placed
        .iter()
        .map(|placed| &placed.signal)
        .filter(|signal| signal.mechanism.is_none() && signal.ongoing)
        .collect();
    let slack = SignedDuration::from_mins(3);
    let explained = symptoms.iter().filter(|symptom| {
        let seen = std::iter::once(&symptom.object).chain(&symptom.affects);
        let met = seen
            .into_iter()
            .any(|object| object == &own.object || own.affects.contains(object));
        let after = match (own.onset, symptom.onset) {
            (Some(cause), Some(symptom)) => symptom + slack >= cause,
            _ => true,
        };
        met && after
    });
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    count(explained.count()) / count(symptoms.len().max(1))
}

/// An uncertain hypothesis about an object that a certain cause affects is that cause's symptom.
fn is_explained(hypothesis: &Hypothesis, placed: &[Placed]) -> bool {
    placed.iter().any(|other| {
        other.signal.certainty >= ASSERT
            && other.signal.mechanism.as_ref() != Some(&hypothesis.mechanism)
            && other.signal.affects.contains(&hypothesis.object)
            && other.signal.object != hypothesis.object
    })
}

/// Certainty above all; then nearness to the focus, a change that explains the onset, severity.
fn score(placed: &Placed, changes: &[Change], noticed: Option<Timestamp>) -> f64 {
    let signal = &placed.signal;
    let near = 1.0 / f64::from(u32::try_from(placed.hops.unwrap_or(9)).unwrap_or(9) + 1);
    let changed = changes.iter().any(|change| {
        change.object == signal.object
            && match (change.at, signal.onset.or(noticed)) {
                (Some(change), Some(onset)) => (onset - change)
                    .total(jiff::Unit::Second)
                    .is_ok_and(|s| (-300.0..86_400.0).contains(&s)),
                _ => false,
            }
    });
    let severe = match signal.severity {
        Severity::Critical => 1.0,
        Severity::Warning => 0.5,
        Severity::Info => 0.0,
    };
    let ongoing = if signal.ongoing { 1.0 } else { 0.5 };
    ongoing * (0.7 * signal.certainty + 0.12 * near + if changed { 0.1 } else { 0.0 } + 0.08 * severe)
}

/// Objects that suffer from the causes: what they affect, and who depends on that.
pub(crate) fn victims(roots: &[&Placed], topology: &domain::Topology) -> Vec<ObjectRef> {
    let mut out: Vec<ObjectRef> = Vec::new();
    let mut queue: Vec<(ObjectRef, usize)> = roots
        .iter()
        .flat_map(|root| root.signal.affects.iter().chain([&root.signal.object]))
        .map(|object| (object.clone(), 0))
        .collect();
    while let Some((object, hops)) = queue.pop() {
        if out.contains(&object) {
            continue;
        }
        if hops < 4 {
            let carries = |edge: &&domain::Edge| {
                use domain::EdgeKind::{Calls, Mounts, Owns, Routes, Selects};
                matches!(edge.kind, Calls | Mounts | Owns | Routes | Selects)
            };
            queue.extend(
                topology
                    .needed_by(&object)
                    .filter(carries)
                    .map(|edge| (edge.from.clone(), hops + 1)),
            );
        }
        out.push(object);
    }
    out.retain(|object| !roots.iter().any(|root| &root.signal.object == object) && object.kind != "CSINode");
    out.sort();
    out
}

/// One sentence for a hypothesis: what, and when the change was that fits.
pub(crate) fn headline(roots: &[&Placed]) -> Option<Redacted> {
    let messages: Vec<&Redacted> = roots.iter().map(|root| &root.signal.message).collect();
    (!messages.is_empty()).then(|| Redacted::join(messages, "; "))
}

/// Changes near the focus, those of root objects first, then by closeness to the onset.
pub(crate) fn changes(
    changes: Vec<Change>,
    closure: &BTreeMap<ObjectRef, usize>,
    roots: &[ObjectRef],
    noticed: Option<Timestamp>,
) -> Vec<Change> {
    let mut near: Vec<Change> = changes
        .into_iter()
        .filter(|change| closure.contains_key(&change.object) || roots.contains(&change.object))
        .collect();
    near.sort_by_key(|change| {
        let distance = match (change.at, noticed) {
            (Some(at), Some(noticed)) => at.duration_since(noticed).abs(),
            _ => SignedDuration::ZERO,
        };
        (
            !roots.contains(&change.object),
            closure.get(&change.object).copied().unwrap_or(9),
            distance,
        )
    });
    near.truncate(20);
    near
}
