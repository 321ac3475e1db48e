//! The model port: what a chat model is to the rest of the program, the adapter for OpenAI-compatible endpoints,
//! tokens and money, record and replay. Knows nothing of agents, tools or clusters.

mod error;
mod openai;
mod pins;
mod port;
pub mod prices;
mod schema;
mod scripted;
mod tokens;
mod transcript;
mod wire;

pub use error::LlmError;
pub use openai::{LengthField, OpenAiModel, OpenAiSettings, SettingsError, describe_metrics};
pub use pins::{system_sha256, tools_sha256};
pub use port::{
    BoxFuture, CallKey, ChatAnswer, ChatModel, ChatRequest, Message, ToolCall, ToolChoice, ToolSpec,
};
pub use prices::{Price, PriceTable};
pub use schema::tool_schema;
pub use scripted::ScriptedModel;
pub use tokens::{count_tokens, request_tokens, tools_tokens};
pub use transcript::{Recorder, Replay, StreamRecord, TRANSCRIPT_VERSION, Transcript, TranscriptError, Turn};
