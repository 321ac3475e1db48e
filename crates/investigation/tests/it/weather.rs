//! Bad weather: every investigation ends with a report that names what could not be seen.

use std::sync::Arc;
use std::time::Duration;

use domain::{NotLooked, Verdict};
use llm::{ChatAnswer, ChatModel, LlmError, ScriptedModel};
use playground::cases::{self, RenderOptions};
use playground::{ServeOptions, Weather, WeatherRule};
use serde_json::json;

use crate::script::{open, parts, run};
use crate::world::{Stage, serve, stage};

async fn under(id: &str, rules: Vec<WeatherRule>) -> Stage {
    let case = cases::cases()
        .iter()
        .find(|case| case.id == id)
        .expect("the case");
    let rendered = cases::render(
        case,
        RenderOptions {
            seed: 1,
            randomize: true,
        },
    )
    .expect("it renders");
    serve(
        rendered,
        ServeOptions {
            freeze: true,
            weather: Weather { rules },
            ..ServeOptions::default()
        },
    )
    .await
}

#[tokio::test]
async fn forbidden_kinds_are_gaps_and_prove_nothing() {
    let stage = under(
        "pending-claim",
        vec![WeatherRule::Forbid {
            resource: "storageclasses".to_owned(),
        }],
    )
    .await;
    let report = run(&stage, None).await;
    assert_ne!(report.verdict, Verdict::NotAnIssue);
    assert!(
        report.root_causes.is_empty(),
        "absence of a class that may not be listed is not proven"
    );
    assert!(
        report
            .gaps
            .iter()
            .any(|gap| gap.what.contains("storageclasses") && gap.reason == NotLooked::Forbidden),
        "{:?}",
        report.gaps
    );
}

#[tokio::test]
async fn everything_forbidden_is_inconclusive() {
    let rules = [
        "pods",
        "nodes",
        "events",
        "deployments",
        "services",
        "namespaces",
        "daemonsets",
        "persistentvolumes",
        "storageclasses",
        "csinodes",
        "csidrivers",
        "volumeattachments",
        "ingressclasses",
    ];
    let stage = under(
        "pending-claim",
        rules
            .map(|resource| WeatherRule::Forbid {
                resource: resource.to_owned(),
            })
            .into(),
    )
    .await;
    let report = run(&stage, None).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.gaps.len() >= 5);
}

#[tokio::test]
async fn a_log_endpoint_that_hangs_is_waited_for_only_so_long() {
    let mut stage = under(
        "edge-errors-selector",
        vec![WeatherRule::Hang {
            path_contains: "/log".to_owned(),
        }],
    )
    .await;
    let limits = cluster::Limits {
        deadline: Duration::from_millis(400),
        concurrency: 40,
        ..cluster::Limits::default()
    };
    let target = cluster::Target::Url(stage.playground.url());
    stage.reader =
        cluster::ClusterReader::connect(&target, domain::Redactor::from_passphrase("test"), limits)
            .await
            .expect("a reader");
    let report = run(&stage, None).await;
    assert!(
        report
            .gaps
            .iter()
            .any(|gap| gap.what.starts_with("log of ") && gap.reason == NotLooked::TimedOut),
        "{:?}",
        report.gaps
    );
}

#[tokio::test]
async fn an_unreachable_cluster_is_a_report_with_gaps() {
    let mut stage = stage("pending-claim", 1, true).await;
    let target = cluster::Target::Url("http://127.0.0.1:9".to_owned());
    stage.reader = cluster::ClusterReader::connect(
        &target,
        domain::Redactor::from_passphrase("test"),
        cluster::Limits::default(),
    )
    .await
    .expect("a reader");
    let report = run(&stage, None).await;
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.gaps.iter().any(|gap| gap.reason == NotLooked::Unreachable),
        "{:?}",
        report.gaps
    );
}

