//! The claim gate: code that checks every claim against the ledger. A claim that does not stand is cut, with the
//! reason; it never becomes a weaker claim.

mod check;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use agents::Gate;
use cluster::ClusterView;
use domain::{
    Claim, ClaimKind, Conclusion, CutClaim, CutReason, Existence, Finding, Lookup, LookupOutcome,
    MechanismId, ObjectRef, ProposedCause, Redacted, Scope, StreamName,
};
use jiff::{SignedDuration, Timestamp};
use tools::Workspace;

pub use check::{Fault, check};

/// Clocks of components differ; a cause may seem this much later than its effect.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// The gate over an investigation's ledger.
pub struct LedgerGate {
    workspace: Arc<Workspace>,
    /// What triage read, to know which objects exist; `None` after a resume.
    view: Option<Arc<ClusterView>>,
    /// When the trouble was noticed, if the subject says.
    noticed: Option<Timestamp>,
}

impl LedgerGate {
    /// A gate that looks evidence up in the workspace.
    pub fn new(
        workspace: Arc<Workspace>,
        view: Option<Arc<ClusterView>>,
        noticed: Option<Timestamp>,
    ) -> Self {
        Self {
            workspace,
            view,
            noticed,
        }
    }

    /// Splits the causes of a conclusion into what stands and what is cut. A cause without a standing claim about
    /// its own object falls as a whole.
    pub fn sift(&self, stream: &StreamName, causes: &[ProposedCause]) -> (Vec<ProposedCause>, Vec<CutClaim>) {
        let (mut stand, mut cut) = (Vec::new(), Vec::new());
        for cause in causes {
            let (claims, faults): (Vec<_>, Vec<_>) = cause
                .claims
                .iter()
                .map(|claim| (claim, self.check(claim)))
                .partition(|(_, result)| result.is_ok());
            for (claim, fault) in faults {
                if let Err(fault) = fault {
                    cut.push(cut_claim(stream, &claim.statement, &claim.object, &fault));
                }
            }
            let claims: Vec<Claim> = claims.into_iter().map(|(claim, _)| claim.clone()).collect();
            match self.whole(cause, &claims) {
                Ok(()) => stand.push(ProposedCause {
                    claims,
                    ..cause.clone()
                }),
                Err(fault) => cut.push(cut_claim(stream, &cause.explanation, &cause.object, &fault)),
            }
        }
        (stand, cut)
    }

    fn check(&self, claim: &Claim) -> Result<(), Fault> {
        check(claim, |id| self.workspace.recall(&id.0))?;
        let exists = self.existence(&claim.object);
        match (claim.kind, exists) {
            (ClaimKind::Present, Existence::Absent) => Err(Fault::new(
                CutReason::ObjectAbsent,
                &format!("{} was looked for and is not there", claim.object),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the cause as a whole stands on the claims that are left.
    fn whole(&self, cause: &ProposedCause, claims: &[Claim]) -> Result<(), Fault> {
        if claims.is_empty() {
            return Err(Fault::new(
                CutReason::NoClaimLeft,
                "no claim of this cause stands",
            ));
        }
        let admits = cause
            .mechanism
            .entry()
            .is_none_or(|entry| entry.root_object.admits(&cause.object.kind));
        if !admits {
            let text = format!(
                "{} is not fixed by editing a {}",
                cause.mechanism, cause.object.kind
            );
            return Err(Fault::new(CutReason::WrongRootKind, &text));
        }
        let own = |claim: &Claim| {
            claim.object.same_name(&cause.object)
                || (claim.kind == ClaimKind::Present && self.belongs(&claim.object, &cause.object))
        };
        if !claims.iter().any(own) {
            let text = format!("no standing claim is about {} itself", cause.object);
            return Err(Fault::new(CutReason::OtherObject, &text));
        }
        self.in_time(cause, claims)
    }

    /// A pod's facts speak for its workload.
    fn belongs(&self, part: &ObjectRef, whole: &ObjectRef) -> bool {
        let Some(view) = &self.view else {
            return part.namespace == whole.namespace && part.name.starts_with(&format!("{}-", whole.name));
        };
        view.get_ref(part)
            .is_some_and(|object| view.workload_of(object).same_name(whole))
    }

    /// The cause must not begin after the trouble was noticed: every dated fact of the cause's own object lying
    /// after the alert means that it came later.
    fn in_time(&self, cause: &ProposedCause, claims: &[Claim]) -> Result<(), Fault> {
        let dated = |citation: &domain::Citation| {
            let evidence = self.workspace.recall(&citation.evidence.0)?;
            evidence
                .facts
                .iter()
                .find(|fact| fact.path == citation.path && check::value_fits(&citation.value, &fact.value))?
                .time
        };
        if let (Some(began), Some(effect)) = (
            cause.cause_time.as_ref().and_then(dated),
            cause.effect_time.as_ref().and_then(dated),
        ) && began > effect + TOLERANCE
        {
            return Err(Fault::new(
                CutReason::CauseAfterEffect,
                &format!("the cause is dated {began}, its effect {effect}"),
            ));
        }
        let Some(noticed) = self.noticed else {
            return Ok(());
        };
        let times: Vec<Timestamp> = claims
            .iter()
            .filter(|claim| claim.object.same_name(&cause.object))
            .flat_map(|claim| &claim.cites)
            .filter(|citation| {
                citation.path.starts_with("change")
                    || citation.path.ends_with("creationTimestamp")
                    || citation.path.ends_with("managedFields.last")
            })
            .filter_map(dated)
            .collect();
        match times.iter().min() {
            Some(first) if *first > noticed + TOLERANCE => Err(Fault::new(
                CutReason::CauseAfterEffect,
                &format!(
                    "what is cited of {} dates from {first}, after the alert began at {noticed}",
                    cause.object
                ),
            )),
            _ => Ok(()),
        }
    }

    fn existence(&self, object: &ObjectRef) -> Existence {
        self.view
            .as_ref()
            .map_or(Existence::Unknown, |view| view.existence(object))
    }
}

impl Gate for LedgerGate {
    fn finding(&self, stream: &StreamName, finding: &Finding) -> Vec<CutClaim> {
        finding
            .cause
            .as_ref()
            .map(|cause| self.sift(stream, std::slice::from_ref(cause)).1)
            .unwrap_or_default()
    }

    fn conclusion(&self, stream: &StreamName, conclusion: &Conclusion) -> Vec<CutClaim> {
        self.sift(stream, &conclusion.causes).1
    }
}

fn cut_claim(stream: &StreamName, statement: &Redacted, object: &ObjectRef, fault: &Fault) -> CutClaim {
    CutClaim {
        stream: stream.0.clone(),
        statement: statement.clone(),
        object: object.clone(),
        reason: fault.reason,
        detail: fault.detail.clone(),
    }
}

/// Whether triage and agents name the same cause.
pub(crate) fn same_cause(cause: &ProposedCause, object: &ObjectRef, mechanism: &MechanismId) -> bool {
    cause.object.same_name(object) && &cause.mechanism == mechanism
}

/// Whether a look proves the absence of exactly this object.
pub(crate) fn proves_absence(lookup: &Lookup, object: &ObjectRef) -> bool {
    let Scope {
        kind,
        namespace,
        name,
        selector,
    } = &lookup.scope;
    let covers = kind == &object.kind
        && (namespace == &object.namespace)
        && match name {
            Some(name) => name == &object.name,
            None => selector.is_none(),
        };
    covers && lookup.outcome == LookupOutcome::Empty
}
