//! What can be wrong with a payload. The texts are meant for the sender: they name the field and nothing of the
//! inside, and what they repeat of the payload is redacted.

use std::fmt;

use domain::Redacted;

/// A payload that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The bytes are no JSON document.
    #[error("line {line}, column {column}: not valid JSON: {reason}")]
    Json {
        /// Line, counted from 1.
        line: usize,
        /// Column in bytes, counted from 1; 0 at the start of a line.
        column: usize,
        /// What the parser expected.
        reason: String,
    },
    /// A field does not hold what it must.
    #[error("{path}: {problem}")]
    Field {
        /// Where, as in `alerts[1].startsAt`; `payload` for the whole.
        path: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl From<serde_json::Error> for PayloadError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        Self::Json {
            line: error.line(),
            column: error.column(),
            reason: reason.to_owned(),
        }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is absent or `null`.
    Missing,
    /// It is a list or text of length 0.
    Empty,
    /// It has another JSON type.
    WrongType {
        /// The type that it must have.
        expected: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// It has another value.
    Unexpected {
        /// What is accepted.
        expected: &'static str,
        /// What was found, as JSON, redacted and shortened.
        found: Redacted,
    },
    /// It is no time of RFC 3339.
    NotATime,
    /// It has more entries than are accepted.
    TooMany {
        /// How many it has.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Empty => f.write_str("is empty"),
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Unexpected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::NotATime => f.write_str("not an RFC 3339 time"),
            Self::TooMany { count, limit } => {
                write!(f, "has {count} entries, at most {limit} are accepted")
            }
        }
    }
}
