//! One request as the endpoints see it: parsed query, negotiated media types, caller, body. Knows no resource.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request};
use bytes::Bytes;
use http::{HeaderMap, Method, header};

use crate::api::access::User;
use crate::api::status::ApiError;

/// Largest accepted body, as the real server's.
const BODY_LIMIT_BYTES: usize = 3 * 1024 * 1024;

/// A parsed request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) user: Arc<User>,
    pub(crate) body: Bytes,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Call {
    /// Reads the whole request.
    pub(crate) async fn read(request: Request<Body>, user: User) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::bad_request(error.to_string()))?
            .0;
        let body = to_bytes(body, BODY_LIMIT_BYTES)
            .await
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            user: Arc::new(user),
            body,
            query,
            headers: parts.headers,
        })
    }

    /// The query parameter, `None` when absent or empty.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether the boolean query parameter is set.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query
            .iter()
            .any(|(key, value)| key == name && matches!(value.as_str(), "true" | "1" | ""))
    }

    /// The numeric query parameter; text that is no number is a 400.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.param(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::bad_request(format!(
                        "unable to parse query parameter {name}: strconv.ParseInt: parsing {text:?}: invalid syntax"
                    ))
                })
            })
            .transpose()
    }

    /// The `Accept` header, `*/*` when absent.
    pub(crate) fn accept(&self) -> &str {
        self.header(header::ACCEPT).unwrap_or("*/*")
    }

    /// The media type of the body without parameters.
    pub(crate) fn content_type(&self) -> &str {
        let whole = self.header(header::CONTENT_TYPE).unwrap_or("application/json");
        whole.split(';').next().unwrap_or(whole).trim()
    }

    /// Who writes, for managedFields: `fieldManager`, or the client's program name.
    pub(crate) fn manager(&self) -> String {
        let agent = self.header(header::USER_AGENT).unwrap_or("unknown");
        self.param("fieldManager")
            .unwrap_or_else(|| agent.split('/').next().unwrap_or(agent))
            .to_owned()
    }

    /// Whether the change is only rehearsed; any other value than `All` is a 400.
    pub(crate) fn dry_run(&self) -> Result<bool, ApiError> {
        match self.param("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(ApiError::bad_request(format!(
                "Invalid value: [{other:?}]: dryRun: Unsupported value: {other:?}: supported values: \"All\""
            ))),
        }
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
