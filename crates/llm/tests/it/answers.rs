//! What is accepted as an answer.

use domain::Usage;
use llm::{ChatAnswer, ToolCall, count_tokens, request_tokens};
use serde_json::{Value, json};

use crate::server::{Reply, ask, request};

async fn read(message: Value) -> ChatAnswer {
    ask(Reply::message(&message)).await.unwrap()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}

#[tokio::test]
async fn a_complete_answer_is_read_and_priced() {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini-2025-08-07",
        "service_tier": "on_demand",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null, "message": {
            "role": "assistant", "content": null, "reasoning_content": "hm",
            "tool_calls": [{"id": "c1", "type": "function", "function": {
                "name": "pvc_chain", "arguments": "{\"name\":\"data-db-0\"}"}}],
        }}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
            "prompt_tokens_details": {"cached_tokens": 400}},
    });
    let answer = ask(Reply::json(200, &body)).await.unwrap();
    let usage = Usage {
        model_calls: 1,
        tool_calls: 0,
        prompt_tokens: 1000,
        cached_tokens: 400,
        completion_tokens: 100,
        // 600 × $0.25 + 400 × $0.025 + 100 × $2.00 per million.
        cost_micro_usd: Some(360),
    };
    let expected = ChatAnswer {
        text: None,
        calls: vec![call("c1", "pvc_chain", r#"{"name":"data-db-0"}"#)],
        finish: Some("tool_calls".to_owned()),
        usage,
        model: "gpt-5-mini-2025-08-07".to_owned(),
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_bare_message_is_enough_and_tokens_are_counted_here() {
    let answer = read(json!({"content": "The claim is unbound."})).await;
    assert_eq!(answer.text.as_deref(), Some("The claim is unbound."));
    assert_eq!((answer.finish, answer.model.as_str()), (None, "gpt-5-mini"));
    assert_eq!(answer.usage.prompt_tokens, request_tokens(&request()) as u64);
    assert_eq!(
        answer.usage.completion_tokens,
        count_tokens("The claim is unbound.") as u64
    );
}

#[tokio::test]
async fn content_comes_in_many_forms() {
    let cases = [
        (json!({"content": null}), None),
        (json!({"content": ""}), None),
        (json!({}), None),
        (
            json!({"content": [{"type": "text", "text": "a"}, {"type": "image"}, "b"]}),
            Some("ab"),
        ),
        (json!({"content": null, "refusal": "no"}), Some("no")),
        (
            json!({"content": "<think>hm</think>\nyes", "reasoning_content": "hm"}),
            Some("yes"),
        ),
    ];
    for (message, text) in cases {
        assert_eq!(read(message.clone()).await.text.as_deref(), text, "{message}");
    }
}

#[tokio::test]
async fn arguments_come_in_many_forms() {
    let cases = [
        (json!({"name": "x"}), r#"{"name":"x"}"#),
        (json!("{\"name\":\"x\"}"), r#"{"name":"x"}"#),
        (json!("\"{\\\"name\\\":\\\"x\\\"}\""), r#"{"name":"x"}"#),
        (json!("{broken"), "{broken"),
        (json!(""), "{}"),
        (Value::Null, "{}"),
    ];
    for (arguments, expected) in cases {
        let message =
            json!({"tool_calls": [{"id": "a", "function": {"name": "events", "arguments": arguments}}]});
        assert_eq!(
            read(message).await.calls,
            [call("a", "events", expected)],
            "{arguments}"
        );
    }
}

#[tokio::test]
async fn missing_and_repeated_ids_are_made_up() {
    let one = |id: Value| json!({"id": id, "function": {"name": "events"}});
    let message = json!({"tool_calls": [one(Value::Null), one(json!("")), one(json!("a")), one(json!("a"))]});
    let ids: Vec<_> = read(message)
        .await
        .calls
        .into_iter()
        .map(|call| call.id)
        .collect();
    assert_eq!(ids, ["call_2_0", "call_2_1", "a", "call_2_3"]);
}

#[tokio::test]
async fn the_old_function_call_is_understood() {
    let answer = read(json!({"content": null, "function_call": {"name": "events", "arguments": "{}"}})).await;
    assert_eq!(answer.calls, [call("call_2_0", "events", "{}")]);
}

#[tokio::test]
async fn calls_written_as_text_are_understood() {
    let events = call("call_2_0", "events", r#"{"name":"x"}"#);
    let cases = [
        (
            r#"{"name": "events", "arguments": {"name": "x"}}"#,
            vec![events.clone()],
        ),
        (
            r#"{"name": "events", "parameters": {"name": "x"}}"#,
            vec![events.clone()],
        ),
        (
            "<tool_call>\n{\"name\": \"events\", \"arguments\": {\"name\": \"x\"}}\n</tool_call>\n\
             <tool_call>{\"name\": \"pvc_chain\", \"arguments\": {}}",
            vec![events, call("call_2_1", "pvc_chain", "{}")],
        ),
    ];
    for (content, calls) in cases {
        let answer = read(json!({"content": content})).await;
        assert_eq!((answer.calls, answer.text), (calls, None), "{content}");
    }
}

#[tokio::test]
async fn other_json_stays_text() {
    let cases = [
        r#"{"name": "rm", "arguments": {}}"#,
        r#"{"name": "events"}"#,
        r#"I would call {"name": "events", "arguments": {}}"#,
        r#"{"verdict": "root_cause"}"#,
    ];
    for content in cases {
        let answer = read(json!({"content": content})).await;
        assert_eq!(
            (answer.calls, answer.text.as_deref()),
            (Vec::new(), Some(content))
        );
    }
}

#[tokio::test]
async fn odd_fields_do_no_harm() {
    let body = json!({
        "choices": [{"finish_reason": 7, "message": {"content": "ok", "tool_calls": null}}],
        "usage": {"prompt_tokens": "12", "completion_tokens": 3.0},
    });
    let answer = ask(Reply::json(201, &body)).await.unwrap();
    assert_eq!(
        (
            answer.finish,
            answer.usage.prompt_tokens,
            answer.usage.completion_tokens
        ),
        (None, 12, 3)
    );
}

#[tokio::test]
async fn a_model_that_is_not_in_the_price_table_has_no_cost() {
    let body = json!({"model": "gpt-5-mini", "choices": [{"message": {"content": "ok"}}]});
    let server = crate::server::Server::start(vec![Reply::json(200, &body)]);
    let mut settings = server.settings();
    settings.prices = llm::PriceTable::empty();
    let answer = llm::ChatModel::chat(&crate::server::model(settings), &request())
        .await
        .unwrap();
    assert_eq!(answer.usage.cost_micro_usd, None);
}
