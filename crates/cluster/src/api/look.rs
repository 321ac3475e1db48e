//! The tri-state result of every read.

use domain::{Gap, NotLooked, Redacted};

/// What came of a look: something, provably nothing, or no look at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Look<T> {
    /// It is there.
    Found(T),
    /// A complete, permitted look found nothing.
    Empty,
    /// No look was possible.
    CouldNotLook(Blind),
}

/// Why no look was possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blind {
    /// Kind of obstacle.
    pub reason: NotLooked,
    /// The source's words, redacted and bounded.
    pub message: Redacted,
}

impl Blind {
    /// The configuration does not name the purpose for which data of a Secret would be read.
    pub(crate) fn purpose(name: &str) -> Self {
        Self {
            reason: NotLooked::NotConfigured,
            message: Redacted::trusted(&format!("cluster.secret_data does not name `{name}`")),
        }
    }

    /// The gap that this leaves in a report.
    pub fn gap(&self, what: &str, next_command: Option<String>) -> Gap {
        Gap {
            what: what.to_owned(),
            reason: self.reason,
            message: self.message.clone(),
            next_command,
        }
    }
}

impl<T> Look<T> {
    /// What was found.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Empty | Self::CouldNotLook(_) => None,
        }
    }

    /// Applies a function to what was found.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Look<U> {
        match self {
            Self::Found(value) => Look::Found(f(value)),
            Self::Empty => Look::Empty,
            Self::CouldNotLook(blind) => Look::CouldNotLook(blind),
        }
    }

    /// A borrowed view.
    pub fn as_ref(&self) -> Look<&T> {
        match self {
            Self::Found(value) => Look::Found(value),
            Self::Empty => Look::Empty,
            Self::CouldNotLook(blind) => Look::CouldNotLook(blind.clone()),
        }
    }

    /// How it ended, for claims of absence.
    pub fn outcome(&self) -> domain::LookupOutcome {
        match self {
            Self::Found(_) => domain::LookupOutcome::Found,
            Self::Empty => domain::LookupOutcome::Empty,
            Self::CouldNotLook(_) => domain::LookupOutcome::CouldNotLook,
        }
    }
}
