//! Builds reports: from the brief alone, or from what the agents concluded and the gate left standing.

mod remedy;

use std::collections::{BTreeMap, VecDeque};

use agents::Outcome;
use domain::report::REPORT_VERSION;
use domain::{
    Brief, Clock, Confidence, CutClaim, Finding, Gap, IncidentState, InvestigationId, ObjectRef,
    ProposedCause, Redacted, Report, ReportKind, RootCause, Subject, TimelineEntry, Usage, Verdict,
};
use jiff::Timestamp;

use crate::confidence::{self, Grounds};

/// Most entries of a timeline.
const TIMELINE_LIMIT: usize = 16;

/// What every report needs.
pub(crate) struct Frame<'a> {
    pub(crate) investigation: InvestigationId,
    pub(crate) subject: &'a Subject,
    pub(crate) cluster: &'a str,
    pub(crate) clock: Clock,
    pub(crate) started_at: Timestamp,
    pub(crate) brief: &'a Brief,
    pub(crate) time_to_brief_ms: u64,
    pub(crate) elapsed_ms: u64,
}

/// What the agents left.
pub(crate) struct Agreed<'a> {
    pub(crate) outcome: &'a Outcome,
    pub(crate) causes: Vec<ProposedCause>,
    pub(crate) cut: Vec<CutClaim>,
    pub(crate) findings: &'a BTreeMap<String, Finding>,
}

/// A report without agents; `notes` say why there were none.
pub(crate) fn from_triage(frame: &Frame<'_>, notes: Vec<Redacted>, usage: Usage) -> Report {
    let brief = frame.brief;
    let causes: Vec<RootCause> = brief
        .root_causes
        .iter()
        .map(|hypothesis| RootCause {
            object: hypothesis.object.clone(),
            mechanism: hypothesis.mechanism.clone(),
            params: hypothesis.params.clone(),
            why: hypothesis.why.clone(),
            claims: Vec::new(),
            evidence: hypothesis.evidence.clone(),
        })
        .collect();
    let grounds = Grounds {
        verdict: brief.verdict,
        causes: &causes,
        brief,
        cut: &[],
        confirmed: false,
        by_agents: false,
    };
    let next_steps = remedy::next_steps(&causes);
    let parts = Parts {
        kind: ReportKind::Triage,
        verdict: brief.verdict,
        state: brief.state,
        headline: brief.headline.clone(),
        confidence: confidence::of(&grounds),
        victims: brief.victims.clone(),
        next_steps,
        gaps: brief.gaps.clone(),
        causes,
        cut: Vec::new(),
        notes,
        usage,
    };
    assemble(frame, parts)
}

/// A report of the agents' conclusion.
pub(crate) fn from_agents(frame: &Frame<'_>, agreed: Agreed<'_>, mut notes: Vec<Redacted>) -> Report {
    let Some(conclusion) = &agreed.outcome.conclusion else {
        return from_triage(frame, notes, agreed.outcome.usage);
    };
    let causes: Vec<RootCause> = agreed.causes.into_iter().map(root_cause).collect();
    let fallen = conclusion.verdict == Verdict::RootCause && causes.is_empty();
    let verdict = if fallen {
        Verdict::Inconclusive
    } else {
        conclusion.verdict
    };
    if fallen {
        notes.push(Redacted::trusted("No claim of the agents stood up to the check, so nothing is asserted; triage's hypotheses are unconfirmed."));
    }
    let confirmed = !causes.is_empty()
        && causes.iter().all(|cause| {
            agreed
                .findings
                .values()
                .any(|finding| confidence::confirms(finding, cause))
        });
    let grounds = Grounds {
        verdict,
        causes: &causes,
        brief: frame.brief,
        cut: &agreed.cut,
        confirmed,
        by_agents: true,
    };
    let mut steps = conclusion.next_steps.clone();
    steps.extend(conclusion.open_questions.iter().map(|question| {
        let mut text = Redacted::trusted("open: ");
        text.push(question);
        text
    }));
    let headline = if fallen {
        Redacted::trusted("The cause is not proven.")
    } else {
        conclusion.headline.clone()
    };
    let mut victims = conclusion.victims.clone();
    victims.extend(
        frame
            .brief
            .victims
            .iter()
            .filter(|known| !conclusion.victims.contains(known))
            .cloned(),
    );
    victims.retain(|victim| !causes.iter().any(|cause| cause.object.same_name(victim)));
    let parts = Parts {
        kind: ReportKind::Agents,
        verdict,
        state: if frame.brief.state == IncidentState::Unknown {
            conclusion.state
        } else {
            frame.brief.state
        },
        headline,
        confidence: confidence::of(&grounds),
        victims,
        next_steps: steps,
        gaps: gaps(frame.brief, agreed.findings),
        causes,
        cut: agreed.cut,
        notes,
        usage: agreed.outcome.usage,
    };
    assemble(frame, parts)
}

struct Parts {
    kind: ReportKind,
    verdict: Verdict,
    state: IncidentState,
    headline: Redacted,
    confidence: Confidence,
    victims: Vec<ObjectRef>,
    next_steps: Vec<Redacted>,
    gaps: Vec<Gap>,
    causes: Vec<RootCause>,
    cut: Vec<CutClaim>,
    notes: Vec<Redacted>,
    usage: Usage,
}

