//! `GET /api/v1/investigations/{id}/events`: the log as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), from any position on and until the end.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::{Event, InvestigationId};
use futures::StreamExt;
use futures::stream::{self, Stream};
use serde_json::json;
use store::{Status, StoreError};
use tokio::sync::broadcast::Receiver;

use crate::error::ApiError;
use crate::extract::{InvestigationPath, Parameters, no_investigation};
use crate::state::Server;

/// How long a silent stream stays without a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often the store is asked when it gives no hint: other replicas append, too.
const POLL: Duration = Duration::from_secs(1);
/// Events that are read at once.
const PAGE: u32 = 100;
/// Tells proxies (nginx) not to hold the stream back.
const UNBUFFERED: [(&str, &str); 1] = [("x-accel-buffering", "no")];

pub(crate) async fn events(
    State(server): State<Arc<Server>>,
    InvestigationPath(id): InvestigationPath,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let cursor = cursor(&headers, &parameters)?;
    let found = server.app.store.investigation(id).await?;
    found.ok_or_else(no_investigation)?;
    let follower = Follower {
        hints: server.app.store.subscribe(),
        server,
        id,
        cursor,
        ended: None,
        is_done: false,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let sse = Sse::new(follower.into_stream()).keep_alive(keep_alive);
    Ok((UNBUFFERED, sse).into_response())
}

/// The position after which to begin. A browser that reconnects says it in a header.
fn cursor(headers: &HeaderMap, parameters: &Parameters) -> Result<i64, ApiError> {
    const EXPECTED: &str = "the id of an event: a number from 0 on";
    parameters.only(&["after"])?;
    let (name, given): (&str, Option<i64>) = match headers.get("last-event-id") {
        Some(value) => {
            let parsed = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            ("Last-Event-ID", parsed)
        }
        None => ("after", Some(parameters.get("after", EXPECTED)?.unwrap_or(0))),
    };
    given
        .filter(|position| *position >= 0)
        .ok_or_else(|| ApiError::parameter(name, format!("expected {EXPECTED}")))
}

/// Reads an investigation's log as it grows.
struct Follower {
    server: Arc<Server>,
    id: InvestigationId,
    hints: Receiver<InvestigationId>,
    /// Position of the last event that was sent.
    cursor: i64,
    /// How the investigation ended, once that was seen.
    ended: Option<Status>,
    is_done: bool,
}

impl Follower {
    fn into_stream(self) -> impl Stream<Item = Result<SentEvent, Infallible>> + Send + 'static {
        let batches = stream::unfold(self, |mut follower| async move {
            let batch = follower.read_on().await?;
            Some((stream::iter(batch), follower))
        });
        batches.flatten().map(Ok)
    }

    /// The next events to send. The stream ends without `end` when the store fails or the service stops, so that the
    /// reader comes back.
    async fn read_on(&mut self) -> Option<Vec<SentEvent>> {
        match self.try_read_on().await {
            Ok(batch) => batch,
            Err(failure) => {
                let error: &(dyn Error + 'static) = &failure;
                tracing::warn!(error, investigation = %self.id, "an event stream broke off");
                None
            }
        }
    }

    async fn try_read_on(&mut self) -> Result<Option<Vec<SentEvent>>, StoreError> {
        while !self.is_done {
            let page = self
                .server
                .app
                .store
                .events_after(self.id, self.cursor, PAGE)
                .await?;
            if let Some((last, _)) = page.last() {
                self.cursor = *last;
                return Ok(Some(page.iter().map(sent).collect()));
            }
            if let Some(status) = self.ended {
                self.is_done = true;
                return Ok(Some(vec![end(status)]));
            }
            let Some(row) = self.server.app.store.investigation(self.id).await? else {
                return Ok(None);
            };
            // Once it has ended, the log is read again: something may have come in between.
            self.ended = Some(row.status).filter(|status| status.is_end());
            if self.ended.is_none() && !self.wait().await {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Waits until it is worth looking again; false when the service stops.
    async fn wait(&mut self) -> bool {
        let id = self.id;
        let hints = &mut self.hints;
        // Missed hints count as one of ours. The channel lives as long as the store.
        let hinted = async { while matches!(hints.recv().await, Ok(other) if other != id) {} };
        tokio::select! {
            () = self.server.stop.cancelled() => false,
            () = hinted => true,
            () = tokio::time::sleep(POLL) => true,
        }
    }
}

fn sent((position, event): &(i64, Event)) -> SentEvent {
    let body = serde_json::to_value(event).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or("event");
    SentEvent::default()
        .id(position.to_string())
        .event(kind)
        .data(body.to_string())
}

fn end(status: Status) -> SentEvent {
    let body = json!({ "status": status });
    SentEvent::default().event("end").data(body.to_string())
}
