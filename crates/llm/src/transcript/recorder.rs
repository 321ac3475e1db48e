//! A model that passes everything on to another one and writes down what that decides.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::LlmError;
use crate::pins::{system_sha256, tools_sha256};
use crate::port::{BoxFuture, ChatAnswer, ChatModel, ChatRequest};
use crate::transcript::{StreamRecord, TRANSCRIPT_VERSION, Transcript, Turn};

/// Wraps a model and collects a [`Transcript`] of its answers; failures are passed on and not recorded.
#[derive(Debug)]
pub struct Recorder<M> {
    model: M,
    transcript: Mutex<Transcript>,
}

impl<M: ChatModel> Recorder<M> {
    /// Records what `model` decides in a run of `scenario` under `arm`.
    pub fn new(model: M, scenario: &str, arm: &str) -> Self {
        let transcript = Transcript {
            version: TRANSCRIPT_VERSION,
            scenario: scenario.to_owned(),
            arm: arm.to_owned(),
            model: model.name().to_owned(),
            ..Transcript::default()
        };
        Self {
            model,
            transcript: Mutex::new(transcript),
        }
    }

    /// What has been recorded so far.
    pub fn transcript(&self) -> Transcript {
        self.lock().clone()
    }

    /// Keeps an answer; a call that is asked again replaces its earlier answer.
    fn keep(&self, request: &ChatRequest, answer: &ChatAnswer) {
        let turn = Turn {
            turn: request.key.turn,
            text: answer.text.clone(),
            calls: answer.calls.clone(),
            usage: answer.usage,
        };
        let mut transcript = self.lock();
        let stream = transcript
            .streams
            .entry(request.key.stream.0.clone())
            .or_insert_with(|| StreamRecord {
                system_sha256: system_sha256(request),
                tools_sha256: tools_sha256(&request.tools),
                turns: Vec::new(),
            });
        match stream.turns.binary_search_by_key(&turn.turn, |kept| kept.turn) {
            Ok(at) => stream.turns[at] = turn,
            Err(at) => stream.turns.insert(at, turn),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Transcript> {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: ChatModel> ChatModel for Recorder<M> {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>> {
        Box::pin(async move {
            let answer = self.model.chat(request).await?;
            self.keep(request, &answer);
            Ok(answer)
        })
    }

    fn name(&self) -> &str {
        self.model.name()
    }
}
