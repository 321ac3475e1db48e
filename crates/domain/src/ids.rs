//! Identifiers as newtypes, and where new ones come from.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(InvestigationId, "One run of the pipeline (UUIDv7).");
uuid_id!(IncidentId, "A group of alerts about one problem (UUIDv7).");

/// Name of one append-only sequence of events within an investigation: `main`, `triage`, `orchestrator`,
/// `storage-2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StreamName(pub String);

impl StreamName {
    /// The stream of the pipeline itself: opened, briefed, gated, reported.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// The `ordinal`-th evidence id of this stream (counted from 1).
    pub fn evidence(&self, ordinal: usize) -> EvidenceId {
        EvidenceId(format!("{}.e{ordinal}", self.0))
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of a stored tool result, unique within its investigation: `storage-2.e3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EvidenceId(pub String);

impl fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where new ids come from: random in production, counted in tests so that they repeat.
#[derive(Debug, Clone)]
pub enum IdSource {
    /// UUIDv7 from the system's clock and random numbers.
    Random,
    /// 1, 2, 3 … as UUIDs.
    Counted(Arc<AtomicU64>),
}

impl IdSource {
    /// Ids that repeat from run to run.
    pub fn counted() -> Self {
        Self::Counted(Arc::new(AtomicU64::new(0)))
    }

    /// The next id.
    #[expect(clippy::disallowed_methods, reason = "this is the one source of ids")]
    pub fn next(&self) -> Uuid {
        match self {
            Self::Random => Uuid::now_v7(),
            Self::Counted(last) => Uuid::from_u128(u128::from(last.fetch_add(1, Ordering::Relaxed) + 1)),
        }
    }
}
