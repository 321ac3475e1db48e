//! Checks of everything but the cluster: model, database, agents, service. Must not know how they are used.

use std::path::Path;
use std::time::Duration;

use domain::{Redacted, StreamName};
use llm::{CallKey, ChatRequest, Message, ToolChoice};
use store::{Store, StoreError};

use super::Check;
use crate::compose::engine::load_agents;
use crate::compose::model::{Model, configured};
use crate::config::{ModelConfig, ServerConfig};

/// Longest wait for the model's word.
const PING_DEADLINE: Duration = Duration::from_secs(30);
/// Fewer make some endpoints complain.
const PING_TOKENS: u32 = 16;

/// Whether a model is configured and, when asked for, whether it answers.
pub(super) async fn model(config: &ModelConfig, ping: bool) -> Check {
    match configured(config) {
        Ok(Some(model)) if ping => pinged(&model).await,
        Ok(Some(model)) => Check::ok("model", format!("{} is configured; not asked", model.name())),
        Ok(None) => Check::warn(
            "model",
            "no model is configured: reports are triage reports",
            "set DOGWATCH_MODEL_URL and DOGWATCH_MODEL to an OpenAI-compatible endpoint",
        ),
        Err(failure) => Check::fail("model", failure.to_string(), "correct the section `model`"),
    }
}

async fn pinged(model: &Model) -> Check {
    let request = ChatRequest {
        model_alias: "default".to_owned(),
        messages: vec![Message::User(Redacted::trusted("Answer with the word pong."))],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        max_completion_tokens: Some(PING_TOKENS),
        key: CallKey {
            stream: StreamName("doctor".to_owned()),
            turn: 1,
        },
        deadline: PING_DEADLINE,
    };
    match model.chat(&request).await {
        Ok(answer) => Check::ok("model", format!("{} answers", answer.model)),
        Err(error) => Check::fail(
            "model",
            error.to_string(),
            "check model.url, model.name and the key; the endpoint must serve /chat/completions",
        ),
    }
}

/// Whether the database opens.
pub(super) async fn store(url: &str) -> Check {
    match Store::open(url, domain::Clock::System).await {
        Ok(store) => {
            let answer = store.ping().await;
            store.close().await;
            match answer {
                Ok(()) => Check::ok("database", "it opens and answers"),
                Err(error) => Check::fail("database", error.to_string(), "look at the database's own logs"),
            }
        }
        Err(error @ StoreError::InUse { .. }) => Check::warn(
            "database",
            error.to_string(),
            "fine when that process is your service",
        ),
        Err(error) => Check::fail(
            "database",
            format!("{:#}", anyhow::Error::new(error)),
            "check database.url: sqlite:PATH in a folder that can be written, or postgres://…",
        ),
    }
}

/// Whether the agents' definitions hold.
pub(super) fn agents(folder: Option<&Path>) -> Check {
    match load_agents(folder) {
        Ok(agents) => Check::ok("agents", format!("{} definitions hold", agents.iter().count())),
        Err(failure) => Check::fail(
            "agents",
            failure.to_string(),
            "correct the file, or leave agents.folder out",
        ),
    }
}

/// Whether the service may start and who may come in.
pub(super) fn server(config: &ServerConfig) -> Check {
    if config.allow_unauthenticated {
        Check::warn(
            "server",
            "anybody who reaches it may use it",
            "leave server.allow_unauthenticated out when the trial is over",
        )
    } else if config.webhook_secret.is_none() {
        Check::warn(
            "server",
            "no webhook secret: `dogwatch serve` would not start",
            "set DOGWATCH_WEBHOOK_SECRET or server.webhook_secret_file",
        )
    } else if config.tokens.is_empty() {
        Check::warn(
            "server",
            "no API token: webhooks are taken, but nobody can read reports over HTTP",
            "set DOGWATCH_TOKEN, or hashes in server.tokens",
        )
    } else {
        Check::ok(
            "server",
            format!("{} API tokens, a webhook secret", config.tokens.len()),
        )
    }
}
