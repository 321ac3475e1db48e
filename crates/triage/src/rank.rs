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
    certain
        .iter()
        .copied()
        .filter(|placed| !certain.iter().any(|other| shadows(&other.signal, &placed.signal)))
        .collect()
}

/// A Helm release that set the very value which another signal complains about is the cause of that signal.
fn shadows(cause: &Signal, shadow: &Signal) -> bool {
    cause.object.kind == "Release"
        && shadow.object.kind != "Release"
        && cause.params.found.is_some()
        && cause.params.found == shadow.params.found
        && shadow.affects.iter().any(|object| cause.affects.contains(object))
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