#[tokio::test]
async fn a_model_that_fails_leaves_the_triage_report() {
    let failures: Vec<(LlmError, &str)> = vec![
        (
            LlmError::Timeout {
                after: Duration::from_secs(1),
            },
            "timeout",
        ),
        (
            LlmError::NotRecorded {
                stream: "orchestrator".to_owned(),
                turn: 1,
            },
            "stale",
        ),
    ];
    for (failure, kind) in failures {
        let stage = stage("pending-claim", 1, true).await;
        let model = ScriptedModel::new().failing("orchestrator", 1, failure);
        let report = run(&stage, Some(Arc::new(model))).await;
        assert_eq!(report.verdict, Verdict::RootCause, "triage's own answer stays");
        assert!(
            report.notes.iter().any(|note| note.as_str().contains(kind)),
            "{:?}",
            report.notes
        );
    }
}

/// Models that misbehave in ways of their own: none may hang, panic or assert anything.
#[tokio::test]
async fn a_model_that_misbehaves_comes_to_an_end() {
    let endless = |name: &'static str, arguments: serde_json::Value| {
        ScriptedModel::from_fn(move |request| {
            let mut answer = ChatAnswer::calling([(name, arguments.clone())]);
            answer.calls[0].id = format!("call-{}", request.key.turn);
            answer.usage.model_calls = 1;
            answer.usage.prompt_tokens = 100;
            Ok(answer)
        })
    };
    let models: Vec<(&str, ScriptedModel)> = vec![
        (
            "chatter",
            ScriptedModel::from_fn(|_| Ok(ChatAnswer::saying("I think it is the network."))),
        ),
        ("unknown tool", endless("format_disk", json!({}))),
        ("bad arguments", endless("object_get", json!({"knd": 7}))),
        (
            "endless calls",
            endless("logs_search", json!({"namespace": "x", "name": "y"})),
        ),
        ("bad conclusion", endless("conclude", json!({"verdict": "maybe"}))),
        (
            "no agent of that name",
            endless("consult", json!({"agent": "astrology", "question": "?"})),
        ),
    ];
    for (what, model) in models {
        let stage = stage("pending-claim", 1, true).await;
        let report = run(&stage, Some(Arc::new(model))).await;
        assert!(
            report
                .notes
                .iter()
                .any(|note| note.as_str().contains("rests on triage alone")),
            "{what}: {:?}",
            report.notes
        );
    }
}

#[tokio::test]
async fn a_budget_of_one_turn_forces_a_conclusion() {
    let stage = stage("pending-claim", 1, true).await;
    let store = store::Store::open("sqlite::memory:", stage.clock)
        .await
        .expect("a store");
    let id = open(&store, &stage.subject, stage.clock.now()).await;
    let conclude = json!({"verdict": "inconclusive", "state": "ongoing", "headline": "too little time", "next_steps": []});
    let model = Arc::new(ScriptedModel::new().answering(
        "orchestrator",
        vec![ChatAnswer::calling([("conclude", conclude)])],
    ));
    let folder = std::env::temp_dir().join(format!("dogwatch-one-turn-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for agent in agents::Agents::shipped().expect("valid").iter() {
        let mut agent = agent.clone();
        agent.guardrails.max_turns = 1;
        let text = serde_json::to_string(&agent).expect("JSON is YAML");
        std::fs::write(folder.join(format!("{}.yaml", agent.name)), text).expect("written");
    }
    let mut parts = parts(&stage, store, Some(Arc::clone(&model) as Arc<dyn ChatModel>));
    parts.agents = Arc::new(agents::Agents::from_folder(&folder).expect("valid"));
    std::fs::remove_dir_all(&folder).expect("removed");
    let report = investigation::Engine::new(parts)
        .investigate(id)
        .await
        .expect("a report");
    assert_eq!(report.verdict, Verdict::Inconclusive);
    let requests = model.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].tools.len(), 1, "only the ending is on offer");
}
