//! The rules for one claim, pure over the cited evidence.

use domain::{
    Citation, Claim, ClaimKind, CutReason, Evidence, EvidenceId, Fact, LookupOutcome, Outcome, Redacted,
    Scope,
};

use super::proves_absence;

/// Shortest part of a value that may stand for the whole.
const PART_BYTES: usize = 12;

/// Why a claim does not stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub reason: CutReason,
    /// What exactly, for people and for the repair turn.
    pub detail: Redacted,
}

impl Fault {
    pub(super) fn new(reason: CutReason, detail: &str) -> Self {
        Self {
            reason,
            detail: Redacted::trusted(detail),
        }
    }
}

/// Checks one claim. Every citation must hold: one invented citation taints the claim.
pub fn check(claim: &Claim, evidence: impl Fn(&EvidenceId) -> Option<Evidence>) -> Result<(), Fault> {
    if claim.cites.is_empty() {
        return Err(Fault::new(CutReason::NothingCited, "cite the fact that shows it"));
    }
    let mut absence_proven = false;
    for cite in &claim.cites {
        let Some(found) = evidence(&cite.evidence) else {
            return Err(Fault::new(
                CutReason::UnknownEvidence,
                &format!("there is no evidence {}", cite.evidence),
            ));
        };
        match claim.kind {
            ClaimKind::Present => present(claim, cite, &found)?,
            ClaimKind::Absent => absence_proven |= absent(claim, cite, &found)?,
        }
    }
    if claim.kind == ClaimKind::Absent && !absence_proven {
        return Err(Fault::new(
            CutReason::BeyondScope,
            &format!("no cited look was for exactly {}", claim.object),
        ));
    }
    Ok(())
}

fn present(claim: &Claim, cite: &Citation, evidence: &Evidence) -> Result<(), Fault> {
    match &evidence.outcome {
        Outcome::CouldNotLook { .. } if evidence.facts.is_empty() => {
            return Err(Fault::new(
                CutReason::CouldNotLook,
                &format!("{} could not look", cite.evidence),
            ));
        }
        Outcome::Empty if evidence.facts.is_empty() => {
            return Err(Fault::new(
                CutReason::EmptyIsNotPresence,
                &format!("{} found nothing", cite.evidence),
            ));
        }
        _ => {}
    }
    let at_path: Vec<&Fact> = evidence
        .facts
        .iter()
        .filter(|fact| fact.path == cite.path)
        .collect();
    if at_path.is_empty() {
        let known: Vec<&str> = evidence
            .facts
            .iter()
            .filter(|fact| fact.object.same_name(&claim.object))
            .map(|fact| fact.path.as_str())
            .take(6)
            .collect();
        return Err(Fault::new(
            CutReason::UnknownFact,
            &format!(
                "{} has no `{}`; of that object it has: {}",
                cite.evidence,
                cite.path,
                known.join(", ")
            ),
        ));
    }
    let own: Vec<&&Fact> = at_path
        .iter()
        .filter(|fact| fact.object.same_name(&claim.object))
        .collect();
    if own.is_empty() {
        let others: Vec<String> = at_path
            .iter()
            .map(|fact| fact.object.to_string())
            .take(3)
            .collect();
        return Err(Fault::new(
            CutReason::OtherObject,
            &format!(
                "`{}` in {} is about {}; claim it of that object",
                cite.path,
                cite.evidence,
                others.join(", ")
            ),
        ));
    }
    if !own.iter().any(|fact| value_fits(&cite.value, &fact.value)) {
        let value = own
            .first()
            .map(|fact| fact.value.truncated(200))
            .unwrap_or_default();
        return Err(Fault::new(
            CutReason::ValueDiffers,
            &format!("`{}` in {} is: {value}", cite.path, cite.evidence),
        ));
    }
    match &cite.quote {
        Some(quote) if !evidence.shown.as_str().contains(quote.as_str()) => Err(Fault::new(
            CutReason::QuoteNotShown,
            &format!("{} does not contain these words", cite.evidence),
        )),
        _ => Ok(()),
    }
}

/// Whether the citation proves the absence; an error when it contradicts or cannot prove anything.
fn absent(claim: &Claim, cite: &Citation, evidence: &Evidence) -> Result<bool, Fault> {
    if evidence
        .lookups
        .iter()
        .any(|lookup| proves_absence(lookup, &claim.object))
        || lists_without(claim, evidence)
    {
        return Ok(true);
    }
    let own = evidence.lookups.iter().find(|lookup| {
        lookup.scope.kind == claim.object.kind
            && lookup.scope.name.as_ref() == Some(&claim.object.name)
            && lookup.scope.namespace == claim.object.namespace
    });
    let existing = evidence
        .facts
        .iter()
        .any(|fact| fact.object == claim.object && !fact.path.starts_with("events["));
    match own.map(|lookup| lookup.outcome) {
        Some(LookupOutcome::Found) => Err(Fault::new(
            CutReason::NotAbsent,
            &format!("{} found {}", cite.evidence, claim.object),
        )),
        Some(LookupOutcome::CouldNotLook) => Err(Fault::new(
            CutReason::CouldNotLook,
            &format!("{} could not look for {}", cite.evidence, claim.object),
        )),
        _ if existing => Err(Fault::new(
            CutReason::NotAbsent,
            &format!("{} shows {}", cite.evidence, claim.object),
        )),
        None if matches!(evidence.outcome, Outcome::CouldNotLook { .. }) => Err(Fault::new(
            CutReason::CouldNotLook,
            &format!("{} could not look", cite.evidence),
        )),
        // A fact beside the look may explain (who names the absent object): it must be real, but proves nothing.
        None if !cite.path.is_empty()
            && evidence
                .facts
                .iter()
                .any(|fact| fact.path == cite.path && value_fits(&cite.value, &fact.value)) =>
        {
            Ok(false)
        }
        _ => Err(Fault::new(
            CutReason::BeyondScope,
            &format!("{} did not look for exactly {}", cite.evidence, claim.object),
        )),
    }
}

/// Whether the evidence is a complete list of the kind, in the object's namespace or of all, that lacks it.
fn lists_without(claim: &Claim, evidence: &Evidence) -> bool {
    let whole = |lookup: &domain::Lookup| {
        let Scope {
            kind,
            namespace,
            name,
            selector,
        } = &lookup.scope;
        kind == &claim.object.kind
            && (namespace.is_empty() || namespace == &claim.object.namespace)
            && name.is_none()
            && selector.is_none()
            && lookup.outcome == LookupOutcome::Found
    };
    let members: Vec<&Fact> = evidence
        .facts
        .iter()
        .filter(|fact| fact.path == "metadata.name" && fact.object.kind == claim.object.kind)
        .collect();
    evidence.lookups.iter().any(whole)
        && !members.is_empty()
        && !members.iter().any(|fact| fact.object.same_name(&claim.object))
}

/// A cited value is the fact's value, or a part of it that is long enough to be no accident. Models shorten long
/// messages, and drop the time that stands behind the value.
pub(super) fn value_fits(cited: &Redacted, fact: &Redacted) -> bool {
    let cited = cited.as_str().trim();
    let cited = cited
        .split_once(" @")
        .map_or(cited, |(value, _)| value)
        .trim_start_matches('…')
        .trim_end_matches(['…', '.', ' '])
        .trim_end_matches("...");
    let fact = fact.as_str().trim();
    let bare = fact.trim_end_matches(['.', ' ']);
    cited == bare || cited == fact || (cited.len() >= PART_BYTES && fact.contains(cited))
}
