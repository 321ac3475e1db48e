//! What happens, in one line each, for a person who waits at a terminal. Must not know where events come from.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _};

use domain::{Event, EventBody, InvestigationId};
use store::Store;

use crate::out;

/// Events that are read at once.
const PAGE: u32 = 200;

/// Shows events on stderr, or nothing when nobody watches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// Shown only when stderr is a terminal.
    pub(crate) fn to_terminal() -> Self {
        Self {
            shown: io::stderr().is_terminal(),
        }
    }

    /// Shows an event if it is worth a line.
    pub(crate) fn event(self, event: &Event) {
        if let Some(line) = line(event).filter(|_| self.shown) {
            out::remark(&format!("  {line}"));
        }
    }

    /// Shows a remark.
    pub(crate) fn say(self, line: &str) {
        if self.shown {
            out::remark(line);
        }
    }

    /// Shows the events of an investigation as they are stored; never ends.
    pub(crate) async fn follow(self, store: &Store, id: InvestigationId) -> Infallible {
        let mut hints = store.subscribe();
        let mut cursor = 0;
        if !self.shown {
            return std::future::pending().await;
        }
        while let Ok(events) = store.events_after(id, cursor, PAGE).await {
            for (position, event) in &events {
                self.event(event);
                cursor = *position;
            }
            if events.is_empty() {
                // A hint that was missed only delays a line.
                hints.recv().await.ok();
            }
        }
        std::future::pending().await
    }
}

/// The line of an event; `None` when it says nothing to a person.
fn line(event: &Event) -> Option<String> {
    let stream = &event.stream;
    Some(match &event.body {
        EventBody::Opened { subject, .. } => format!("opened: {}", subject.title()),
        EventBody::Started { epoch } if *epoch > 1 => format!("taken up again, attempt {epoch}"),
        EventBody::Briefed { brief } => format!("triage: {}, {}", brief.verdict, brief.headline),
        EventBody::AgentStarted { .. } => format!("{stream} begins"),
        EventBody::ModelAnswered { turn, calls, .. } if !calls.is_empty() => {
            let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
            format!("{stream} turn {turn}: {}", names.join(", "))
        }
        EventBody::ModelFailed { kind, .. } => format!("{stream}: the model failed ({kind})"),
        EventBody::FindingReported { .. } => format!("{stream} reports what it found"),
        EventBody::Concluded { .. } => format!("{stream} concludes"),
        EventBody::Gated { cut, .. } if cut.is_empty() => "gate: every claim stands".to_owned(),
        EventBody::Gated { cut, .. } => format!("gate: {} claims cut", cut.len()),
        EventBody::AgentEnded { reason, .. } if reason != "done" => format!("{stream} ends: {reason}"),
        EventBody::GapNoted { gap } => format!("not seen: {} ({})", gap.what, gap.reason),
        EventBody::Reported { report } => format!("report: {}", report.verdict),
        _ => return None,
    })
}
