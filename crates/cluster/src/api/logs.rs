//! Container logs: the tail of the current or the previous instance, redacted line by line.

use domain::Redacted;
use jiff::Timestamp;

use crate::api::client::{ClusterReader, Failure, escape};
use crate::api::look::Look;

/// Most bytes of a log that one read takes.
const LIMIT_BYTES: usize = 512 * 1024;

/// Names a container whose log is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSource {
    /// Namespace of the pod.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container, init containers included.
    pub container: String,
    /// The instance before the running one.
    pub previous: bool,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the container wrote it, by the kubelet's clock.
    pub at: Option<Timestamp>,
    /// The line, redacted.
    pub text: Redacted,
}

impl ClusterReader {
    /// The last `tail` lines of a container's log. An empty log is `Empty`.
    pub async fn log(&self, source: &LogSource, tail: usize) -> Look<Vec<LogLine>> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}/log?container={}&tailLines={tail}&limitBytes={LIMIT_BYTES}&timestamps=true&previous={}",
            source.namespace,
            source.pod,
            escape(&source.container),
            source.previous,
        );
        let answer = self.text(&path, "*/*").await;
        if let Some(recorder) = self.recorder() {
            let text = answer.as_ref().map(AsRef::as_ref);
            recorder.log(source, text, self.redactor());
        }
        match answer {
            Ok(text) if text.trim().is_empty() => Look::Empty,
            Ok(text) => Look::Found(text.lines().map(|line| self.line(line)).collect()),
            Err(Failure::NotFound) => Look::Empty,
            Err(Failure::Blind(blind)) => Look::CouldNotLook(blind),
        }
    }

    fn line(&self, line: &str) -> LogLine {
        let stamped = line
            .split_once(' ')
            .and_then(|(time, rest)| Some((time.parse::<Timestamp>().ok()?, rest)));
        match stamped {
            Some((at, rest)) => LogLine {
                at: Some(at),
                text: self.redactor().redact(rest),
            },
            None => LogLine {
                at: None,
                text: self.redactor().redact(line),
            },
        }
    }
}
