//! What handlers take from a request, with errors in the service's own form: the body, ids of the path, query
//! parameters. It must not know what they mean.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::{EvidenceId, InvestigationId};

use crate::error::ApiError;

/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Characters of a parameter's name that an error repeats.
const NAME_LIMIT: usize = 60;

/// The whole body, within the limit.
pub(crate) struct Payload(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let reading = Bytes::from_request(request, state);
        match tokio::time::timeout(BODY_DEADLINE, reading).await {
            Ok(Ok(body)) => Ok(Self(body)),
            Ok(Err(refused)) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(ApiError::TooLarge),
            Ok(Err(_)) => Err(ApiError::UnreadableBody),
            Err(_) => Err(ApiError::TooSlow),
        }
    }
}

/// The investigation that a path names. It need not exist.
pub(crate) struct InvestigationPath(pub(crate) InvestigationId);

impl<S: Send + Sync> FromRequestParts<S> for InvestigationPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => investigation(&id).map(Self),
            Err(_) => Err(no_investigation()),
        }
    }
}

/// The evidence that a path names. It need not exist.
pub(crate) struct EvidencePath(pub(crate) InvestigationId, pub(crate) EvidenceId);

impl<S: Send + Sync> FromRequestParts<S> for EvidencePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<(String, String)>::from_request_parts(parts, state).await {
            Ok(Path((id, evidence))) => Ok(Self(investigation(&id)?, EvidenceId(evidence))),
            Err(_) => Err(no_investigation()),
        }
    }
}

/// The error for an investigation that is not there.
pub(crate) fn no_investigation() -> ApiError {
    ApiError::NotFound {
        what: "investigation",
    }
}

fn investigation(text: &str) -> Result<InvestigationId, ApiError> {
    text.parse().map_err(|_| no_investigation())
}

/// The query parameters, in their order.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(_) => Err(ApiError::parameter("query", "cannot be read")),
        }
    }
}

impl Parameters {
    /// Refuses parameters that are not among `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(NAME_LIMIT).collect();
                let known = known.join(", ");
                Err(ApiError::parameter(
                    &shown,
                    format!("is not known; known are {known}"),
                ))
            }
        }
    }

    /// The value of a parameter, if it is given; `expected` says what it must be.
    pub(crate) fn get<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let Some((_, value)) = self.0.iter().find(|(given, _)| given == name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(ApiError::parameter(name, format!("expected {expected}"))),
        }
    }
}
