//! The adapter for any endpoint that speaks OpenAI's Chat Completions: sends the request, reads the answer leniently,
//! accounts for it. Knows no agent and no transcript.

mod answer;
mod calls;
mod endpoint;
mod exchange;
mod failure;
mod quote;
mod request;
mod retry;
mod settings;
mod telemetry;
mod usage;

use std::sync::Arc;
use std::time::Instant;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use serde_json::Value;

use crate::error::LlmError;
use crate::port::{BoxFuture, ChatAnswer, ChatModel, ChatRequest};
use exchange::Exchange;
use failure::Failure;
use quote::Quoter;
use retry::RetryPolicy;

pub use settings::{LengthField, OpenAiSettings, SettingsError};
pub use telemetry::describe_metrics;

/// A model behind an OpenAI-compatible endpoint: OpenAI itself, vLLM, Ollama, llama.cpp, a gateway.
///
/// Needs a process-wide rustls provider to be installed before it is built.
#[derive(Clone)]
pub struct OpenAiModel {
    settings: OpenAiSettings,
    endpoint: Arc<dyn Config>,
    http: reqwest::Client,
}

impl OpenAiModel {
    /// A model with these settings.
    ///
    /// # Errors
    /// When a setting cannot be used; nothing is sent yet.
    pub fn new(settings: OpenAiSettings) -> Result<Self, SettingsError> {
        let endpoint = Arc::new(endpoint::Endpoint::new(&settings)?);
        let http = endpoint::http_client(&settings)?;
        Ok(Self {
            settings,
            endpoint,
            http,
        })
    }

    async fn ask(&self, request: &ChatRequest) -> Result<ChatAnswer, LlmError> {
        let call = self.exchange(request);
        let body = match tokio::time::timeout(request.deadline, call).await {
            Ok(Ok(body)) => body,
            Ok(Err(failure)) => return Err(failure.into_error(&self.quoter(request))),
            Err(_) => {
                return Err(LlmError::Timeout {
                    after: request.deadline,
                });
            }
        };
        let asked = self.settings.model_of(&request.model_alias);
        let mut answer = answer::read(&body, request, asked)?;
        let prices = &self.settings.prices;
        answer.usage.cost_micro_usd = prices
            .cost_micro_usd(&answer.model, &answer.usage)
            .or_else(|| prices.cost_micro_usd(asked, &answer.usage));
        Ok(answer)
    }

    /// Sends the request, again if need be, and hands back the body of the answer.
    async fn exchange(&self, request: &ChatRequest) -> Result<Value, Failure> {
        let exchange = Exchange {
            http: self.http.clone(),
            policy: RetryPolicy::new(&self.settings, &request.key),
            started: Instant::now(),
            deadline: request.deadline,
        };
        let client = Client::build(self.http.clone(), Arc::clone(&self.endpoint)).with_http_service(exchange);
        let body = request::body(&self.settings, request);
        let answered: Result<Value, OpenAIError> = client.chat().create_byot(body).await;
        answered.map_err(Failure::from_client)
    }

    fn quoter<'a>(&'a self, request: &'a ChatRequest) -> Quoter<'a> {
        Quoter {
            key: self.settings.key.as_ref(),
            request,
        }
    }
}

impl ChatModel for OpenAiModel {
    fn chat<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<ChatAnswer, LlmError>> {
        let model = self.settings.model_of(&request.model_alias);
        Box::pin(telemetry::observed(
            &self.settings.provider,
            model,
            self.ask(request),
        ))
    }

    fn name(&self) -> &str {
        self.settings.model_of("default")
    }
}

impl std::fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAiModel")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
