//! Claims and findings: what agents hand back, and why the gate cuts some of it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::brief::Params;
use crate::ids::EvidenceId;
use crate::mechanism::MechanismId;
use crate::object::ObjectRef;
use crate::redaction::Redacted;
use crate::verdict::{IncidentState, Verdict};

/// One statement about one object, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The statement in one sentence.
    pub statement: Redacted,
    /// Presence or absence.
    pub kind: ClaimKind,
    /// The object that it is about.
    pub object: ObjectRef,
    /// What it rests on.
    pub cites: Vec<Citation>,
}

/// Whether something is said to be there or to be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// Proven by cited facts of that very object.
    Present,
    /// Proven only by a complete, permitted look of exactly that scope that came back empty.
    Absent,
}

/// A reference to a fact, or to a look that came back empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// Ledger id.
    pub evidence: EvidenceId,
    /// Path of the fact; empty in claims of absence.
    #[serde(default)]
    pub path: String,
    /// The fact's value as the claimant read it.
    #[serde(default)]
    pub value: Redacted,
    /// Words from the shown text, for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Redacted>,
}

/// What a domain agent hands back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How it ended.
    pub status: FindingStatus,
    /// One or two sentences for the orchestrator.
    pub summary: Redacted,
    /// The cause that it proposes, if any.
    pub cause: Option<ProposedCause>,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// What it ruled out, and by which evidence.
    pub ruled_out: Vec<Redacted>,
    /// What it could not see.
    pub gaps: Vec<Redacted>,
}

/// How a domain agent's work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    /// It found a cause in its domain.
    Cause,
    /// Its domain is fine.
    NothingFound,
    /// It could not tell.
    Unclear,
}

/// A cause that an agent proposes: object, mechanism, and when cause and effect were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedCause {
    /// The object whose edit would heal.
    pub object: ObjectRef,
    /// What went wrong.
    pub mechanism: MechanismId,
    /// The field in question.
    #[serde(default)]
    pub params: Params,
    /// How it led to the symptom, in a sentence or two.
    pub explanation: Redacted,
    /// What proves it.
    pub claims: Vec<Claim>,
    /// Fact that dates the cause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause_time: Option<Citation>,
    /// Fact that dates the first effect, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_time: Option<Citation>,
}

/// What the orchestrator concludes, before the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// What it asserts.
    pub verdict: Verdict,
    /// Whether the trouble goes on.
    pub state: IncidentState,
    /// One sentence for the person who is on call.
    pub headline: Redacted,
    /// The causes; empty unless the verdict is `root_cause`.
    pub causes: Vec<ProposedCause>,
    /// Objects that suffer.
    pub victims: Vec<ObjectRef>,
    /// What a person should do next.
    pub next_steps: Vec<Redacted>,
    /// What was left open.
    pub open_questions: Vec<Redacted>,
}

/// A claim that the gate cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutClaim {
    /// Who claimed it.
    pub stream: String,
    /// The statement.
    pub statement: Redacted,
    /// The object it was about.
    pub object: ObjectRef,
    /// Why it was cut.
    pub reason: CutReason,
    /// The reason in words that name the offending part.
    pub detail: Redacted,
}

/// Why the gate cut a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    /// The ledger has no evidence of that id.
    UnknownEvidence,
    /// The evidence has no fact of that path.
    UnknownFact,
    /// The fact's value is another.
    ValueDiffers,
    /// The quote is not in the text that was shown.
    QuoteNotShown,
    /// The fact is about another object.
    OtherObject,
    /// Nothing is cited.
    NothingCited,
    /// The object is not there.
    ObjectAbsent,
    /// The cause lies after its effect.
    CauseAfterEffect,
    /// An empty result does not prove presence.
    EmptyIsNotPresence,
    /// The look did not cover exactly what is said to be absent.
    BeyondScope,
    /// The look failed and proves nothing.
    CouldNotLook,
    /// Something was found where absence is claimed.
    NotAbsent,
    /// The mechanism cannot have such an object as its root.
    WrongRootKind,
    /// None of the cause's claims stands.
    NoClaimLeft,
}

impl fmt::Display for CutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownEvidence => "cites evidence that does not exist",
            Self::UnknownFact => "cites a fact that the evidence does not contain",
            Self::ValueDiffers => "misreads the fact's value",
            Self::QuoteNotShown => "quotes words that were not shown",
            Self::OtherObject => "cites a fact about another object",
            Self::NothingCited => "cites nothing",
            Self::ObjectAbsent => "is about an object that does not exist",
            Self::CauseAfterEffect => "puts the cause after its effect",
            Self::EmptyIsNotPresence => "takes an empty result as proof of presence",
            Self::BeyondScope => "claims absence beyond what was looked at",
            Self::CouldNotLook => "rests on a look that failed",
            Self::NotAbsent => "claims absence of something that was found",
            Self::WrongRootKind => "names an object that this mechanism cannot have as its root",
            Self::NoClaimLeft => "has no claim left that stands",
        })
    }
}
