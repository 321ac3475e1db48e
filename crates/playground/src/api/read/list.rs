//! Lists: selection, paging with continue tokens, resource versions.

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::call::Call;
use crate::api::discovery::respond_text;
use crate::api::read::list_metadata;
use crate::api::read::representation::{Painter, Representation};
use crate::api::read::selector::Selector;
use crate::api::route::Endpoint;
use crate::api::status::ApiError;
use crate::api::store::Store;

const CONTINUE_EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. \
You can start a new list without the continue parameter, or use the continue token in this response to retrieve \
the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that \
were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// Where a paged list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    version: u64,
    /// Namespace and name of the last object sent.
    after: (String, String),
}

/// Answers a list.
pub(crate) fn answer(server: &ApiServer, call: &Call, endpoint: &Endpoint) -> Result<Response, ApiError> {
    let representation = Representation::negotiate(call)?;
    let selector = Selector::of(call, endpoint)?;
    let limit = call
        .number("limit")?
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0);
    let painter = Painter::new(server, &endpoint.resource, representation);
    let store = server.read();
    let cursor = call.param("continue").map(Cursor::parse).transpose()?;
    let version = list_version(&store, call, cursor.as_ref())?;
    let resource = &endpoint.resource;
    let kind = (resource.stored_group(), resource.kind.as_str());
    let namespace = (!endpoint.namespace.is_empty()).then_some(endpoint.namespace.as_str());
    let undone = store
        .changes_after(version, kind.0, kind.1)
        .ok_or_else(|| ApiError::expired(CONTINUE_EXPIRED))?;
    let mut selected = store
        .list_at(version, kind, namespace, &undone)
        .into_iter()
        .filter(|(key, _)| {
            cursor
                .as_ref()
                .is_none_or(|cursor| cursor.before(&key.namespace, &key.name))
        })
        .filter(|(_, object)| selector.matches(object));
    let mut metadata = list_metadata(version);
    let mut page: Vec<_> = selected.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let remaining = selected.count();
    if let (true, Some((last, _))) = (remaining > 0, page.last()) {
        let next = Cursor {
            version,
            after: (last.namespace.clone(), last.name.clone()),
        };
        metadata["continue"] = json!(next.token());
        // The real server counts only when no selector could make the count wrong.
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    server
        .weather
        .reorder(&mut page, |(key, _)| format!("{}/{}", key.namespace, key.name));
    Ok(respond_text(
        painter.many(page.into_iter().map(|(_, object)| object), metadata),
    ))
}

fn list_version(store: &Store, call: &Call, cursor: Option<&Cursor>) -> Result<u64, ApiError> {
    if let Some(cursor) = cursor {
        return Ok(cursor.version.min(store.version()));
    }
    let asked = version_param(call)?.unwrap_or(0);
    if asked > store.version() {
        return Err(ApiError::too_large_version(asked, store.version()));
    }
    match call.param("resourceVersionMatch") {
        Some("Exact") if asked < store.oldest() => Err(ApiError::expired(&format!(
            "The resourceVersion for the provided list is too old: {asked} ({})",
            store.oldest()
        ))),
        Some("Exact") => Ok(asked),
        _ => Ok(store.version()),
    }
}

/// The `resourceVersion` parameter, `None` when absent.
pub(crate) fn version_param(call: &Call) -> Result<Option<u64>, ApiError> {
    let Some(text) = call.param("resourceVersion") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

impl Cursor {
    fn before(&self, namespace: &str, name: &str) -> bool {
        (self.after.0.as_str(), self.after.1.as_str()) < (namespace, name)
    }

    fn token(&self) -> String {
        let start = format!("{}/{}\u{0}", self.after.0, self.after.1);
        let token = json!({ "v": "meta.k8s.io/v1", "rv": self.version, "start": start });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn parse(token: &str) -> Result<Self, ApiError> {
        let invalid = || ApiError::bad_request("continue key is not valid: invalid continue token");
        let decoded = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let parsed: Value = serde_json::from_slice(&decoded).map_err(|_| invalid())?;
        let version = parsed.get("rv").and_then(Value::as_u64).ok_or_else(invalid)?;
        let start = parsed.get("start").and_then(Value::as_str).ok_or_else(invalid)?;
        let (namespace, name) = start
            .trim_end_matches('\u{0}')
            .split_once('/')
            .ok_or_else(invalid)?;
        Ok(Self {
            version,
            after: (namespace.to_owned(), name.to_owned()),
        })
    }
}
