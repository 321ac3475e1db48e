//! `pods/log`: which container, which part of its log, and the refusals that the kubelet would word. Knows no
//! other subresource.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::read::find;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::build::json::{items, text};
use crate::world::{ContainerLog, LogKey};

/// The part of a log that was asked for.
#[derive(Debug, Default)]
struct Cut {
    previous: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    tail_lines: Option<usize>,
    limit_bytes: Option<usize>,
}

/// Answers a log request.
pub(crate) fn answer(
    server: &Arc<ApiServer>,
    call: &Call,
    endpoint: &Endpoint,
) -> Result<Response, ApiError> {
    let pod = find(server, endpoint)?;
    let container = container(call, &pod)?;
    let cut = Cut::of(call, server.clock.now())?;
    let key = LogKey {
        namespace: endpoint.namespace.clone(),
        pod: endpoint.name.clone(),
        container: container.clone(),
    };
    let log = server.read().world().logs.get(&key).cloned();
    let is_held = log.as_ref().is_some_and(|log| log.holds(cut.previous));
    if server.captured.is_some() && !is_held {
        let message = "this log was not looked at when this world was captured";
        return Err(ApiError::captured(403, message.to_owned()));
    }
    let whole = choose(&pod, &container, log, cut.previous)?;
    let body = cut.apply(&whole);
    if !call.flag("follow") || !running(&pod, &container) {
        return Ok(([(header::CONTENT_TYPE, "text/plain")], body).into_response());
    }
    // A world's log does not grow: following it means waiting for the end of the server.
    let (stop, first) = (server.stop.clone(), stream::iter([Ok(Bytes::from(body))]));
    let wait = stream::once(async move {
        stop.cancelled().await;
        Ok::<_, std::io::Error>(Bytes::new())
    });
    let body = Body::from_stream(futures::StreamExt::chain(first, wait));
    Ok(([(header::CONTENT_TYPE, "text/plain")], body).into_response())
}

fn names(pod: &Value, pointer: &str) -> Vec<String> {
    items(pod, pointer)
        .iter()
        .map(|container| text(container, "/name").to_owned())
        .collect()
}

/// The container to read, as the API server chooses it.
fn container(call: &Call, pod: &Value) -> Result<String, ApiError> {
    let pod_name = text(pod, "/metadata/name");
    let containers = names(pod, "/spec/containers");
    let init = names(pod, "/spec/initContainers");
    let ephemeral = names(pod, "/spec/ephemeralContainers");
    if let Some(asked) = call.param("container") {
        let known = [&containers, &init, &ephemeral]
            .iter()
            .any(|list| list.iter().any(|name| name == asked));
        return if known {
            Ok(asked.to_owned())
        } else {
            Err(ApiError::bad_request(format!(
                "container {asked} is not valid for pod {pod_name}"
            )))
        };
    }
    if let [only] = containers.as_slice() {
        return Ok(only.clone());
    }
    let mut message = format!(
        "a container name must be specified for pod {pod_name}, choose one of: [{}]",
        containers.join(" ")
    );
    if !init.is_empty() {
        message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
    }
    Err(ApiError::bad_request(message))
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    [
        "/status/containerStatuses",
        "/status/initContainerStatuses",
        "/status/ephemeralContainerStatuses",
    ]
    .iter()
    .flat_map(|pointer| items(pod, pointer))
    .find(|status| text(status, "/name") == container)
}

fn running(pod: &Value, container: &str) -> bool {
    status(pod, container).is_some_and(|status| status.pointer("/state/running").is_some())
}

