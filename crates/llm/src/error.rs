//! Why a model did not answer. Messages are short and hold neither key nor prompt.

use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// Too many requests or tokens for now (429), after the retries.
    #[error("the model endpoint limits the rate of requests")]
    RateLimited {
        /// When it may be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The account has no credit left, or billing is not set up. Waiting does not help.
    #[error("the account of the model endpoint has no quota left{}", after_colon(.detail))]
    Quota {
        /// The provider's words.
        detail: String,
    },
    /// The endpoint failed (5xx), after the retries.
    #[error("the model endpoint failed with status {status}{}", after_colon(.detail))]
    ServerError {
        /// HTTP status.
        status: u16,
        /// The provider's words.
        detail: String,
    },
    /// No answer in time.
    #[error("the model did not answer within {:.1} s", .after.as_secs_f64())]
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The endpoint could not be connected to, or the connection broke, after the retries.
    #[error("the model endpoint is unreachable{}", after_colon(.detail))]
    Unreachable {
        /// What the network said.
        detail: String,
    },
    /// An answer came, but it is not one of a chat model.
    #[error("the model endpoint answered something else{}", after_colon(.detail))]
    BadAnswer {
        /// What is wrong with it.
        detail: String,
    },
    /// The endpoint rejected the request (4xx), or redirected it, which is not followed.
    #[error("the model endpoint rejected the request with status {status}{}", after_colon(.detail))]
    Refused4xx {
        /// HTTP status.
        status: u16,
        /// The provider's words.
        detail: String,
    },
    /// The transcript was recorded with another prompt or other tools.
    #[error("the transcript is stale: the {what} of `{stream}` changed since it was recorded")]
    Stale {
        /// Stream of the call.
        stream: String,
        /// What differs: `system prompt` or `tool schemas`.
        what: &'static str,
    },
    /// The transcript or script has no answer for this call.
    #[error("no answer is recorded for turn {turn} of `{stream}`")]
    NotRecorded {
        /// Stream of the call.
        stream: String,
        /// Its turn.
        turn: u32,
    },
}

impl LlmError {
    /// The stable word for this kind of failure, as events and metrics carry it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Quota { .. } => "quota",
            Self::ServerError { .. } => "server_error",
            Self::Timeout { .. } => "timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::BadAnswer { .. } => "bad_answer",
            Self::Refused4xx { .. } => "rejected",
            Self::Stale { .. } | Self::NotRecorded { .. } => "stale",
        }
    }
}

fn after_colon(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    }
}
