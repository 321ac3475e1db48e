//! Bad weather: each failure has its kind, passes or is retried as it should, and gives nothing away.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use llm::{ChatModel, ChatRequest, LlmError, OpenAiSettings};
use serde_json::{Value, json};

use crate::server::{KEY, Reply, SYSTEM, Server, ask, model, request, settings};

fn ok() -> Reply {
    Reply::message(&json!({"content": "ok"}))
}

fn error(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
}

fn limited() -> Reply {
    Reply::json(429, &error("rate_limit_exceeded", "slow down"))
}

#[tokio::test]
async fn a_rate_limit_passes() {
    let server = Server::start(vec![limited().with("Retry-After", "0"), limited(), ok()]);
    assert!(server.model().chat(&request()).await.is_ok());
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].body, seen[2].body);
}

#[tokio::test]
async fn a_rate_limit_beyond_the_deadline_is_not_waited_for() {
    let dated = limited()
        .with("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .with("Retry-After", "Sun, 06 Nov 1994 09:49:37 GMT");
    for reply in [
        limited().with("Retry-After", "3600"),
        dated,
        limited().with("retry-after-ms", "3600000"),
    ] {
        let server = Server::start(vec![reply]);
        let failed = server.model().chat(&request()).await.unwrap_err();
        assert_eq!(
            failed,
            LlmError::RateLimited {
                retry_after: Some(Duration::from_secs(3600))
            }
        );
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_exhausted_quota_is_not_retried() {
    let replies = [
        Reply::json(429, &error("insufficient_quota", "You have no credit.")),
        Reply::json(402, &json!({"error": "You have no credit."})),
        Reply::json(400, &error("billing_error", "You have no credit.")),
    ];
    for reply in replies {
        let server = Server::start(vec![reply]);
        let failed = server.model().chat(&request()).await.unwrap_err();
        assert_eq!(
            failed,
            LlmError::Quota {
                detail: "You have no credit.".to_owned()
            }
        );
        assert_eq!((failed.kind(), server.seen().len()), ("quota", 1));
    }
}

#[tokio::test]
async fn a_failing_server_is_asked_as_often_as_the_settings_say() {
    let server = Server::start(vec![Reply::text(503, "<html>overloaded</html>")]);
    let patient = model(OpenAiSettings {
        retries: 2,
        ..server.settings()
    });
    let failed = patient.chat(&request()).await.unwrap_err();
    assert_eq!(
        failed,
        LlmError::ServerError {
            status: 503,
            detail: String::new()
        }
    );
    assert_eq!((failed.kind(), server.seen().len()), ("server_error", 3));
}

#[tokio::test]
async fn a_failure_that_hides_behind_a_success_is_found() {
    let hidden = Reply::json(
        200,
        &json!({"error": {"code": 502, "message": "upstream failed"}}),
    );
    let server = Server::start(vec![hidden, ok()]);
    assert!(server.model().chat(&request()).await.is_ok());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_silent_server_costs_the_deadline_and_no_more() {
    let server = Server::start(vec![Reply::Hang]);
    let deadline = Duration::from_millis(500);
    let started = Instant::now();
    let failed = server
        .model()
        .chat(&ChatRequest {
            deadline,
            ..request()
        })
        .await
        .unwrap_err();
    assert_eq!(failed, LlmError::Timeout { after: deadline });
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!((failed.kind(), server.seen().len()), ("timeout", 1));
}

#[tokio::test]
async fn a_silence_beyond_the_read_timeout_is_not_retried() {
    let server = Server::start(vec![Reply::Hang]);
    let hasty = OpenAiSettings {
        read_timeout: Some(Duration::from_millis(300)),
        ..server.settings()
    };
    let failed = model(hasty).chat(&request()).await.unwrap_err();
    assert_eq!((failed.kind(), server.seen().len()), ("timeout", 1));
}

#[tokio::test]
async fn what_is_not_a_chat_answer_is_a_bad_one() {
    let bodies = [
        "<html>hello</html>",
        "",
        "null",
        "{}",
        r#"{"choices": []}"#,
        r#"{"choices": [{}]}"#,
        r#"{"choices": [{"message": "hello"}]}"#,
        r#"{"choices": [{"message": {"tool_calls": [{"function": {}}]}}]}"#,
        r#"{"error": {"message": "no"}}"#,
    ];
    for body in bodies {
        let failed = ask(Reply::text(200, body)).await.unwrap_err();
        assert_eq!(failed.kind(), "bad_answer", "{body}");
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let failed = model(settings(&url)).chat(&request()).await.unwrap_err();
    assert_eq!(failed.kind(), "unreachable");
    assert!(failed.to_string().to_lowercase().contains("refused"), "{failed}");
}

#[tokio::test]
async fn rejections_and_redirects_are_final() {
    let server = Server::start(vec![Reply::json(
        404,
        &error("model_not_found", "No such model."),
    )]);
    let failed = server.model().chat(&request()).await.unwrap_err();
    assert_eq!(
        failed,
        LlmError::Refused4xx {
            status: 404,
            detail: "No such model.".to_owned()
        }
    );
    assert_eq!((failed.kind(), server.seen().len()), ("rejected", 1));

    let target = Server::start(vec![ok()]);
    let server = Server::start(vec![
        Reply::text(307, "").with("Location", &target.settings().base_url),
    ]);
    let failed = server.model().chat(&request()).await.unwrap_err();
    assert_eq!(
        failed,
        LlmError::Refused4xx {
            status: 307,
            detail: String::new()
        }
    );
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn errors_repeat_neither_key_nor_prompt() {
    let messages = [
        format!("Incorrect API key provided: {KEY}"),
        format!("Incorrect API key provided: {}…", &KEY[..8]),
        format!("Cannot parse: {SYSTEM}"),
    ];
    for message in messages {
        let failed = ask(Reply::json(400, &error("invalid_request", &message)))
            .await
            .unwrap_err();
        assert_eq!(
            failed,
            LlmError::Refused4xx {
                status: 400,
                detail: "invalid_request".to_owned()
            }
        );
    }
}
