//! Scripts for the model: an orchestrator that consults the storage agent, which proves an absent class.

use std::sync::Arc;

use agents::{Agents, Settings};
use domain::{IdSource, InvestigationId, Subject};
use investigation::{Engine, EngineParts, LEASE};
use llm::{ChatAnswer, ChatModel, ScriptedModel};
use serde_json::{Value, json};
use store::{NewInvestigation, Store};

use crate::world::Stage;

pub(crate) fn parts(stage: &Stage, store: Store, model: Option<Arc<dyn ChatModel>>) -> EngineParts {
    EngineParts {
        store,
        reader: stage.reader.clone(),
        metrics: stage.metrics.clone(),
        model,
        agents: Arc::new(Agents::shipped().expect("valid")),
        settings: Settings::default(),
        clock: stage.clock,
        worker: "test".to_owned(),
        lease: LEASE,
    }
}

pub(crate) async fn open(store: &Store, subject: &Subject, now: jiff::Timestamp) -> InvestigationId {
    let id = InvestigationId(IdSource::Random.next());
    let new = NewInvestigation {
        id,
        cluster: "test".to_owned(),
        subject: subject.clone(),
        dedupe_key: None,
        created_at: now,
    };
    store.enqueue(new).await.expect("it is stored").id
}

pub(crate) async fn run(stage: &Stage, model: Option<Arc<dyn ChatModel>>) -> domain::Report {
    let store = Store::open("sqlite::memory:", stage.clock)
        .await
        .expect("a store");
    let id = open(&store, &stage.subject, stage.clock.now()).await;
    let engine = Engine::new(parts(stage, store, model));
    engine.investigate(id).await.expect("a report")
}

/// The claim and the class of the storage case, by the world's truth.
pub(crate) struct Storage {
    pub(crate) class: String,
    pub(crate) namespace: String,
    pub(crate) claim: String,
}

pub(crate) fn storage(stage: &Stage) -> Storage {
    let class = stage.rendered.truth.root_causes[0].object.name.clone();
    let claim = stage
        .rendered
        .world
        .of_kind("PersistentVolumeClaim")
        .find(|claim| claim.pointer("/spec/storageClassName").and_then(Value::as_str) == Some(&class))
        .expect("a claim of that class");
    let text = |pointer: &str| {
        claim
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Storage {
        class: class.clone(),
        namespace: text("/metadata/namespace"),
        claim: text("/metadata/name"),
    }
}

pub(crate) fn cause(storage: &Storage, evidence: &str) -> Value {
    json!({
        "claims": [{
            "statement": "the class does not exist",
            "object": {"kind": "StorageClass", "name": storage.class},
            "absent": true,
            "cites": [{"evidence": evidence}],
        }],
        "object": {"kind": "StorageClass", "name": storage.class},
        "mechanism": "storage-and-persistence/storage-class-missing",
        "explanation": "the claim waits for a class that is not there",
    })
}

/// Orchestrator: consult, then adopt. Storage agent: look, then report.
pub(crate) fn consulting(storage: &Storage) -> ScriptedModel {
    let chain = json!({"namespace": storage.namespace, "name": storage.claim});
    let finding = json!({"status": "cause", "summary": "class missing", "cause": cause(storage, "storage-1.e1"), "ruled_out": ["driver"]});
    ScriptedModel::new()
        .answering("orchestrator", vec![
            ChatAnswer::calling([("consult", json!({"agent": "storage", "question": "verify the class"}))]),
            ChatAnswer::calling([("conclude", json!({
                "verdict": "root_cause", "state": "ongoing", "adopt": ["storage-1"], "headline": "class missing", "next_steps": ["create it"],
            }))]),
        ])
        .answering("storage-1", vec![
            ChatAnswer::calling([("pvc_chain", chain)]),
            ChatAnswer::calling([("report_finding", finding)]),
        ])
}
