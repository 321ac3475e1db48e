//! The demo's answer beside the expected one. The only place where diagnosis and truth meet.

use std::collections::BTreeSet;

use domain::Report;
use playground::cases::Case;
use playground::faults::Truth;
use serde::Serialize;

/// The answer of a demo, as `-o json` shows it.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    case: &'static str,
    title: &'static str,
    expected: Expected,
    matched: bool,
    /// What the investigation wrote.
    pub(super) report: Report,
}

/// What is true of the world.
#[derive(Debug, Serialize)]
struct Expected {
    verdict: &'static str,
    root_causes: Vec<ExpectedCause>,
}

#[derive(Debug, Serialize)]
struct ExpectedCause {
    object: ExpectedObject,
    mechanism: &'static str,
}

#[derive(Debug, Serialize)]
struct ExpectedObject {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Answer {
    /// Compares a report with the truth.
    pub(super) fn new(case: &'static Case, truth: &Truth, report: Report) -> Self {
        let expected = Expected::of(truth);
        let found: BTreeSet<Key<'_>> = report
            .root_causes
            .iter()
            .map(|cause| {
                let object = &cause.object;
                let mechanism = cause.mechanism.as_str();
                (&*object.kind, &*object.namespace, &*object.name, mechanism)
            })
            .collect();
        let matched = report.verdict.to_string() == expected.verdict && found == expected.keys();
        Self {
            case: case.id,
            title: case.title,
            expected,
            matched,
            report,
        }
    }

    /// The report for a terminal.
    pub(super) fn text(&self) -> String {
        server::report::text(&self.report)
    }

    /// Whether it is what was to be found out, in a line.
    pub(super) fn outcome(&self) -> String {
        let causes: Vec<String> = self
            .expected
            .root_causes
            .iter()
            .map(ExpectedCause::line)
            .collect();
        let expected = match causes.as_slice() {
            [] => self.expected.verdict.to_owned(),
            causes => causes.join("; "),
        };
        let matched = if self.matched { "matched" } else { "NOT matched" };
        format!("Expected: {expected}. {matched}.")
    }
}

/// Kind, namespace, name and mechanism; groups do not count, since people leave them out.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Expected {
    fn of(truth: &Truth) -> Self {
        let causes = truth.root_causes.iter().map(|cause| ExpectedCause {
            object: ExpectedObject {
                group: cause.object.group.clone(),
                kind: cause.object.kind.clone(),
                namespace: cause.object.namespace.clone(),
                name: cause.object.name.clone(),
            },
            mechanism: cause.mechanism,
        });
        Self {
            verdict: truth.verdict,
            root_causes: causes.collect(),
        }
    }

    fn keys(&self) -> BTreeSet<Key<'_>> {
        self.root_causes
            .iter()
            .map(|cause| {
                let object = &cause.object;
                (&*object.kind, &*object.namespace, &*object.name, cause.mechanism)
            })
            .collect()
    }
}

impl ExpectedCause {
    fn line(&self) -> String {
        let ExpectedObject {
            kind,
            namespace,
            name,
            ..
        } = &self.object;
        let place = if namespace.is_empty() {
            String::new()
        } else {
            format!("{namespace}/")
        };
        format!("{kind} {place}{name}, {}", self.mechanism)
    }
}
