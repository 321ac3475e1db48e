//! How a command fails, and with which exit code. Must not know who prints it.

use std::fmt;

/// Why a command did not do its work. The text is one sentence for the person at the terminal.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Arguments, configuration, or an object on the command line that does not resolve.
    Usage(String),
    /// The work was begun and did not succeed.
    Failed(anyhow::Error),
    /// Something that the work stands on is missing: a port, a database, a runtime.
    Infrastructure(anyhow::Error),
}

impl Failure {
    /// A mistake of the caller.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Work that did not succeed.
    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(error.into())
    }

    /// A missing foundation.
    pub(crate) fn infrastructure(error: impl Into<anyhow::Error>) -> Self {
        Self::Infrastructure(error.into())
    }

    /// 1 failed, 2 usage, 3 infrastructure; a report that was written is 0 and no failure.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Infrastructure(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Failed(error) | Self::Infrastructure(error) => write!(f, "{error:#}"),
        }
    }
}
