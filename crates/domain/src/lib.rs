//! The vocabulary of dogwatch: the words that code, API, UI and documentation share. No I/O.

pub mod alert;
pub mod brief;
pub mod change;
pub mod claim;
pub mod clock;
pub mod event;
pub mod evidence;
pub mod gap;
pub mod ids;
pub mod mechanism;
pub mod object;
pub mod redaction;
pub mod report;
pub mod signal;
pub mod topology;
pub mod usage;
pub mod verdict;

pub use alert::{Alert, AlertSource, AlertStatus, Subject};
pub use brief::{Brief, Hypothesis, Params, ResolvedObject, Timings};
pub use change::{Change, ChangeKind, FieldDiff};
pub use claim::{
    Citation, Claim, ClaimKind, Conclusion, CutClaim, CutReason, Finding, FindingStatus, ProposedCause,
};
pub use clock::Clock;
pub use event::{EVENT_VERSION, Event, EventBody};
pub use evidence::{Evidence, Fact, Lookup, LookupOutcome, NotLooked, Outcome, Scope};
pub use gap::Gap;
pub use ids::{EvidenceId, IdSource, IncidentId, InvestigationId, StreamName};
pub use mechanism::{Mechanism, MechanismId, RootObject};
pub use object::{Existence, ObjectRef};
pub use redaction::{Redacted, Redactor};
pub use report::{Confidence, ConfidenceLevel, Report, ReportKind, RootCause, TimelineEntry};
pub use signal::{Severity, Signal};
pub use topology::{Edge, EdgeKind, Topology};
pub use usage::Usage;
pub use verdict::{IncidentState, Verdict};
