//! Record, replay, and what makes a transcript stale; the scripted model on the way.

use domain::{Redacted, StreamName, Usage};
use llm::{CallKey, ChatAnswer, ChatModel, ChatRequest, LlmError, Message, Recorder, Replay, ScriptedModel};
use llm::{ToolChoice, Transcript, TranscriptError};
use serde_json::json;

use crate::server::{request, tool};

fn at(stream: &str, turn: u32) -> ChatRequest {
    ChatRequest {
        key: CallKey {
            stream: StreamName(stream.to_owned()),
            turn,
        },
        ..request()
    }
}

fn script() -> ScriptedModel {
    let usage = Usage {
        model_calls: 1,
        prompt_tokens: 100,
        completion_tokens: 10,
        ..Usage::default()
    };
    let looks = ChatAnswer {
        usage,
        ..ChatAnswer::calling([("pvc_chain", json!({"name": "db"})), ("events", json!({}))])
    };
    ScriptedModel::new()
        .answering(
            "storage-1",
            vec![looks, ChatAnswer::saying("The class is absent.")],
        )
        .answering("network-1", vec![ChatAnswer::saying("All is well.")])
        .failing("network-1", 2, LlmError::RateLimited { retry_after: None })
}

/// Records the three answers of the script, out of order and one of them twice.
async fn recorded() -> Transcript {
    let recorder = Recorder::new(script(), "pvc-pending", "team");
    for (stream, turn) in [
        ("storage-1", 2),
        ("network-1", 1),
        ("storage-1", 1),
        ("storage-1", 1),
    ] {
        recorder.chat(&at(stream, turn)).await.unwrap();
    }
    assert_eq!(
        recorder.chat(&at("network-1", 2)).await.unwrap_err().kind(),
        "rate_limited"
    );
    recorder.transcript()
}

#[tokio::test]
async fn a_transcript_replays_what_was_recorded() {
    let written = recorded().await.to_json().unwrap();
    let transcript = Transcript::from_json(&written).unwrap();
    assert_eq!(transcript.to_json().unwrap(), written);
    assert_eq!(
        (transcript.model.as_str(), transcript.scenario.as_str()),
        ("scripted", "pvc-pending")
    );
    assert_eq!(transcript.usage().tokens(), 110);

    let (replay, original) = (Replay::new(transcript), script());
    for (stream, turn) in [("network-1", 1), ("storage-1", 1), ("storage-1", 2)] {
        let again = replay.chat(&at(stream, turn)).await.unwrap();
        assert_eq!(again, original.chat(&at(stream, turn)).await.unwrap());
    }
}

#[tokio::test]
async fn a_transcript_s_form_is_stable() {
    let transcript = recorded().await;
    let value = serde_json::to_value(&transcript).unwrap();
    assert_eq!(
        transcript.streams.keys().collect::<Vec<_>>(),
        ["network-1", "storage-1"]
    );
    assert_eq!(value["version"], 1);
    assert_eq!(
        value["streams"]["storage-1"]["turns"][0]["calls"][0],
        json!({"id": "call_1_0", "name": "pvc_chain", "arguments": "{\"name\":\"db\"}"})
    );
    assert_eq!(
        value["streams"]["storage-1"]["turns"][1]["text"],
        "The class is absent."
    );
    assert_eq!(
        value["streams"]["storage-1"]["system_sha256"]
            .as_str()
            .map(str::len),
        Some(64)
    );
}

#[tokio::test]
async fn a_changed_prompt_or_tool_is_stale() {
    let replay = Replay::new(recorded().await);
    let stale = |what| {
        Err(LlmError::Stale {
            stream: "storage-1".to_owned(),
            what,
        })
    };

    let mut changed = at("storage-1", 1);
    changed.messages[0] = Message::System(Redacted::trusted("You guess."));
    assert_eq!(replay.chat(&changed).await, stale("system prompt"));

    let mut changed = at("storage-1", 1);
    changed.tools[0].description.push('!');
    assert_eq!(replay.chat(&changed).await, stale("tool schemas"));

    let mut changed = at("storage-1", 1);
    changed.tools.push(tool("logs"));
    assert_eq!(replay.chat(&changed).await, stale("tool schemas"));
}

#[tokio::test]
async fn other_user_messages_and_a_last_turn_without_tools_are_not_stale() {
    let replay = Replay::new(recorded().await);
    let mut last = at("storage-1", 2);
    last.messages[1] = Message::User(Redacted::trusted("The tools showed something else this time."));
    last.tools.clear();
    last.tool_choice = ToolChoice::None;
    assert!(replay.chat(&last).await.is_ok());
}

#[tokio::test]
async fn what_was_not_recorded_is_said() {
    let replay = Replay::new(recorded().await);
    for (stream, turn) in [("storage-1", 3), ("helm-1", 1)] {
        let failed = replay.chat(&at(stream, turn)).await.unwrap_err();
        assert_eq!(
            failed,
            LlmError::NotRecorded {
                stream: stream.to_owned(),
                turn
            }
        );
        assert_eq!(failed.kind(), "stale");
    }
}

#[test]
fn a_transcript_of_another_version_is_refused() {
    let newer = Transcript {
        version: 2,
        ..Transcript::default()
    };
    let refused = Transcript::from_json(&newer.to_json().unwrap());
    assert!(matches!(refused, Err(TranscriptError::Version { found: 2 })));
}

#[tokio::test]
async fn a_scripted_model_remembers_what_it_was_asked() {
    let model =
        ScriptedModel::from_fn(|request| Ok(ChatAnswer::saying(&format!("turn {}", request.key.turn))));
    let answer = model.chat(&at("helm-1", 4)).await.unwrap();
    assert_eq!(
        (answer.text.as_deref(), answer.usage.model_calls),
        (Some("turn 4"), 1)
    );
    assert_eq!(
        model.requests()[0].key,
        CallKey {
            stream: StreamName("helm-1".to_owned()),
            turn: 4
        }
    );
    assert_eq!(
        ScriptedModel::new()
            .chat(&at("helm-1", 1))
            .await
            .unwrap_err()
            .kind(),
        "stale"
    );
}