/// The log text, or the message with which the kubelet refuses it.
fn choose(
    pod: &Value,
    container: &str,
    log: Option<ContainerLog>,
    previous: bool,
) -> Result<String, ApiError> {
    let log = log.unwrap_or_default();
    let pod_name = text(pod, "/metadata/name");
    let (kept, error) = if previous {
        (log.previous, log.previous_error)
    } else {
        (log.current, log.error)
    };
    if let Some(message) = error {
        return Err(ApiError::bad_request(message.trim_end().to_owned()));
    }
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let status = status(pod, container);
    let terminated = |pointer: &str| status.is_some_and(|status| status.pointer(pointer).is_some());
    let not_found = format!("previous terminated container {container:?} in pod {pod_name:?} not found");
    if previous {
        return if terminated("/lastState/terminated") {
            Ok(String::new())
        } else {
            Err(ApiError::bad_request(not_found))
        };
    }
    let Some(status) = status else {
        // Not scheduled yet: the real server answers an empty log.
        return if text(pod, "/spec/nodeName").is_empty() {
            Ok(String::new())
        } else {
            Err(ApiError::bad_request(format!(
                "container {container:?} in pod {pod_name:?} is not available"
            )))
        };
    };
    match status.pointer("/state/waiting") {
        Some(_) if status.pointer("/lastState/terminated").is_some() => Ok(String::new()),
        Some(waiting) => Err(ApiError::bad_request(waiting_message(
            container, pod_name, waiting,
        ))),
        None => Ok(String::new()),
    }
}

/// As `validateContainerLogStatus` of the kubelet words it.
fn waiting_message(container: &str, pod: &str, waiting: &Value) -> String {
    let reason = text(waiting, "/reason");
    match reason {
        "ErrImagePull" => {
            format!("container {container:?} in pod {pod:?} is waiting to start: image can't be pulled")
        }
        "ImagePullBackOff" => {
            format!(
                "container {container:?} in pod {pod:?} is waiting to start: trying and failing to pull image"
            )
        }
        _ => format!("container {container:?} in pod {pod:?} is waiting to start: {reason}"),
    }
}

impl Cut {
    fn of(call: &Call, now: Timestamp) -> Result<Self, ApiError> {
        let count = |name: &str| -> Result<Option<usize>, ApiError> {
            Ok(call.number(name)?.and_then(|number| usize::try_from(number).ok()))
        };
        let since_seconds = call.number("sinceSeconds")?;
        let since_time = call
            .param("sinceTime")
            .and_then(|text| text.parse::<Timestamp>().ok());
        let since = since_seconds
            .and_then(|seconds| now.checked_sub(SignedDuration::from_secs(seconds)).ok())
            .or(since_time);
        Ok(Self {
            previous: call.flag("previous"),
            timestamps: call.flag("timestamps"),
            since,
            tail_lines: count("tailLines")?,
            limit_bytes: count("limitBytes")?,
        })
    }

    fn apply(&self, whole: &str) -> String {
        let mut last = None;
        let mut lines: Vec<String> = Vec::new();
        for line in whole.split_inclusive('\n') {
            let (at, message) = split_stamp(line);
            // A line without its own timestamp belongs to the one before it.
            last = at.or(last);
            if let (Some(since), Some((at, _))) = (self.since, last)
                && at < since
            {
                continue;
            }
            lines.push(match (self.timestamps, at, last) {
                (true, None, Some((_, stamp))) => format!("{stamp} {line}"),
                (true, _, _) => line.to_owned(),
                (false, _, _) => message.to_owned(),
            });
        }
        let skipped = self.tail_lines.map_or(0, |tail| lines.len().saturating_sub(tail));
        let mut text = lines.split_off(skipped).concat();
        if let Some(limit) = self.limit_bytes {
            text.truncate(text.floor_char_boundary(limit));
        }
        text
    }
}

/// Splits the kubelet's timestamp (RFC 3339 with nine fractional digits and a space) from the message.
fn split_stamp(line: &str) -> (Option<(Timestamp, &str)>, &str) {
    let Some((stamp, message)) = line.split_once(' ') else {
        return (None, line);
    };
    if stamp.len() < 30 || stamp.as_bytes().get(10) != Some(&b'T') {
        return (None, line);
    }
    stamp
        .parse()
        .map_or((None, line), |at| (Some((at, stamp)), message))
}
