//! The form of a recorded run: what the model decided, per agent stream and turn, and fingerprints of what it was
//! told. Decisions are kept as the model wrote them, citations included. Knows no model and no files.

mod recorder;
mod replay;

use std::collections::BTreeMap;

use domain::Usage;
use serde::{Deserialize, Serialize};

use crate::port::ToolCall;

pub use self::recorder::Recorder;
pub use self::replay::Replay;

/// Version of the form.
pub const TRANSCRIPT_VERSION: u16 = 1;

/// The model's decisions in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// Version of the form: [`TRANSCRIPT_VERSION`].
    pub version: u16,
    /// The scenario that was run.
    pub scenario: String,
    /// The arm: how the agents were set up.
    pub arm: String,
    /// The model that decided.
    pub model: String,
    /// What was decided in each agent run, by its stream's name.
    pub streams: BTreeMap<String, StreamRecord>,
}

/// The model's decisions in one agent run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRecord {
    /// Fingerprint of the system prompt; see [`crate::system_sha256`].
    pub system_sha256: String,
    /// Fingerprint of the tools; see [`crate::tools_sha256`].
    pub tools_sha256: String,
    /// Turns in ascending order.
    pub turns: Vec<Turn>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Turn, from 1.
    pub turn: u32,
    /// What the model said, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The calls that it asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// What the call used.
    pub usage: Usage,
}

/// Why a transcript cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// It does not have the form of a transcript.
    #[error("not a transcript: {0}")]
    Form(#[from] serde_json::Error),
    /// It has another version's form.
    #[error("the transcript has version {found}; this program reads version {TRANSCRIPT_VERSION}")]
    Version {
        /// Version that it has.
        found: u16,
    },
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// When the text is not a transcript, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, TranscriptError> {
        let transcript: Self = serde_json::from_str(text)?;
        if transcript.version != TRANSCRIPT_VERSION {
            return Err(TranscriptError::Version {
                found: transcript.version,
            });
        }
        Ok(transcript)
    }

    /// The transcript as indented JSON with a final line break: the same bytes for the same decisions.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, TranscriptError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The recorded decision of a call.
    pub fn turn(&self, stream: &str, turn: u32) -> Option<&Turn> {
        self.streams
            .get(stream)?
            .turns
            .iter()
            .find(|recorded| recorded.turn == turn)
    }

    /// What the whole run used.
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for turn in self.streams.values().flat_map(|record| &record.turns) {
            sum.add(&turn.usage);
        }
        sum
    }
}
