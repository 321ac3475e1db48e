//! A span and metrics for each model call, with the names of OpenTelemetry's conventions for generative AI
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>). Never a word of prompt or answer.

use std::time::{Duration, Instant};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use crate::error::LlmError;
use crate::port::ChatAnswer;

const REQUESTS: &str = "dogwatch_model_requests_total";
const TOKENS: &str = "dogwatch_model_tokens_total";
const SECONDS: &str = "dogwatch_model_request_seconds";

/// Tells the metrics recorder what the metrics of this crate mean.
pub fn describe_metrics() {
    describe_counter!(REQUESTS, "Model calls by model and outcome, retries not counted");
    describe_counter!(TOKENS, "Tokens sent to and received from models");
    describe_histogram!(
        SECONDS,
        Unit::Seconds,
        "Duration of model calls, retries included"
    );
}

/// Runs a call inside its span and counts it.
pub(super) async fn observed(
    provider: &str,
    model: &str,
    call: impl Future<Output = Result<ChatAnswer, LlmError>>,
) -> Result<ChatAnswer, LlmError> {
    let span = info_span!(
        "chat",
        "otel.kind" = "client",
        "gen_ai.operation.name" = "chat",
        "gen_ai.provider.name" = provider,
        "gen_ai.request.model" = model,
        "gen_ai.response.model" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "error.type" = Empty,
    );
    let started = Instant::now();
    let outcome = call.instrument(span.clone()).await;
    record(&span, &outcome);
    count(model, &outcome, started.elapsed());
    outcome
}

fn record(span: &Span, outcome: &Result<ChatAnswer, LlmError>) {
    match outcome {
        Ok(answer) => {
            span.record("gen_ai.response.model", answer.model.as_str());
            span.record("gen_ai.usage.input_tokens", answer.usage.prompt_tokens);
            span.record("gen_ai.usage.output_tokens", answer.usage.completion_tokens);
        }
        Err(error) => {
            span.record("error.type", error.kind());
        }
    }
}

fn count(model: &str, outcome: &Result<ChatAnswer, LlmError>, took: Duration) {
    let word = outcome.as_ref().map_or_else(LlmError::kind, |_| "ok");
    counter!(REQUESTS, "model" => model.to_owned(), "outcome" => word).increment(1);
    histogram!(SECONDS, "model" => model.to_owned()).record(took.as_secs_f64());
    if let Ok(answer) = outcome {
        let directions = [
            ("input", answer.usage.prompt_tokens),
            ("output", answer.usage.completion_tokens),
        ];
        for (direction, tokens) in directions {
            counter!(TOKENS, "model" => model.to_owned(), "direction" => direction).increment(tokens);
        }
    }
}
