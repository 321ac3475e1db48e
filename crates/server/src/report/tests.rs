use domain::report::REPORT_VERSION;
use domain::{
    Citation, Claim, ClaimKind, Confidence, ConfidenceLevel, CutClaim, CutReason, EvidenceId, Gap,
    IncidentState, InvestigationId, NotLooked, ObjectRef, Params, Redacted, ReportKind, RootCause, Usage,
    Verdict,
};
use jiff::Timestamp;

use super::*;

const EVIL: &str = "see [here](http://evil.example) ![x](https://evil.example/i.png)\n# <b>now</b> <!channel> *do* `it` \
                    @here\u{1b}[31m\u{202e}";

fn report() -> Report {
    let at: Timestamp = "2026-11-21T10:00:00.5Z".parse().unwrap();
    let claim = ObjectRef::of("PersistentVolumeClaim", "shop", "data");
    Report {
        version: REPORT_VERSION,
        investigation: InvestigationId(domain::IdSource::counted().next()),
        kind: ReportKind::Triage,
        title: Redacted::trusted("alert KubePodNotReady"),
        cluster: "prod".to_owned(),
        started_at: at,
        finished_at: at,
        verdict: Verdict::RootCause,
        state: IncidentState::Ongoing,
        confidence: Confidence {
            level: ConfidenceLevel::High,
            because: vec!["direct facts on the object".to_owned()],
        },
        headline: Redacted::trusted("the storage class fast-ssd does not exist"),
        subjects: Vec::new(),
        root_causes: vec![root_cause(&claim)],
        chain: vec![claim.clone(), ObjectRef::of("Pod", "shop", "db-0")],
        victims: vec![ObjectRef::of("Pod", "shop", "db-0")],
        hypotheses: Vec::new(),
        timeline: Vec::new(),
        changes: Vec::new(),
        next_steps: vec![Redacted::trusted(EVIL)],
        gaps: vec![Gap {
            what: "log of shop/db-0 [db]".to_owned(),
            reason: NotLooked::Forbidden,
            message: Redacted::trusted("pods/log is forbidden"),
            next_command: Some("kubectl logs -n shop db-0".to_owned()),
        }],
        notes: Vec::new(),
        cut: vec![CutClaim {
            stream: "storage-1".to_owned(),
            statement: Redacted::trusted("the node is full"),
            object: ObjectRef::of("Node", "", "node-1"),
            reason: CutReason::UnknownEvidence,
            detail: Redacted::trusted("storage-1.e9"),
        }],
        usage: Usage::default(),
        time_to_brief_ms: 850,
        time_to_report_ms: 1230,
    }
}

fn root_cause(claim: &ObjectRef) -> RootCause {
    RootCause {
        object: claim.clone(),
        mechanism: "storage-and-persistence/storage-class-missing".parse().unwrap(),
        params: Params {
            field: Some("spec.storageClassName".to_owned()),
            found: Some(Redacted::trusted("fast-ssd")),
            expected: Some(Redacted::trusted("standard")),
            ..Params::default()
        },
        why: Redacted::trusted("no volume can be made"),
        claims: vec![Claim {
            statement: Redacted::trusted("the claim asks for fast-ssd"),
            kind: ClaimKind::Present,
            object: claim.clone(),
            cites: vec![Citation {
                evidence: EvidenceId("triage.e1".to_owned()),
                path: "spec.storageClassName".to_owned(),
                value: Redacted::trusted("fast-ssd"),
                quote: None,
            }],
        }],
        evidence: vec![EvidenceId("triage.e1".to_owned())],
    }
}

#[test]
fn markdown_says_what_the_person_on_call_needs() {
    let written = markdown(&report());
    let expected = [
        "# the storage class fast-ssd does not exist\n",
        "\nVerdict: root cause found. State: ongoing. Confidence: high.\n",
        "Asked: alert KubePodNotReady, in cluster `prod`, at 2026-11-21 10:00:00 UTC. This is a triage report",
        "\n- direct facts on the object\n",
        "\n## Root causes\n\n- `PersistentVolumeClaim shop/data`: ",
        "\n  - field `spec.storageClassName`, found `fast-ssd`, expected `standard`\n",
        "\n  - why: no volume can be made\n",
        "\n  - the claim asks for fast-ssd (`PersistentVolumeClaim shop/data`), see `triage.e1` \
         `spec.storageClassName` = `fast-ssd`\n",
        "\n  - evidence: `triage.e1`\n",
        "\n`PersistentVolumeClaim shop/data` → `Pod shop/db-0`\n",
        "\n## Not seen\n\n- log of shop/db-0 \\[db\\] (forbidden): pods/log is forbidden\n",
        "\n  - this would tell: `kubectl logs -n shop db-0`\n",
        "\n- the node is full (`Node node-1`, by `storage-1`): cites evidence that does not exist: storage-1.e9\n",
        "\n- 0.8 s to the first answer, 1.2 s to the report\n",
    ];
    for part in expected {
        assert!(written.contains(part), "{part:?} is not in\n{written}");
    }
    assert!(!written.contains("## Timeline"), "{written}");
}

#[test]
fn nothing_foreign_becomes_markup() {
    let written = markdown(&report());
    let step = "\n- see `[here](http://evil.example)` `![x](https://evil.example/i.png)` # &lt;b&gt;now&lt;/b&gt; \
                &lt;!channel&gt; \\*do\\* \\`it\\` `@here` \\[31m\n";
    assert!(written.contains(step), "{written}");
}

#[test]
fn foreign_text_cannot_begin_a_block() {
    for (text, expected) in [
        ("# heading", "# \\# heading\n"),
        ("- item", "# \\- item\n"),
        ("1. item", "# 1\\. item\n"),
        ("5 pods", "# 5 pods\n"),
        ("``` fence", "# \\`\\`\\` fence\n"),
        ("a`b://c``d", "# ```a`b://c``d```\n"),
    ] {
        let mut report = report();
        report.headline = Redacted::trusted(text);
        let written = markdown(&report);
        assert!(written.starts_with(expected), "{written}");
    }
}

#[test]
fn text_has_no_control_characters_and_no_markup_of_its_own() {
    let written = text(&report());
    assert!(
        written.starts_with("the storage class fast-ssd does not exist\n\nVerdict: root cause found."),
        "{written}"
    );
    assert!(
        written.contains("\nRoot causes:\n\n  - PersistentVolumeClaim shop/data: "),
        "{written}"
    );
    assert!(written.contains("@here [31m\n"), "{written}");
    assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written}");
}
