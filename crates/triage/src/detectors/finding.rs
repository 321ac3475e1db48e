//! Builds signals: the few lines that every detector would repeat.

use cluster::{ClusterView, Object};
use domain::{Fact, MechanismId, ObjectRef, Params, Redacted, Severity, Signal};
use jiff::Timestamp;

/// A signal under construction.
pub(crate) struct SignalBuilder {
    signal: Signal,
}

/// Starts a signal of a detector on an object.
pub(crate) fn signal(detector: &str, object: &ObjectRef, message: &str) -> SignalBuilder {
    SignalBuilder {
        signal: Signal {
            detector: detector.to_owned(),
            object: object.clone(),
            mechanism: None,
            severity: Severity::Warning,
            onset: None,
            message: Redacted::trusted(message),
            params: Params::default(),
            certainty: 0.0,
            affects: Vec::new(),
            facts: Vec::new(),
            lookups: Vec::new(),
            evidence: None,
            ongoing: true,
        },
    }
}

impl SignalBuilder {
    /// Names the mechanism; an id that the catalogue lacks leaves a symptom (a test visits every detector's id).
    pub(crate) fn mechanism(mut self, id: &str, certainty: f64) -> Self {
        self.signal.mechanism = id.parse::<MechanismId>().ok();
        self.signal.certainty = certainty;
        self
    }

    /// Replaces the sentence.
    pub(crate) fn say(mut self, message: &str) -> Self {
        self.signal.message = Redacted::trusted(message);
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.signal.severity = severity;
        self
    }

    pub(crate) fn onset(mut self, onset: Option<Timestamp>) -> Self {
        self.signal.onset = onset;
        self
    }

    pub(crate) fn ongoing(mut self, ongoing: bool) -> Self {
        self.signal.ongoing = ongoing;
        self
    }

    pub(crate) fn params(mut self, field: &str, found: &str, expected: Option<&str>) -> Self {
        self.signal.params.field = Some(field.to_owned());
        self.signal.params.found = Some(Redacted::trusted(found));
        self.signal.params.expected = expected.map(Redacted::trusted);
        self
    }

    pub(crate) fn param(mut self, name: &str, value: &str) -> Self {
        self.signal
            .params
            .more
            .insert(name.to_owned(), Redacted::trusted(value));
        self
    }

    pub(crate) fn affects(mut self, objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        self.signal.affects.extend(objects);
        self.signal.affects.sort();
        self.signal.affects.dedup();
        self
    }

    /// Adds the facts at these paths of an object, where they exist.
    pub(crate) fn facts<'a>(mut self, object: &Object, paths: impl IntoIterator<Item = &'a str>) -> Self {
        self.signal
            .facts
            .extend(paths.into_iter().filter_map(|path| object.fact(path)));
        self
    }

    pub(crate) fn fact(mut self, fact: Option<Fact>) -> Self {
        self.signal.facts.extend(fact);
        self
    }

    /// Adds a computed fact.
    pub(crate) fn computed(
        mut self,
        object: &ObjectRef,
        path: &str,
        value: &str,
        time: Option<Timestamp>,
    ) -> Self {
        self.signal.facts.push(Fact {
            object: object.clone(),
            path: path.to_owned(),
            value: Redacted::trusted(value),
            time,
        });
        self
    }

    /// Adds how the look for an object ended.
    pub(crate) fn lookup(mut self, view: &ClusterView, object: &ObjectRef) -> Self {
        self.signal.lookups.push(view.lookup(object));
        self
    }

    pub(crate) fn build(self) -> Signal {
        self.signal
    }
}

/// The fact that an event says something about an object: `events[reason].message`, dated by its last time.
pub(crate) fn event_fact(event: &Object) -> Fact {
    let text = |path: &str| event.str(path);
    let object = ObjectRef::of(
        text("involvedObject.kind"),
        text("involvedObject.namespace"),
        text("involvedObject.name"),
    );
    Fact {
        object,
        path: format!("events[{}].message", text("reason")),
        value: Redacted::trusted(text("message")),
        time: cluster::view::event_time(event),
    }
}
