//! Payloads and events.

use std::collections::BTreeMap;

use domain::brief::BRIEF_VERSION;
use domain::report::REPORT_VERSION;
use domain::{
    Brief, Confidence, ConfidenceLevel, EventBody, Evidence, EvidenceId, Gap, IncidentState, InvestigationId,
    NotLooked, Outcome, Redacted, Report, ReportKind, Timings, Topology, Usage, Verdict,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// As Alertmanager sends it: one alert that fires and one that ended.
pub(crate) fn webhook() -> Value {
    json!({
        "receiver": "dogwatch",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-5d8f-x2x4z"},
                "annotations": {"summary": "Pod is crash looping."},
                "startsAt": "2026-11-21T10:00:00.123Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus:9090/graph?g0.expr=x",
                "fingerprint": "c2dd1bca0ae4a1a4"
            },
            {
                "status": "resolved",
                "labels": {"alertname": "KubePodNotReady", "namespace": "shop"},
                "annotations": {},
                "startsAt": "2026-11-21T09:00:00Z",
                "endsAt": "2026-11-21T09:30:00Z",
                "generatorURL": "",
                "fingerprint": "8e1b2c3d4e5f6071"
            }
        ],
        "groupLabels": {"namespace": "shop"},
        "commonLabels": {"namespace": "shop"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": "{}:{namespace=\"shop\"}",
        "truncatedAlerts": 0
    })
}

/// The payload with one value replaced.
pub(crate) fn webhook_with(pointer: &str, value: Value) -> Value {
    let mut payload = webhook();
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

/// A small event that is told by its text.
pub(crate) fn gap(what: &str) -> EventBody {
    EventBody::GapNoted {
        gap: Gap {
            what: what.to_owned(),
            reason: NotLooked::Forbidden,
            message: Redacted::trusted("pods is forbidden"),
            next_command: None,
        },
    }
}

pub(crate) fn evidence_stored(id: &str, at: Timestamp) -> EventBody {
    EventBody::EvidenceStored {
        evidence: Box::new(Evidence {
            id: EvidenceId(id.to_owned()),
            tool: "events".to_owned(),
            arguments: Redacted::trusted("{}"),
            outcome: Outcome::Empty,
            at,
            facts: Vec::new(),
            lookups: Vec::new(),
            shown: Redacted::trusted("no events"),
            truncated: false,
        }),
    }
}

pub(crate) fn briefed(headline: &str) -> EventBody {
    EventBody::Briefed {
        brief: Box::new(Brief {
            version: BRIEF_VERSION,
            verdict: Verdict::Inconclusive,
            state: IncidentState::Unknown,
            headline: Redacted::trusted(headline),
            subjects: Vec::new(),
            root_causes: Vec::new(),
            hypotheses: Vec::new(),
            victims: Vec::new(),
            signals: Vec::new(),
            changes: Vec::new(),
            topology: Topology::default(),
            gaps: Vec::new(),
            timings: Timings::default(),
        }),
    }
}

pub(crate) fn reported(investigation: InvestigationId, headline: &str, at: Timestamp) -> EventBody {
    EventBody::Reported {
        report: Box::new(Report {
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
                because: Vec::new(),
            },
            headline: Redacted::trusted(headline),
            subjects: Vec::new(),
            root_causes: Vec::new(),
            chain: Vec::new(),
            victims: Vec::new(),
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
        }),
    }
}

/// The data of each server-sent event by its name, with its id.
pub(crate) fn sent_events(body: &str) -> Vec<(String, String, Value)> {
    let blocks = body.split("\n\n").filter(|block| block.contains("event: "));
    blocks
        .map(|block| {
            let fields: BTreeMap<&str, &str> =
                block.lines().filter_map(|line| line.split_once(": ")).collect();
            let field = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
            let data = serde_json::from_str(&field("data")).unwrap();
            (field("id"), field("event"), data)
        })
        .collect()
}
