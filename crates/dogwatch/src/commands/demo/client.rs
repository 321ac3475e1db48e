//! The demo as a client of the service: what an Alertmanager and a person would send over HTTP, and the event stream.
//! Must not know anything of the service's inside.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use domain::{Event, EventBody, InvestigationId};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use crate::failure::Failure;

/// Longest wait for a connection to a service on the same machine.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// A client of the service with its credentials.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    /// What webhooks send.
    pub(super) secret: String,
    /// What readers send.
    pub(super) token: String,
}

impl Client {
    /// A client of the service at `base`.
    pub(super) fn new(base: String, secret: String, token: String) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_DEADLINE)
            .build()
            .map_err(Failure::infrastructure)?;
        Ok(Self {
            http,
            base,
            secret,
            token,
        })
    }

    /// Sends what brings the case up: an Alertmanager's payload to the webhook, or a question or a workload to the API.
    pub(super) async fn open(&self, stimulus: &Value) -> anyhow::Result<InvestigationId> {
        let request = match stimulus.get("alertmanager") {
            Some(payload) => self
                .http
                .post(format!("{}/webhooks/alertmanager", self.base))
                .bearer_auth(&self.secret)
                .json(payload),
            None => self
                .http
                .post(format!("{}/api/v1/investigations", self.base))
                .bearer_auth(&self.token)
                .json(stimulus),
        };
        let answer: Value = sent(request)
            .await?
            .json()
            .await
            .context("the service answered no JSON")?;
        let id = answer.get("investigation").or_else(|| answer.get("id"));
        id.and_then(Value::as_str)
            .and_then(|id| id.parse().ok())
            .with_context(|| format!("the service opened no investigation: {answer}"))
    }

    /// Hands on the events of an investigation as they come, until its report or the end of the stream.
    pub(super) async fn follow(
        &self,
        id: InvestigationId,
        mut seen: impl FnMut(&Event),
    ) -> anyhow::Result<()> {
        let url = format!("{}/events", self.url(id));
        let request = self.http.get(url).bearer_auth(&self.token);
        let mut response = sent(request.header("accept", "text/event-stream")).await?;
        let mut buffer: Vec<u8> = Vec::new();
        while let Some(chunk) = response.chunk().await.context("the event stream broke")? {
            buffer.extend_from_slice(&chunk);
            while let Some(block) = first_block(&mut buffer) {
                let Some(event) = event_of(&block) else {
                    continue;
                };
                seen(&event);
                if matches!(event.body, EventBody::Reported { .. }) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Where an investigation can be read.
    pub(super) fn url(&self, id: InvestigationId) -> String {
        format!("{}/api/v1/investigations/{id}", self.base)
    }
}

/// Sends a request; an answer that is no success is an error with the service's words.
async fn sent(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await.context("the service does not answer")?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let words = response.text().await.unwrap_or_default();
    Err(anyhow!("the service answered {status}: {words}"))
}

/// Takes the first whole block out of the buffer: what stands before an empty line.
fn first_block(buffer: &mut Vec<u8>) -> Option<String> {
    let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
    let block: Vec<u8> = buffer.drain(..end + 2).collect();
    Some(String::from_utf8_lossy(&block).into_owned())
}

/// The event of a block; `None` for comments and for the stream's own remarks.
fn event_of(block: &str) -> Option<Event> {
    let data: Vec<&str> = block
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(str::trim_start)
        .collect();
    serde_json::from_str(&data.join("\n")).ok()
}
