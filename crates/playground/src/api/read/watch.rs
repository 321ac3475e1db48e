//! Watches: newline-delimited events from a version on, bookmarks, the 410 of a version that is too old.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;
use http::header;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::read::list::version_param;
use crate::api::read::list_metadata;
use crate::api::read::representation::{Painter, Representation};
use crate::api::read::selector::Selector;
use crate::api::route::Endpoint;
use crate::api::status::{ApiError, Cause};
use crate::api::store::{Change, Store};

/// How often an idle watch that allows bookmarks gets one, as the real server's watch cache does.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// How long a watch lasts that names no timeout (the real server takes 30 to 60 minutes).
const DEFAULT_TIMEOUT_S: i64 = 1800;

/// One watch in progress.
struct Watch {
    server: Arc<ApiServer>,
    painter: Painter,
    selector: Selector,
    endpoint: Endpoint,
    /// Everything up to this version has been told.
    version: u64,
    /// Objects to announce first.
    initial: Vec<Value>,
    /// Whether the initial objects end with the marking bookmark.
    mark_initial_end: bool,
    bookmarks: bool,
    too_old: bool,
    events_left: Option<usize>,
    deadline: Instant,
}

/// Answers a watch.
pub(crate) fn answer(
    server: &Arc<ApiServer>,
    call: &Call,
    endpoint: &Endpoint,
) -> Result<Response, ApiError> {
    let representation = Representation::negotiate(call)?;
    let selector = Selector::of(call, endpoint)?;
    let painter = Painter::new(server, &endpoint.resource, representation);
    let timeout_s = call
        .number("timeoutSeconds")?
        .filter(|seconds| *seconds > 0)
        .unwrap_or(DEFAULT_TIMEOUT_S);
    let asked = version_param(call)?.unwrap_or(0);
    let send_initial = initial_events(call, endpoint, asked)?;
    let store = server.read();
    if asked > store.version() {
        return Err(ApiError::too_large_version(asked, store.version()));
    }
    let initial = if send_initial {
        selected(&store, endpoint, &selector)
    } else {
        Vec::new()
    };
    let from_now = send_initial || asked == 0;
    let watch = Watch {
        server: Arc::clone(server),
        painter,
        selector,
        endpoint: endpoint.clone(),
        version: if from_now { store.version() } else { asked },
        initial,
        mark_initial_end: call.flag("sendInitialEvents"),
        bookmarks: call.flag("allowWatchBookmarks"),
        too_old: !from_now && asked < store.oldest(),
        events_left: server.weather.break_watch_after(),
        deadline: Instant::now() + Duration::from_secs(timeout_s.unsigned_abs()),
    };
    let body = Body::from_stream(watch.run());
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Whether existing objects are announced: asked for, or the classic "from any version".
fn initial_events(call: &Call, endpoint: &Endpoint, asked: u64) -> Result<bool, ApiError> {
    let matched = call.param("resourceVersionMatch");
    let problem = match (call.param("sendInitialEvents"), matched) {
        (Some(_), Some("NotOlderThan")) | (None, None) => None,
        (Some(_), _) => Some(Cause::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )),
        (None, Some(_)) => Some(Cause::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )),
    };
    match problem {
        Some(cause) => Err(ApiError::invalid_options(
            "ListOptions",
            &endpoint.resource,
            &[cause],
        )),
        None => Ok(call
            .param("sendInitialEvents")
            .map_or(asked == 0, |value| value == "true")),
    }
}

fn selected(store: &Store, endpoint: &Endpoint, selector: &Selector) -> Vec<Value> {
    let resource = &endpoint.resource;
    let namespace = (!endpoint.namespace.is_empty()).then_some(endpoint.namespace.as_str());
    store
        .world()
        .objects_of(resource.stored_group(), &resource.kind, namespace)
        .map(|(_, object)| object)
        .filter(|object| selector.matches(object))
        .cloned()
        .collect()
}

impl Watch {
    fn run(mut self) -> impl Stream<Item = std::io::Result<Bytes>> {
        async_stream::stream! {
            let mut changed = self.server.changed.subscribe();
            let mut ticks = interval_at(Instant::now() + BOOKMARK_PERIOD, BOOKMARK_PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut pending = self.opening();
            loop {
                for event in pending.drain(..) {
                    if self.events_left == Some(0) {
                        // The HTTP server sends what it holds when the stream pauses.
                        tokio::task::yield_now().await;
                        yield Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
                        return;
                    }
                    self.events_left = self.events_left.map(|left| left - 1);
                    yield Ok(line(&event));
                }
                if self.too_old {
                    return;
                }
                pending = self.news();
                if !pending.is_empty() || self.too_old {
                    continue;
                }
                tokio::select! {
                    _ = changed.changed() => {}
                    _ = ticks.tick(), if self.bookmarks => pending.push(self.bookmark(false)),
                    () = sleep_until(self.deadline) => {
                        if self.bookmarks {
                            yield Ok(line(&self.bookmark(false)));
                        }
                        return;
                    }
                    () = self.server.stop.cancelled() => return,
                }
            }
        }
    }

    /// The events that come before any change.
    fn opening(&mut self) -> Vec<Value> {
        if self.too_old {
            return vec![self.expired()];
        }
        let initial = std::mem::take(&mut self.initial);
        let mut events: Vec<Value> = initial.iter().map(|object| self.event("ADDED", object)).collect();
        if self.mark_initial_end && self.bookmarks {
            events.push(self.bookmark(true));
        }
        events
    }

    /// The events since the last look.
    fn news(&mut self) -> Vec<Value> {
        let (changes, version) = {
            let store = self.server.read();
            let resource = &self.endpoint.resource;
            (
                store.changes_after(self.version, resource.stored_group(), &resource.kind),
                store.version(),
            )
        };
        let Some(changes) = changes else {
            self.too_old = true;
            return vec![self.expired()];
        };
        self.version = version;
        changes.iter().filter_map(|change| self.tell(change)).collect()
    }

    /// The change as this watch sees it: an object that leaves the selection is deleted.
    fn tell(&self, change: &Change) -> Option<Value> {
        let namespace = &self.endpoint.namespace;
        if !namespace.is_empty() && change.key.namespace != *namespace {
            return None;
        }
        let matches = |object: &Option<Value>| {
            object
                .as_ref()
                .is_some_and(|object| self.selector.matches(object))
        };
        let latest = change.after.as_ref().or(change.before.as_ref())?;
        match (matches(&change.before), matches(&change.after)) {
            (false, true) => Some(self.event("ADDED", latest)),
            (true, true) => Some(self.event("MODIFIED", latest)),
            (true, false) => Some(self.event("DELETED", latest)),
            (false, false) => None,
        }
    }

    fn event(&self, kind: &str, object: &Value) -> Value {
        json!({ "type": kind, "object": self.painter.one(object) })
    }

    fn bookmark(&self, initial_end: bool) -> Value {
        let mut metadata = list_metadata(self.version);
        if initial_end {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        json!({ "type": "BOOKMARK", "object": self.painter.bookmark(metadata) })
    }

    fn expired(&self) -> Value {
        let oldest = self.server.read().oldest();
        let error = ApiError::expired(&format!("too old resource version: {} ({oldest})", self.version));
        json!({ "type": "ERROR", "object": error.body() })
    }
}

fn line(event: &Value) -> Bytes {
    Bytes::from(format!("{event}\n"))
}
