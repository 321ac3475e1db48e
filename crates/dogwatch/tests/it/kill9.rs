//! `kill -9` in the middle of an investigation: the next process goes on with it and pays for no answer twice.

mod model;

use playground::cases::Rendered;
use serde_json::{Value, json};

use self::model::{Facts, Model};
use crate::program::service::Service;
use crate::program::{file, folder, rendered, saved};

#[tokio::test]
async fn killed_while_a_domain_agent_thinks_it_resumes_and_asks_for_no_answer_again() {
    killed_at_call(2).await;
}

#[tokio::test]
async fn killed_while_the_orchestrator_concludes_it_resumes_and_asks_for_no_answer_again() {
    killed_at_call(4).await;
}

async fn killed_at_call(call: usize) {
    let rendered = rendered("pending-claim", 2);
    let facts = facts(&rendered);
    let world = saved(&format!("kill9-{call}"), &rendered.world);
    let database = folder(&format!("kill9-database-{call}")).join("dogwatch.db");
    let database = format!("sqlite:{}", database.display());
    // Nobody renews the lease of the killed process, and nobody may take over before it ends.
    let config = file(&format!("kill9-{call}.yaml"), "agents: {lease_s: 2}\n");
    let model = Model::silent_at(call, answer, facts.clone());
    let variables = [
        ("DOGWATCH_CONFIG", config.to_str().unwrap()),
        ("DOGWATCH_DATABASE_URL", database.as_str()),
        ("DOGWATCH_MODEL_URL", model.url()),
        ("DOGWATCH_MODEL", "scripted"),
    ];

    let first = Service::start(&world, &variables);
    let question = json!({ "question": "Why does it not start?", "namespace": facts.namespace });
    let id = first.ask(&question).await;
    model.wait_until_silent();
    assert_eq!(model.answered().len(), call - 1);
    first.kill();

    let second = Service::start(&world, &variables);
    let report = second.report(&id).await;
    assert_eq!(report["kind"], "agents", "{report:#}");
    assert_eq!(report["verdict"], "root_cause", "{report:#}");
    assert_eq!(report["root_causes"][0]["object"]["name"], facts.class);
    asked_once(&model, call);
}

/// Four answers make the investigation; only the request that the kill left without one came in twice.
fn asked_once(model: &Model, call: usize) {
    let (asked, answered) = (model.asked(), model.answered());
    assert_eq!((asked.len(), answered.len()), (5, 4));
    assert_eq!(
        asked[call - 1],
        asked[call],
        "the open question is asked again, word for word"
    );
    for body in &answered {
        let answers = answered.iter().filter(|other| *other == body).count();
        assert_eq!(answers, 1, "{body:#}");
    }
}

/// Orchestrator: consult, then adopt. Storage agent: look, then report.
fn answer(request: &Value, facts: &Facts) -> (&'static str, Value) {
    let tools = request["tools"].as_array().unwrap();
    let orchestrates = tools.iter().any(|tool| tool["function"]["name"] == "consult");
    let messages = request["messages"].as_array().unwrap();
    let is_first = messages.iter().all(|message| message["role"] != "assistant");
    match (orchestrates, is_first) {
        (true, true) => ("consult", json!({ "agent": "storage", "question": "verify" })),
        (true, false) => (
            "conclude",
            json!({
                "verdict": "root_cause", "state": "ongoing", "adopt": ["storage-1"],
                "headline": "the class is missing", "next_steps": ["create it"],
            }),
        ),
        (false, true) => (
            "pvc_chain",
            json!({ "namespace": facts.namespace, "name": facts.claim }),
        ),
        (false, false) => ("report_finding", finding(facts)),
    }
}

fn finding(facts: &Facts) -> Value {
    let class = json!({ "kind": "StorageClass", "name": facts.class });
    json!({
        "status": "cause",
        "summary": "the class is missing",
        "cause": {
            "claims": [{
                "statement": "the class does not exist",
                "object": class,
                "absent": true,
                "cites": [{ "evidence": "storage-1.e1" }],
            }],
            "object": class,
            "mechanism": "storage-and-persistence/storage-class-missing",
            "explanation": "the claim waits for a class that is not there",
        },
        "ruled_out": ["driver"],
    })
}

fn facts(rendered: &Rendered) -> Facts {
    let class = &rendered.truth.root_causes[0].object.name;
    let claim = rendered
        .world
        .of_kind("PersistentVolumeClaim")
        .find(|claim| claim["spec"]["storageClassName"] == *class)
        .unwrap();
    let text = |field: &str| claim["metadata"][field].as_str().unwrap().to_owned();
    Facts {
        class: class.clone(),
        namespace: text("namespace"),
        claim: text("name"),
    }
}
