//! Token counts.

use llm::{ChatRequest, count_tokens, request_tokens, tools_tokens};

use crate::server::request;

#[test]
fn tokens_are_those_of_o200k() {
    assert_eq!(count_tokens(""), 0);
    assert_eq!(count_tokens("hello world"), 2);
    assert_eq!(count_tokens("The quick brown fox jumps over the lazy dog."), 10);
}

#[test]
fn a_request_s_tokens_are_those_of_its_messages_and_tools() {
    let whole = request();
    let bare = ChatRequest {
        tools: Vec::new(),
        ..whole.clone()
    };
    assert_eq!(
        request_tokens(&whole),
        request_tokens(&bare) + tools_tokens(&whole.tools)
    );
    let texts = count_tokens(crate::server::SYSTEM) + count_tokens("Why is the pod `shop/db-0` pending?");
    assert_eq!(request_tokens(&bare), texts + 8);
    assert!(tools_tokens(&whole.tools) > 20);
}
