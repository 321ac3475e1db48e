//! Events: an investigation is the log of them, and its state is a fold over it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Subject;
use crate::brief::Brief;
use crate::claim::{Conclusion, CutClaim, Finding};
use crate::evidence::Evidence;
use crate::gap::Gap;
use crate::ids::{EvidenceId, InvestigationId, StreamName};
use crate::redaction::Redacted;
use crate::report::Report;
use crate::usage::Usage;

/// Version of the event bodies.
pub const EVENT_VERSION: u16 = 1;

/// One appended fact of an investigation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Investigation that it belongs to.
    pub investigation: InvestigationId,
    /// Stream that it was appended to.
    pub stream: StreamName,
    /// Position in its stream, from 1 without holes.
    pub seq: u64,
    /// Version of the body's form.
    pub version: u16,
    /// When it was appended.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// The investigation was opened.
    Opened {
        /// What it is about.
        subject: Subject,
        /// Cluster to look at.
        cluster: String,
    },
    /// A worker took it up (again, when the epoch is above 1).
    Started {
        /// Epoch of the worker's lease.
        epoch: u64,
    },
    /// Triage is done.
    Briefed {
        /// Its result.
        brief: Box<Brief>,
    },
    /// An agent began; its prompt is fixed from here on.
    AgentStarted {
        /// Name of the agent's definition.
        agent: String,
        /// System prompt.
        system: Redacted,
        /// First user message: the task.
        task: Redacted,
        /// Names of the tools it may call.
        tools: Vec<String>,
    },
    /// The model answered a turn.
    ModelAnswered {
        /// Turn, from 1.
        turn: u32,
        /// Text of the answer, if any.
        text: Option<Redacted>,
        /// Calls that it asks for.
        calls: Vec<RequestedCall>,
        /// What the call used.
        usage: Usage,
        /// True when the answer was asked for without tools but the final one.
        forced: bool,
    },
    /// The model could not be asked.
    ModelFailed {
        /// Turn, from 1.
        turn: u32,
        /// Kind of failure: `rate_limited`, `quota`, `timeout`, `server_error`, `bad_answer`, `unreachable`.
        kind: String,
        /// The provider's words.
        message: Redacted,
    },
    /// A tool call ended; its evidence is stored.
    ToolAnswered {
        /// Turn in which it was asked for.
        turn: u32,
        /// Id of the call, as the model gave it.
        call_id: String,
        /// Name of the tool.
        tool: String,
        /// Ledger id, when it produced evidence.
        evidence: Option<EvidenceId>,
        /// The text that the model is shown.
        shown: Redacted,
        /// True when the text is a complaint about the call.
        refused: bool,
    },
    /// Evidence was stored.
    EvidenceStored {
        /// The evidence.
        evidence: Box<Evidence>,
    },
    /// A domain agent reported.
    FindingReported {
        /// What it found.
        finding: Box<Finding>,
    },
    /// The orchestrator concluded.
    Concluded {
        /// What it says.
        conclusion: Box<Conclusion>,
        /// True when it is the answer to the gate's complaints.
        repaired: bool,
    },
    /// The gate looked at a conclusion.
    Gated {
        /// What it cut.
        cut: Vec<CutClaim>,
        /// True when every cause stands as concluded.
        clean: bool,
    },
    /// An agent ended.
    AgentEnded {
        /// Why: `done`, `budget`, `model_failed`, `deadline`, `cancelled`.
        reason: String,
        /// What the agent used.
        usage: Usage,
    },
    /// Something could not be seen.
    GapNoted {
        /// What and why.
        gap: Gap,
    },
    /// The report is there; the investigation has ended.
    Reported {
        /// The report.
        report: Box<Report>,
    },
}

/// A tool call that a model asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedCall {
    /// Id that the answer must carry.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// Arguments as the model wrote them: JSON, at best.
    pub arguments: Redacted,
}
