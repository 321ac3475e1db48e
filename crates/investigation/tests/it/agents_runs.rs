//! Agents at work with a scripted model: consulting, adoption, what the gate cuts.

use std::sync::Arc;

use domain::{CutReason, ReportKind, Verdict};
use llm::{ChatAnswer, ScriptedModel};
use serde_json::json;

use crate::script::{cause, consulting, open, parts, run, storage};
use crate::world::stage;

const CASE: &str = "pending-claim";

#[tokio::test]
async fn a_consulted_agent_proves_the_cause_and_the_lead_adopts_it() {
    let stage = stage(CASE, 1, true).await;
    let model = Arc::new(consulting(&storage(&stage)));
    let report = run(&stage, Some(model.clone())).await;
    assert_eq!(report.kind, ReportKind::Agents);
    assert_eq!(report.verdict, Verdict::RootCause);
    assert!(report.cut.is_empty(), "{:?}", report.cut);
    assert_eq!(report.root_causes.len(), 1);
    assert_eq!(report.root_causes[0].object.name, storage(&stage).class);
    assert!(
        report
            .confidence
            .because
            .iter()
            .any(|rule| rule.contains("domain agent")),
        "{:?}",
        report.confidence
    );
    assert_eq!(model.requests().len(), 4);
    assert_eq!(report.usage.model_calls, 4);
}

#[tokio::test]
async fn invented_evidence_is_sent_back_once_and_then_cut() {
    let stage = stage(CASE, 1, true).await;
    let lie = json!({
        "verdict": "root_cause", "state": "ongoing", "causes": [cause(&storage(&stage), "storage-9.e9")],
        "headline": "surely", "next_steps": [],
    });
    let model = ScriptedModel::new().answering(
        "orchestrator",
        vec![
            ChatAnswer::calling([("conclude", lie.clone())]),
            ChatAnswer::calling([("conclude", lie)]),
        ],
    );
    let report = run(&stage, Some(Arc::new(model))).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.root_causes.is_empty());
    assert!(
        report
            .cut
            .iter()
            .any(|cut| cut.reason == CutReason::UnknownEvidence),
        "{:?}",
        report.cut
    );
    assert!(
        !report.hypotheses.is_empty(),
        "triage's hypotheses stay, unconfirmed"
    );
}

#[tokio::test]
async fn a_repaired_claim_stands() {
    let stage = stage(CASE, 1, true).await;
    let storage = storage(&stage);
    let conclude = |evidence: &str| json!({"verdict": "root_cause", "state": "ongoing", "causes": [cause(&storage, evidence)], "headline": "h", "next_steps": []});
    let model = ScriptedModel::new().answering(
        "orchestrator",
        vec![
            ChatAnswer::calling([("conclude", conclude("triage.e77"))]),
            ChatAnswer::calling([("conclude", conclude("triage.e1"))]),
        ],
    );
    let report = run(&stage, Some(Arc::new(model))).await;
    assert_eq!(report.verdict, Verdict::RootCause, "{:?}", report.cut);
}

#[tokio::test]
async fn a_cause_whose_object_does_not_exist_is_cut() {
    let stage = stage(CASE, 1, true).await;
    let namespace = storage(&stage).namespace;
    let invented = json!({
        "claims": [{"statement": "it leaks", "object": {"kind": "Deployment", "namespace": namespace, "name": "no-such-thing"},
                    "cites": [{"evidence": "triage.e1", "path": "status.phase", "value": "Pending"}]}],
        "object": {"kind": "Deployment", "namespace": namespace, "name": "no-such-thing"},
        "mechanism": "resource-exhaustion/memory-leak", "explanation": "it leaks",
    });
    let conclude = json!({"verdict": "root_cause", "state": "ongoing", "causes": [invented], "headline": "h", "next_steps": []});
    let model = ScriptedModel::new().answering(
        "orchestrator",
        vec![
            ChatAnswer::calling([("conclude", conclude.clone())]),
            ChatAnswer::calling([("conclude", conclude)]),
        ],
    );
    let report = run(&stage, Some(Arc::new(model))).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(!report.cut.is_empty());
}

#[tokio::test]
async fn the_single_arm_is_one_generalist_with_every_tool() {
    let stage = stage(CASE, 1, true).await;
    let storage = storage(&stage);
    let conclude = json!({
        "verdict": "root_cause", "state": "ongoing", "causes": [cause(&storage, "generalist.e1")],
        "headline": "class missing", "next_steps": [],
    });
    let model = Arc::new(ScriptedModel::new().answering(
        "generalist",
        vec![
            ChatAnswer::calling([(
                "pvc_chain",
                json!({"namespace": storage.namespace, "name": storage.claim}),
            )]),
            ChatAnswer::calling([("conclude", conclude)]),
        ],
    ));
    let store = store::Store::open("sqlite::memory:", stage.clock)
        .await
        .expect("a store");
    let id = open(&store, &stage.subject, stage.clock.now()).await;
    let mut parts = parts(&stage, store, Some(model.clone()));
    parts.settings.single = true;
    let report = investigation::Engine::new(parts)
        .investigate(id)
        .await
        .expect("a report");
    assert_eq!(report.verdict, Verdict::RootCause, "{:?}", report.cut);
    let offered: Vec<String> = model.requests()[0]
        .tools
        .iter()
        .map(|tool| tool.name.clone())
        .collect();
    assert!(!offered.contains(&"consult".to_owned()));
    assert!(
        tools::all()
            .iter()
            .all(|tool| offered.contains(&tool.name.to_owned())),
        "{offered:?}"
    );
}
