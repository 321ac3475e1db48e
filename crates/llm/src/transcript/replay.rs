//! A model that repeats a transcript's decisions, as long as it is told what the recorded one was told.

use std::future::ready;

use crate::error::LlmError;
use crate::pins::{system_sha256, tools_sha256};
use crate::port::{BoxFuture, ChatAnswer, ChatModel, ChatRequest, ToolChoice};
use crate::transcript::{StreamRecord, Transcript};

/// Answers from a [`Transcript`] by stream and turn. Only decisions are replayed: tools run for real, and what they
/// show may differ from the recorded run. A changed system prompt or tool is an error, never an answer.
#[derive(Debug, Clone)]
pub struct Replay {
    transcript: Transcript,
}

impl Replay {
    /// Repeats the decisions of `transcript`.
    pub fn new(transcript: Transcript) -> Self {
        Self { transcript }
    }

    /// The transcript that is repeated.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    fn answer(&self, request: &ChatRequest) -> Result<ChatAnswer, LlmError> {
        let (stream, turn) = (request.key.stream.0.as_str(), request.key.turn);
        let not_recorded = || LlmError::NotRecorded {
            stream: stream.to_owned(),
            turn,
        };
        let record = self.transcript.streams.get(stream).ok_or_else(not_recorded)?;
        check_pins(record, request)?;
        let recorded = self.transcript.turn(stream, turn).ok_or_else(not_recorded)?;
        Ok(ChatAnswer {
            text: recorded.text.clone(),
            calls: recorded.calls.clone(),
            finish: None,
            usage: recorded.usage,
            model: self.transcript.model.clone(),
        })
    }
}

impl ChatModel for Replay {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>> {
        Box::pin(ready(self.answer(request)))
    }

    fn name(&self) -> &str {
        &self.transcript.model
    }
}

/// Compares the fingerprints. A later turn without tools, or with one named tool alone, is a forced conclusion, not a
/// change.
fn check_pins(record: &StreamRecord, request: &ChatRequest) -> Result<(), LlmError> {
    let stale = |what| LlmError::Stale {
        stream: request.key.stream.0.clone(),
        what,
    };
    if record.system_sha256 != system_sha256(request) {
        return Err(stale("system prompt"));
    }
    let forced = matches!(request.tool_choice, ToolChoice::Named(_)) || request.tools.is_empty();
    let concluding = request.key.turn > 1 && forced;
    if !concluding && record.tools_sha256 != tools_sha256(&request.tools) {
        return Err(stale("tool schemas"));
    }
    Ok(())
}
