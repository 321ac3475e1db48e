//! Events, evidence and reports with something in every part that the store treats.

use domain::report::REPORT_VERSION;
use domain::{
    Confidence, ConfidenceLevel, EventBody, Evidence, EvidenceId, Fact, Gap, IncidentState, InvestigationId,
    Lookup, LookupOutcome, NotLooked, ObjectRef, Outcome, Redacted, Report, ReportKind, Scope, Usage,
    Verdict,
};
use jiff::Timestamp;

/// A small event that is told by its text.
pub(crate) fn gap(what: &str) -> EventBody {
    EventBody::GapNoted {
        gap: Gap {
            what: what.to_owned(),
            reason: NotLooked::Forbidden,
            message: Redacted::trusted(
                "pods is forbidden: User \"dogwatch\" cannot list\0 resource — 'pods'",
            ),
            next_command: None,
        },
    }
}

pub(crate) fn evidence(id: EvidenceId, at: Timestamp) -> Evidence {
    let claim = ObjectRef::of("PersistentVolumeClaim", "shop", "data-orders-0");
    Evidence {
        id,
        tool: "pvc_chain".to_owned(),
        arguments: Redacted::trusted("{\"name\":\"data-orders-0\"}"),
        outcome: Outcome::Found,
        at,
        facts: vec![Fact {
            object: claim.clone(),
            path: "spec.storageClassName".to_owned(),
            value: Redacted::trusted("fast-ssd"),
            time: Some(at),
        }],
        lookups: vec![Lookup {
            scope: Scope::object(&claim),
            outcome: LookupOutcome::Found,
        }],
        shown: Redacted::trusted("data-orders-0  Pending  fast-ssd"),
        truncated: false,
    }
}

pub(crate) fn evidence_stored(id: EvidenceId, at: Timestamp) -> EventBody {
    EventBody::EvidenceStored {
        evidence: Box::new(evidence(id, at)),
    }
}

pub(crate) fn report(investigation: InvestigationId, at: Timestamp) -> Report {
    Report {
        version: REPORT_VERSION,
        investigation,
        kind: ReportKind::Triage,
        title: Redacted::trusted("orders does not start"),
        cluster: "prod".to_owned(),
        started_at: at,
        finished_at: at,
        verdict: Verdict::Inconclusive,
        state: IncidentState::Ongoing,
        confidence: Confidence {
            level: ConfidenceLevel::Low,
            because: vec!["nothing was seen".to_owned()],
        },
        headline: Redacted::trusted("it could not be told"),
        subjects: Vec::new(),
        root_causes: Vec::new(),
        chain: Vec::new(),
        victims: vec![ObjectRef::of("Pod", "shop", "orders-0")],
        hypotheses: Vec::new(),
        timeline: Vec::new(),
        changes: Vec::new(),
        next_steps: Vec::new(),
        gaps: Vec::new(),
        notes: Vec::new(),
        cut: Vec::new(),
        usage: Usage::default(),
        time_to_brief_ms: 850,
        time_to_report_ms: 900,
    }
}

pub(crate) fn reported(investigation: InvestigationId, at: Timestamp) -> EventBody {
    EventBody::Reported {
        report: Box::new(report(investigation, at)),
    }
}
