//! One model call as async-openai's HTTP service: sends the request, retries it, and lets through only bodies that are
//! JSON. async-openai's own retry layer ignores dates in `Retry-After`, knows no deadline, and its error paths log
//! bodies; none of them is reached from here. This is the one place where model requests are retried.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use domain::Clock;
use serde_json::Value;
use tower::Service;

use super::failure::Failure;
use super::retry::{RetryPolicy, retry_after};
use crate::port::BoxFuture;

/// Largest answer that is read; a chat answer has some kilobytes.
const BODY_LIMIT_BYTES: usize = 8 << 20;

/// The attempts of one call.
#[derive(Clone)]
pub(super) struct Exchange {
    /// Sends.
    pub(super) http: reqwest::Client,
    /// Decides whether and when to try again.
    pub(super) policy: RetryPolicy,
    /// When the call began.
    pub(super) started: Instant,
    /// Time that the whole call has.
    pub(super) deadline: Duration,
}

impl Exchange {
    async fn run(&self, factory: &HttpRequestFactory) -> Result<Vec<u8>, Failure> {
        let mut retry = 0;
        loop {
            let failure = match self.attempt(factory).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let left = self.deadline.saturating_sub(self.started.elapsed());
            let Some(pause) = self.policy.pause(retry, &failure, left) else {
                return Err(failure);
            };
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                why = failure.word(),
                retry,
                pause_ms,
                "the model endpoint is asked again"
            );
            tokio::time::sleep(pause).await;
            retry += 1;
        }
    }

    async fn attempt(&self, factory: &HttpRequestFactory) -> Result<Vec<u8>, Failure> {
        let request = factory.build().await.map_err(|_| Failure::Unsendable)?;
        let lost = |error: reqwest::Error| Failure::of_transport(&error, self.started.elapsed());
        let mut response = self.http.execute(request).await.map_err(lost)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), Clock::System.now());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_LIMIT_BYTES {
                return Err(Failure::Unreadable("the body is too large"));
            }
        }
        judge(status, retry_after, body)
    }
}

impl Service<HttpRequestFactory> for Exchange {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        let exchange = self.clone();
        Box::pin(async move {
            match exchange.run(&factory).await {
                Ok(body) => Ok(reqwest::Response::from(http::Response::new(body))),
                Err(failure) => Err(OpenAIError::Boxed(Box::new(failure))),
            }
        })
    }
}

/// Tells answers from failures. Some gateways report a provider's failure with status 200 and the real status in the
/// body: `{"error": {"code": 429, …}}`.
fn judge(status: u16, retry_after: Option<Duration>, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let json = serde_json::from_slice::<Value>(&body).ok();
    if !(200..300).contains(&status) {
        return Err(Failure::of_status(status, json.as_ref(), retry_after));
    }
    let json = json.ok_or(Failure::Unreadable("the body is not JSON"))?;
    match hidden_status(&json) {
        Some(status) => Err(Failure::of_status(status, Some(&json), retry_after)),
        None => Ok(body),
    }
}

fn hidden_status(json: &Value) -> Option<u16> {
    let code = json.get("error")?.get("code")?.as_u64()?;
    let answered = json
        .get("choices")
        .and_then(Value::as_array)
        .is_some_and(|choices| !choices.is_empty());
    u16::try_from(code)
        .ok()
        .filter(|status| !answered && (400..600).contains(status))
}
