//! What a caller is told when something goes wrong: a status, a stable code and a message. What happened inside is
//! logged here, once, and not sent.

use std::error::Error;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use intake::PayloadError;
use serde::Serialize;
use store::{Status, StoreError};

/// Seconds after which a caller should try again when the store does not answer.
const RETRY_AFTER_S: &str = "5";

/// An answer that is no success. The texts are the messages that are sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The body is no JSON.
    #[error("{message}")]
    InvalidJson { message: String },
    /// A field of the body does not hold what it must.
    #[error("{field}: {problem}")]
    InvalidPayload { field: String, problem: String },
    /// A query parameter or header does not hold what it must.
    #[error("{field}: {problem}")]
    InvalidParameter { field: String, problem: String },
    /// The body could not be read to its end.
    #[error("the body could not be read")]
    UnreadableBody,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The body is too large.
    #[error("the body is larger than is accepted")]
    TooLarge,
    /// No credentials, or wrong ones.
    #[error("credentials are missing or wrong")]
    Unauthorized,
    /// There is no such thing.
    #[error("there is no such {what}")]
    NotFound { what: &'static str },
    /// A report was asked for that is not there.
    #[error("there is no report: the investigation is {status}")]
    NoReport { status: Status },
    /// The route has no such method.
    #[error("this method is not allowed here")]
    MethodNotAllowed,
    /// The store failed.
    #[error("the request could not be served; try again later")]
    Store(Box<StoreError>),
    /// A handler panicked.
    #[error("the request could not be served")]
    Panicked,
}

/// The JSON form of an error.
#[derive(Debug, Serialize)]
struct Body<'a> {
    error: Told<'a>,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl ApiError {
    /// A field of the body that does not hold what it must.
    pub(crate) fn payload(field: &str, problem: impl Into<String>) -> Self {
        Self::InvalidPayload {
            field: field.to_owned(),
            problem: problem.into(),
        }
    }

    /// A query parameter or header that does not hold what it must.
    pub(crate) fn parameter(field: &str, problem: impl Into<String>) -> Self {
        Self::InvalidParameter {
            field: field.to_owned(),
            problem: problem.into(),
        }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().0
    }

    /// Status and stable code.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidJson { .. } => (StatusCode::BAD_REQUEST, "invalid_json"),
            Self::InvalidPayload { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_payload"),
            Self::InvalidParameter { .. } => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Self::UnreadableBody => (StatusCode::BAD_REQUEST, "unreadable_body"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "timeout"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Self::NoReport { .. } => (StatusCode::NOT_FOUND, "no_report"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Store(error) if is_permanent(error) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::InvalidPayload { field, .. } | Self::InvalidParameter { field, .. } => Some(field),
            _ => None,
        }
    }

    fn log(&self) {
        match self {
            Self::Store(source) => {
                let error: &(dyn Error + 'static) = &**source;
                tracing::error!(error, "the store failed");
            }
            Self::Panicked => tracing::error!("a handler panicked"),
            _ => {}
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let (status, code) = self.kind();
        let error = Told {
            code,
            message: self.to_string(),
            field: self.field(),
        };
        let mut response = (status, Json(Body { error })).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Json { .. } => Self::InvalidJson {
                message: error.to_string(),
            },
            PayloadError::Field { path, problem } => Self::InvalidPayload {
                field: path,
                problem: problem.to_string(),
            },
        }
    }
}

/// True when trying again will not help.
fn is_permanent(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt { .. } | StoreError::Encode { .. })
}