fn assemble(frame: &Frame<'_>, parts: Parts) -> Report {
    let brief = frame.brief;
    let asserted = |hypothesis: &&domain::Hypothesis| {
        !parts.causes.iter().any(|cause| {
            cause.object.same_name(&hypothesis.object) && cause.mechanism == hypothesis.mechanism
        })
    };
    Report {
        version: REPORT_VERSION,
        investigation: frame.investigation,
        kind: parts.kind,
        title: frame.subject.title(),
        cluster: frame.cluster.to_owned(),
        started_at: frame.started_at,
        finished_at: frame.clock.now(),
        verdict: parts.verdict,
        state: parts.state,
        confidence: parts.confidence,
        headline: parts.headline,
        subjects: brief.subjects.clone(),
        chain: chain(brief, &parts.causes),
        hypotheses: brief.hypotheses.iter().filter(asserted).cloned().collect(),
        timeline: timeline(frame),
        changes: brief.changes.clone(),
        root_causes: parts.causes,
        victims: parts.victims,
        next_steps: parts.next_steps,
        gaps: parts.gaps,
        notes: parts.notes,
        cut: parts.cut,
        usage: parts.usage,
        time_to_brief_ms: frame.time_to_brief_ms,
        time_to_report_ms: frame.elapsed_ms,
    }
}

fn root_cause(cause: ProposedCause) -> RootCause {
    let mut evidence: Vec<_> = cause
        .claims
        .iter()
        .flat_map(|claim| &claim.cites)
        .map(|cite| cite.evidence.clone())
        .collect();
    evidence.sort();
    evidence.dedup();
    RootCause {
        object: cause.object,
        mechanism: cause.mechanism,
        params: cause.params,
        why: cause.explanation,
        claims: cause.claims,
        evidence,
    }
}

/// The brief's gaps, and what agents said they could not see.
fn gaps(brief: &Brief, findings: &BTreeMap<String, Finding>) -> Vec<Gap> {
    let said = findings.iter().flat_map(|(stream, finding)| {
        finding.gaps.iter().map(move |gap| Gap {
            what: stream.clone(),
            reason: domain::NotLooked::Failed,
            message: gap.clone(),
            next_command: None,
        })
    });
    brief.gaps.iter().cloned().chain(said).collect()
}

/// The shortest way from the first cause up to a subject, along who needs whom.
fn chain(brief: &Brief, causes: &[RootCause]) -> Vec<ObjectRef> {
    let Some(root) = causes.first() else {
        return Vec::new();
    };
    let subjects: Vec<&ObjectRef> = brief.subjects.iter().map(|subject| &subject.object).collect();
    let affected = brief
        .signals
        .iter()
        .filter(|signal| signal.object == root.object)
        .flat_map(|signal| &signal.affects);
    let mut from: BTreeMap<ObjectRef, ObjectRef> = affected
        .map(|object| (object.clone(), root.object.clone()))
        .collect();
    let mut queue: VecDeque<ObjectRef> = from.keys().cloned().collect();
    queue.push_front(root.object.clone());
    while let Some(at) = queue.pop_front() {
        if subjects.contains(&&at) && at != root.object {
            return path(&from, &root.object, at);
        }
        for edge in brief.topology.needed_by(&at) {
            if edge.from != root.object && !from.contains_key(&edge.from) {
                from.insert(edge.from.clone(), at.clone());
                queue.push_back(edge.from.clone());
            }
        }
    }
    vec![root.object.clone()]
}

fn path(from: &BTreeMap<ObjectRef, ObjectRef>, root: &ObjectRef, end: ObjectRef) -> Vec<ObjectRef> {
    let mut path = vec![end];
    while let Some(before) = path.last().and_then(|last| from.get(last)).cloned() {
        let done = &before == root;
        path.push(before);
        if done || path.len() > 12 {
            break;
        }
    }
    path.reverse();
    path
}

/// Changes, onsets and the alert in order of time.
fn timeline(frame: &Frame<'_>) -> Vec<TimelineEntry> {
    let brief = frame.brief;
    let mut entries: Vec<TimelineEntry> = brief
        .changes
        .iter()
        .filter_map(|change| {
            Some(TimelineEntry {
                at: change.at?,
                object: change.object.clone(),
                what: change.summary.clone(),
            })
        })
        .chain(brief.signals.iter().filter_map(|signal| {
            Some(TimelineEntry {
                at: signal.onset?,
                object: signal.object.clone(),
                what: signal.message.clone(),
            })
        }))
        .collect();
    if let (Some(at), Some(subject)) = (frame.subject.onset(), brief.subjects.first()) {
        entries.push(TimelineEntry {
            at,
            object: subject.object.clone(),
            what: frame.subject.title(),
        });
    }
    entries.sort();
    entries.dedup();
    let surplus = entries.len().saturating_sub(TIMELINE_LIMIT);
    entries.drain(..surplus);
    entries
}
