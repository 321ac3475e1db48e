//! What is sent.

use domain::Redacted;
use domain::event::RequestedCall;
use llm::{ChatModel, LengthField, Message, OpenAiModel, OpenAiSettings, ToolChoice};
use serde_json::{Value, json};

use crate::server::{KEY, Reply, SYSTEM, Server, request};

fn done() -> Vec<Reply> {
    vec![Reply::message(&json!({"content": "done"}))]
}

#[tokio::test]
async fn a_request_holds_model_messages_tools_and_limit() {
    let server = Server::start(done());
    server.model().chat(&request()).await.unwrap();
    let seen = server.seen().remove(0);
    assert!(
        seen.head.starts_with("post /v1/chat/completions http/1.1"),
        "{}",
        seen.head
    );
    assert!(seen.head.contains(&format!("authorization: bearer {KEY}")));
    assert!(seen.head.contains("user-agent: dogwatch/"));
    let parameters = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "description": "Looks.", "parameters": parameters}});
    assert_eq!(
        seen.body,
        json!({
            "model": "gpt-5-mini",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": "Why is the pod `shop/db-0` pending?"},
            ],
            "tools": [tool("pvc_chain"), tool("events")],
            "tool_choice": "auto",
            "parallel_tool_calls": true,
            "max_completion_tokens": 500,
        })
    );
}

#[tokio::test]
async fn calls_and_results_go_back_in_the_api_s_form() {
    let server = Server::start(done());
    let mut request = request();
    let call = |id: &str, arguments: &str| RequestedCall {
        id: id.to_owned(),
        name: "events".to_owned(),
        arguments: Redacted::trusted(arguments),
    };
    request.messages.extend([
        Message::Assistant {
            text: None,
            calls: vec![call("a", r#"{"name":"db-0"}"#), call("b", "{oops")],
        },
        Message::Tool {
            call_id: "a".to_owned(),
            text: Redacted::trusted("no events"),
        },
        Message::Assistant {
            text: None,
            calls: Vec::new(),
        },
    ]);
    server.model().chat(&request).await.unwrap();
    let messages = server.seen()[0].body["messages"].clone();
    assert_eq!(messages[2]["content"], Value::Null);
    assert_eq!(
        messages[2]["tool_calls"][0]["function"]["arguments"],
        r#"{"name":"db-0"}"#
    );
    assert_eq!(
        messages[2]["tool_calls"][1]["function"]["arguments"],
        r#"{"not_an_object":"{oops"}"#
    );
    assert_eq!(
        messages[3],
        json!({"role": "tool", "tool_call_id": "a", "content": "no events"})
    );
    assert_eq!(messages[4], json!({"role": "assistant", "content": ""}));
}

#[tokio::test]
async fn tool_choices_are_spelled_as_the_api_wants_them() {
    let named = json!({"type": "function", "function": {"name": "events"}});
    let cases = [
        (ToolChoice::Required, json!("required")),
        (ToolChoice::None, json!("none")),
        (ToolChoice::Named("events".to_owned()), named),
    ];
    for (choice, expected) in cases {
        let server = Server::start(done());
        server
            .model()
            .chat(&llm::ChatRequest {
                tool_choice: choice,
                ..request()
            })
            .await
            .unwrap();
        assert_eq!(server.seen()[0].body["tool_choice"], expected);
    }
}

#[tokio::test]
async fn without_tools_nothing_is_said_about_them() {
    let server = Server::start(done());
    server
        .model()
        .chat(&llm::ChatRequest {
            tools: Vec::new(),
            ..request()
        })
        .await
        .unwrap();
    let body = server.seen()[0].body.clone();
    for field in ["tools", "tool_choice", "parallel_tool_calls"] {
        assert_eq!(body.get(field), None, "{field}");
    }
}

#[tokio::test]
async fn settings_choose_model_length_field_temperature_and_headers() {
    let server = Server::start(done());
    let mut settings = OpenAiSettings {
        key: None,
        ..server.settings()
    };
    settings.models.insert("strong".to_owned(), "gpt-5".to_owned());
    settings.length_field = LengthField::MaxTokens;
    settings.temperature = Some(0.2);
    settings.headers.insert("x-gateway".to_owned(), "blue".into());
    let model = crate::server::model(settings);
    model
        .chat(&llm::ChatRequest {
            model_alias: "strong".to_owned(),
            ..request()
        })
        .await
        .unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.body["model"], "gpt-5");
    assert_eq!(seen.body["max_tokens"], 500);
    assert_eq!(seen.body.get("max_completion_tokens"), None);
    assert_eq!(seen.body["temperature"], 0.2);
    assert!(seen.head.contains("x-gateway: blue"));
    assert!(!seen.head.contains("authorization"));
}

#[test]
fn unusable_settings_are_refused() {
    for url in [
        "",
        "example.com/v1",
        "ftp://example.com",
        "http://user:pass@example.com/v1",
        "http://h/v1?k=v",
    ] {
        assert!(OpenAiModel::new(OpenAiSettings::new(url, "m")).is_err(), "{url}");
    }
    assert!(OpenAiModel::new(OpenAiSettings::new("http://localhost/v1", "")).is_err());
    let mut settings = OpenAiSettings::new("http://localhost/v1", "m");
    settings.key = Some("two\nlines".into());
    assert!(OpenAiModel::new(settings).is_err());
}

#[test]
fn debug_output_hides_key_and_headers() {
    let mut settings = crate::server::settings("http://localhost/v1");
    settings
        .headers
        .insert("x-gateway".to_owned(), "blue-secret".into());
    let shown = format!("{:?}", crate::server::model(settings));
    assert!(!shown.contains(KEY) && !shown.contains("blue-secret"), "{shown}");
}
