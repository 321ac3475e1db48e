//! The port: a chat request, its answer, and the trait between them. Only redacted text can be put into a request.
//! Knows no provider and no wire format.

use std::sync::Arc;
use std::time::Duration;

use domain::event::RequestedCall;
use domain::{Redacted, StreamName, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::LlmError;

pub use futures::future::BoxFuture;

/// Something that answers chat requests: an endpoint, a replayed transcript, a script.
pub trait ChatModel: Send + Sync {
    /// Answers one request, or says why not, within the request's deadline.
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>>;

    /// The model's name, for reports and transcripts.
    fn name(&self) -> &str;
}

impl<M: ChatModel + ?Sized> ChatModel for Arc<M> {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>> {
        self.as_ref().chat(request)
    }

    fn name(&self) -> &str {
        self.as_ref().name()
    }
}

/// One question to a model: the whole conversation so far and the tools on offer.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// Which of the configured models: `default`, `fast`, `strong`, `judge`. An unknown alias is the default.
    pub model_alias: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools on offer, in the order in which the model sees them.
    pub tools: Vec<ToolSpec>,
    /// Whether tools may, must or must not be called.
    pub tool_choice: ToolChoice,
    /// Most tokens that the answer may have.
    pub max_completion_tokens: Option<u32>,
    /// Which call of the investigation this is.
    pub key: CallKey,
    /// Time for the answer, retries included.
    pub deadline: Duration,
}

impl ChatRequest {
    /// The texts of the system messages.
    pub fn system(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().filter_map(|message| match message {
            Message::System(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Names a model call within an investigation, for record and replay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey {
    /// Stream of the agent run.
    pub stream: StreamName,
    /// Turn of that run, from 1.
    pub turn: u32,
}

/// One message of a conversation. There is no way to put text into it that was not redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Instructions.
    System(Redacted),
    /// A task or a remark of ours.
    User(Redacted),
    /// What the model said before.
    Assistant {
        /// Its text, if any.
        text: Option<Redacted>,
        /// The calls that it asked for.
        calls: Vec<RequestedCall>,
    },
    /// The result of a call.
    Tool {
        /// Id of the call.
        call_id: String,
        /// What the model is shown.
        text: Redacted,
    },
}

/// A tool on offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolSpec {
    /// Name by which the model calls it.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON schema of its arguments; see [`crate::tool_schema`].
    pub parameters: Value,
}

/// Whether the model may, must or must not call tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// At least one call, of any tool.
    Required,
    /// No call.
    None,
    /// A call of this tool.
    Named(String),
}

/// A model's answer. Its text and arguments are not redacted yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatAnswer {
    /// What it says, if anything.
    pub text: Option<String>,
    /// Calls that it asks for, in its order; each has an id.
    pub calls: Vec<ToolCall>,
    /// Why it stopped, in the provider's words: `stop`, `tool_calls`, `length`.
    pub finish: Option<String>,
    /// Tokens and money that this call used.
    pub usage: Usage,
    /// The model that answered, as it calls itself.
    pub model: String,
}

impl ChatAnswer {
    /// An answer of text alone, for scripts.
    pub fn saying(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            ..Self::default()
        }
    }

    /// An answer that calls tools, for scripts; the script gives the calls their ids.
    pub fn calling<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let call = |(name, arguments): (&str, Value)| ToolCall {
            id: String::new(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        Self {
            calls: calls.into_iter().map(call).collect(),
            ..Self::default()
        }
    }
}

/// A tool call as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Id that the result must carry.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// Arguments: JSON, at best.
    pub arguments: String,
}

/// The id of a call to which the provider gave none, the same in every run.
pub(crate) fn made_up_id(turn: u32, index: usize) -> String {
    format!("call_{turn}_{index}")
}
