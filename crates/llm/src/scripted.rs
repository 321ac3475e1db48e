//! The fake model for tests: answers that were written before, and a memory of what it was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::LlmError;
use crate::port::{BoxFuture, ChatAnswer, ChatModel, ChatRequest, made_up_id};

type Answer = Result<ChatAnswer, LlmError>;
type Otherwise = dyn Fn(&ChatRequest) -> Answer + Send + Sync;

/// A stateful fake. Answers belong to a stream and a turn, so that a resumed run finds its next one; what is not
/// scripted is answered by the closure, or is [`LlmError::NotRecorded`].
pub struct ScriptedModel {
    answers: BTreeMap<(String, u32), Answer>,
    otherwise: Box<Otherwise>,
    requests: Mutex<Vec<ChatRequest>>,
}

impl ScriptedModel {
    /// A model without answers; add some with [`Self::answering`] and [`Self::failing`].
    pub fn new() -> Self {
        Self::from_fn(|request| {
            Err(LlmError::NotRecorded {
                stream: request.key.stream.0.clone(),
                turn: request.key.turn,
            })
        })
    }

    /// A model that asks a closure.
    pub fn from_fn(script: impl Fn(&ChatRequest) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            answers: BTreeMap::new(),
            otherwise: Box::new(script),
            requests: Mutex::default(),
        }
    }

    /// Adds the answers of a stream's turns 1, 2, 3 …
    #[must_use]
    pub fn answering(mut self, stream: &str, answers: Vec<ChatAnswer>) -> Self {
        for (turn, answer) in (1..).zip(answers) {
            self.answers.insert((stream.to_owned(), turn), Ok(answer));
        }
        self
    }

    /// Makes one turn of a stream fail.
    #[must_use]
    pub fn failing(mut self, stream: &str, turn: u32, error: LlmError) -> Self {
        self.answers.insert((stream.to_owned(), turn), Err(error));
        self
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.lock().clone()
    }

    fn answer(&self, request: &ChatRequest) -> Answer {
        self.lock().push(request.clone());
        let key = (request.key.stream.0.clone(), request.key.turn);
        let mut answer = match self.answers.get(&key) {
            Some(scripted) => scripted.clone(),
            None => (self.otherwise)(request),
        }?;
        for (index, call) in answer
            .calls
            .iter_mut()
            .enumerate()
            .filter(|(_, call)| call.id.is_empty())
        {
            call.id = made_up_id(request.key.turn, index);
        }
        answer.usage.model_calls = answer.usage.model_calls.max(1);
        if answer.model.is_empty() {
            self.name().clone_into(&mut answer.model);
        }
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ChatRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel")
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

impl ChatModel for ScriptedModel {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>> {
        Box::pin(ready(self.answer(request)))
    }

    fn name(&self) -> &str {
        "scripted"
    }
}
