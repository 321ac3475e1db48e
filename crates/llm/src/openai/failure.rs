//! What can go wrong in an exchange, and which of it may pass: rate limits, exhausted quotas, failing servers and
//! broken connections told apart by status and by the provider's error codes.

use std::time::Duration;

use async_openai::error::OpenAIError;
use serde_json::Value;

use super::quote::Quoter;
use crate::error::LlmError;

/// Codes and types of errors that say that there is no credit, whatever their status
/// (<https://platform.openai.com/docs/guides/error-codes>; the last two are those of Anthropic and of gateways).
const QUOTA_CODES: [&str; 5] = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_credits",
];

/// A failed attempt.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The endpoint answered with a status that is not a success.
    #[error("status {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// What the endpoint says about it.
        complaint: Complaint,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// The connection stayed silent for too long.
    #[error("no answer within {after:?}")]
    Silent {
        /// Time since the call began.
        after: Duration,
    },
    /// No connection, or a broken one.
    #[error("unreachable")]
    Unreachable {
        /// What the network said.
        detail: String,
    },
    /// The request could not be built.
    #[error("the request could not be built")]
    Unsendable,
    /// A success, but with an unusable body.
    #[error("{0}")]
    Unreadable(&'static str),
}

/// An endpoint's error body, read leniently.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    codes: Vec<String>,
    message: String,
}

impl Failure {
    /// A failure that an endpoint reports.
    pub(super) fn of_status(status: u16, body: Option<&Value>, retry_after: Option<Duration>) -> Self {
        let complaint = body.map(Complaint::read).unwrap_or_default();
        Self::Status {
            status,
            complaint,
            retry_after,
        }
    }

    /// A failure of the connection.
    pub(super) fn of_transport(error: &reqwest::Error, after: Duration) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Silent { after };
        }
        let mut cause: &(dyn std::error::Error + 'static) = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        Self::Unreachable {
            detail: cause.to_string().chars().take(120).collect(),
        }
    }

    /// The failure inside async-openai's error, where the exchange put it.
    pub(super) fn from_client(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(inner) => match inner.downcast::<Self>() {
                Ok(failure) => *failure,
                Err(_) => Self::Unsendable,
            },
            OpenAIError::InvalidArgument(_) => Self::Unsendable,
            _ => Self::Unreadable("the body cannot be read"),
        }
    }

    /// Whether another attempt may succeed. A silent model is not asked again: it is probably still at work on the
    /// first request, which is paid for.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status {
                status, complaint, ..
            } => !complaint.is_quota(*status) && matches!(*status, 408 | 425 | 429 | 500 | 502..=504 | 506..),
            Self::Unreachable { .. } => true,
            Self::Silent { .. } | Self::Unsendable | Self::Unreadable(_) => false,
        }
    }

    /// When the endpoint wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A word for logs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Status { status: 429, .. } => "rate_limited",
            Self::Status { .. } => "status",
            Self::Silent { .. } => "timeout",
            Self::Unreachable { .. } | Self::Unsendable => "unreachable",
            Self::Unreadable(_) => "bad_answer",
        }
    }

    /// The error that callers see.
    pub(super) fn into_error(self, quoter: &Quoter<'_>) -> LlmError {
        match self {
            Self::Status {
                status,
                complaint,
                retry_after,
            } => complaint.into_error(status, retry_after, quoter),
            Self::Silent { after } => LlmError::Timeout { after },
            Self::Unreachable { detail } => LlmError::Unreachable { detail },
            Self::Unsendable => LlmError::Unreachable {
                detail: "the request could not be built".to_owned(),
            },
            Self::Unreadable(what) => LlmError::BadAnswer {
                detail: what.to_owned(),
            },
        }
    }
}

impl Complaint {
    /// Reads `{"error": {"message", "type", "code"}}`, an array of such, and the flat forms of other servers.
    fn read(body: &Value) -> Self {
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").unwrap_or(body);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let codes = ["code", "type", "status"]
            .iter()
            .filter_map(|field| error.get(field).and_then(text));
        let message = ["message", "detail"]
            .iter()
            .find_map(|field| error.get(field).and_then(text));
        Self {
            codes: codes.collect(),
            message: message.or_else(|| text(error)).unwrap_or_default(),
        }
    }

    /// 402 is "payment required"; else the codes decide, because a 429 may mean either.
    fn is_quota(&self, status: u16) -> bool {
        status == 402 || self.codes.iter().any(|code| QUOTA_CODES.contains(&code.as_str()))
    }

    fn into_error(self, status: u16, retry_after: Option<Duration>, quoter: &Quoter<'_>) -> LlmError {
        let detail = quoter.quote(&self.codes, &self.message);
        match status {
            _ if self.is_quota(status) => LlmError::Quota { detail },
            429 => LlmError::RateLimited { retry_after },
            408 | 500.. => LlmError::ServerError { status, detail },
            _ => LlmError::Refused4xx { status, detail },
        }
    }
}
