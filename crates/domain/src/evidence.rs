//! Evidence: what a look at the cluster returned, as typed facts plus the text that was shown.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::EvidenceId;
use crate::object::ObjectRef;
use crate::redaction::Redacted;

/// One typed observation about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The object that the fact is about.
    pub object: ObjectRef,
    /// Field path (`spec.storageClassName`, `status.containerStatuses[api].restartCount`), or a computed path
    /// that names its computation (`events[FailedMount].message`, `log[api].line`).
    pub path: String,
    /// The value as text, redacted.
    pub value: Redacted,
    /// When it became true, where the API says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// What was asked of the cluster: a kind, and a name or a selector or everything of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Kind that was looked for.
    pub kind: String,
    /// Namespace; empty for cluster-scoped kinds or a list of all namespaces.
    pub namespace: String,
    /// Name, when one object was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Label or field selector, when one limited the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

impl Scope {
    /// The scope of a single object.
    pub fn object(object: &ObjectRef) -> Self {
        Self {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: Some(object.name.clone()),
            selector: None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, " in {}", self.namespace)?;
        }
        match (&self.name, &self.selector) {
            (Some(name), _) => write!(f, " named {name}"),
            (None, Some(selector)) => write!(f, " with {selector}"),
            (None, None) => Ok(()),
        }
    }
}

/// One question put to the cluster and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// What was asked.
    pub scope: Scope,
    /// How it ended.
    pub outcome: LookupOutcome,
}

/// How a look ended. Only `Empty` proves absence, and only of exactly its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupOutcome {
    /// Something was there.
    Found,
    /// A complete, permitted look found nothing.
    Empty,
    /// The look failed, was forbidden or was cut short.
    CouldNotLook,
}

/// Result of a tool as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It looked and there is something.
    Found,
    /// It looked and there is nothing.
    Empty,
    /// It could not look: a gap, never a cause.
    CouldNotLook {
        /// Why not.
        reason: NotLooked,
        /// The server's or transport's words.
        message: Redacted,
    },
}

/// Why something could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotLooked {
    /// The API server refused (401, 403).
    Forbidden,
    /// No answer from the source (connection, TLS, DNS).
    Unreachable,
    /// The deadline passed.
    TimedOut,
    /// The source is not there: no metrics endpoint, an API group that is not installed.
    NotConfigured,
    /// The source answered with something else than expected.
    Failed,
}

impl fmt::Display for NotLooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "forbidden",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed out",
            Self::NotConfigured => "not configured",
            Self::Failed => "failed",
        })
    }
}

/// A stored tool result. It is written to the ledger before a model sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Id within the investigation.
    pub id: EvidenceId,
    /// Tool that produced it (`triage` for what triage read).
    pub tool: String,
    /// Arguments of the call, as JSON text.
    pub arguments: Redacted,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it was collected.
    pub at: Timestamp,
    /// Typed facts that claims can cite.
    pub facts: Vec<Fact>,
    /// What was looked for, for claims of absence.
    pub lookups: Vec<Lookup>,
    /// Exactly the text that a model was shown.
    pub shown: Redacted,
    /// True when the text was cut to its bound.
    pub truncated: bool,
}

/// Most bytes of one fact's value in the text.
const VALUE_LIMIT: usize = 420;

/// Evidence as text: facts grouped under a `# object` line, then looks, then notes; at most about `limit` bytes.
/// The flag tells whether facts were left out.
pub fn render(
    outcome: &Outcome,
    facts: &[Fact],
    lookups: &[Lookup],
    notes: &[Redacted],
    limit: usize,
) -> (Redacted, bool) {
    let mut text = String::new();
    if let Outcome::CouldNotLook { reason, message } = outcome {
        text.push_str(&format!(
            "COULD NOT LOOK ({reason}): {message}. This proves neither presence nor absence.\n"
        ));
    }
    let newest = facts.iter().filter_map(|fact| fact.time).max();
    let mut last: Option<&ObjectRef> = None;
    let mut shown = 0;
    for fact in facts {
        let mut line = String::new();
        if last != Some(&fact.object) {
            line.push_str(&format!("# {}\n", fact.object));
        }
        let time = fact.time.map_or_else(String::new, |time| {
            format!(" @{}", time.strftime(moment_format(time, newest)))
        });
        line.push_str(&format!(
            "{} = {}{time}\n",
            fact.path,
            fact.value.truncated(VALUE_LIMIT)
        ));
        if text.len() + line.len() > limit {
            break;
        }
        last = Some(&fact.object);
        text.push_str(&line);
        shown += 1;
    }
    let truncated = shown < facts.len();
    if truncated {
        text.push_str(&format!("… {} more facts: evidence_read\n", facts.len() - shown));
    }
    for lookup in lookups {
        let outcome = match lookup.outcome {
            LookupOutcome::Found => continue,
            LookupOutcome::Empty => "ABSENT (complete look)",
            LookupOutcome::CouldNotLook => "could not look",
        };
        text.push_str(&format!("look for {}: {outcome}\n", lookup.scope));
    }
    for note in notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if text.is_empty() {
        text.push_str("nothing there\n");
    }
    (Redacted::trusted(text.trim_end()), truncated)
}

/// How a time is written: the year is left out unless it lies far before the newest of its kind.
fn moment_format(time: Timestamp, newest: Option<Timestamp>) -> &'static str {
    const FAR: jiff::SignedDuration = jiff::SignedDuration::from_hours(300 * 24);
    if newest.is_some_and(|newest| newest.duration_since(time) > FAR) {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%m-%dT%H:%M:%SZ"
    }
}
