//! Confidence by written rules; never asked of a model.

use std::collections::BTreeSet;

use domain::{Brief, Claim, Confidence, ConfidenceLevel, CutClaim, RootCause, Verdict};

use crate::gate;

/// What the rules look at.
pub(crate) struct Grounds<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) causes: &'a [RootCause],
    pub(crate) brief: &'a Brief,
    pub(crate) cut: &'a [CutClaim],
    /// A finding of a domain agent proposes the same cause.
    pub(crate) confirmed: bool,
    pub(crate) by_agents: bool,
}

/// Points for and against; two and more are high, one is medium.
pub(crate) fn of(grounds: &Grounds<'_>) -> Confidence {
    match grounds.verdict {
        Verdict::RootCause => of_causes(grounds),
        Verdict::NotAnIssue if grounds.brief.gaps.is_empty() => said(
            ConfidenceLevel::High,
            "everything that the subject depends on was read and is healthy",
        ),
        Verdict::NotAnIssue => said(ConfidenceLevel::Medium, "healthy as far as could be seen"),
        Verdict::Inconclusive => said(ConfidenceLevel::Low, "no cause is proven"),
    }
}

fn said(level: ConfidenceLevel, because: &str) -> Confidence {
    Confidence {
        level,
        because: vec![because.to_owned()],
    }
}

fn of_causes(grounds: &Grounds<'_>) -> Confidence {
    let mut points = 0;
    let mut because = Vec::new();
    let mut rule = |holds: bool, worth: i32, text: &str| {
        if holds {
            points += worth;
            because.push(format!("{}: {text}", if worth > 0 { "for" } else { "against" }));
        }
    };
    let causes = grounds.causes;
    let triage_agrees = causes.iter().all(|cause| {
        grounds
            .brief
            .root_causes
            .iter()
            .any(|known| known.object.same_name(&cause.object) && known.mechanism == cause.mechanism)
    });
    let kinds = causes
        .iter()
        .map(|cause| evidence_kinds(&cause.claims))
        .min()
        .unwrap_or_default();
    let changed = causes.iter().any(|cause| {
        grounds
            .brief
            .changes
            .iter()
            .any(|change| change.object == cause.object)
    });
    rule(
        triage_agrees,
        2,
        "code alone reached the same cause from facts that leave no other reading",
    );
    rule(
        grounds.by_agents && grounds.confirmed,
        1,
        "a domain agent checked it and agrees",
    );
    rule(kinds >= 2, 1, "two or more independent kinds of evidence");
    rule(changed, 1, "a change of that object fits the onset");
    rule(!grounds.cut.is_empty(), -1, "claims were cut by the gate");
    rule(
        !grounds.brief.gaps.is_empty(),
        -1,
        "parts of the cluster could not be read",
    );
    rule(
        grounds.by_agents && !triage_agrees && grounds.brief.verdict == Verdict::RootCause,
        -2,
        "code had asserted another cause",
    );
    let level = match points {
        2.. => ConfidenceLevel::High,
        1 => ConfidenceLevel::Medium,
        _ => ConfidenceLevel::Low,
    };
    Confidence { level, because }
}

/// Kinds of facts cited: states, events, logs, metrics, changes, absence.
fn evidence_kinds(claims: &[Claim]) -> usize {
    let kind = |path: &str| match path {
        "" => "absence",
        path if path.starts_with("events[") => "event",
        path if path.starts_with("log[") => "log",
        path if path.starts_with("metrics[") => "metric",
        path if path.starts_with("change") || path.starts_with("revisions") || path.starts_with("values") => {
            "change"
        }
        _ => "state",
    };
    claims
        .iter()
        .flat_map(|claim| &claim.cites)
        .map(|cite| kind(&cite.path))
        .collect::<BTreeSet<_>>()
        .len()
}

/// Whether a finding proposes this cause.
pub(crate) fn confirms(finding: &domain::Finding, cause: &RootCause) -> bool {
    finding
        .cause
        .as_ref()
        .is_some_and(|proposed| gate::same_cause(proposed, &cause.object, &cause.mechanism))
}
