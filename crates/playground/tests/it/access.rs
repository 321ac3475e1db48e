//! Tokens, rules and the reviews.

use playground::{AccessRule, Identity, Playground, ServeOptions};
use serde_json::{Value, json};

use crate::http::{Answer, Ask, ask};
use crate::world::small;

async fn guarded() -> Playground {
    let mut rule = AccessRule::cluster(&["get", "list"], &["pods", "pods/log"]);
    rule.namespaces = vec!["shop".to_owned()];
    let tokens = vec![
        Identity::admin("root", "alice"),
        Identity::restricted("reader", "bob", vec![rule]),
    ];
    Playground::start(
        small(),
        ServeOptions {
            freeze: true,
            tokens,
            ..ServeOptions::default()
        },
    )
    .await
    .expect("started")
}

async fn as_user(playground: &Playground, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    ask(
        playground,
        Ask {
            method,
            path,
            headers: &headers,
            body,
        },
    )
    .await
}

#[tokio::test]
async fn without_a_known_token_nobody_comes_in() {
    let playground = guarded().await;
    let answer = as_user(&playground, "wrong", "GET", "/api/v1/pods", Value::Null).await;
    assert_eq!((answer.status, answer.message().as_str()), (401, "Unauthorized"));
}

#[tokio::test]
async fn rules_grant_what_they_name_and_refusals_say_who_wanted_what() {
    let playground = guarded().await;
    assert_eq!(
        as_user(
            &playground,
            "reader",
            "GET",
            "/api/v1/namespaces/shop/pods",
            Value::Null
        )
        .await
        .status,
        200
    );
    let cases = [
        (
            "GET",
            "/api/v1/pods",
            "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" at the cluster scope",
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/shop/deployments",
            "deployments.apps is forbidden: User \"bob\" cannot list resource \"deployments\" in API group \"apps\" in the namespace \"shop\"",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/shop/pods/db-0",
            "pods \"db-0\" is forbidden: User \"bob\" cannot delete resource \"pods\" in API group \"\" in the namespace \"shop\"",
        ),
    ];
    for (method, path, wanted) in cases {
        let answer = as_user(&playground, "reader", method, path, Value::Null).await;
        assert_eq!((answer.status, answer.message().as_str()), (403, wanted));
    }
}

#[tokio::test]
async fn reviews_tell_callers_about_themselves() {
    let playground = guarded().await;
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (verb, allowed) in [("list", true), ("delete", false)] {
        let review =
            json!({"spec": {"resourceAttributes": {"namespace": "shop", "verb": verb, "resource": "pods"}}});
        let answer = as_user(&playground, "reader", "POST", path, review).await;
        assert_eq!(
            (answer.status, answer.json()["status"]["allowed"].as_bool()),
            (201, Some(allowed))
        );
    }
    let rules = as_user(
        &playground,
        "reader",
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        json!({"spec": {"namespace": "shop"}}),
    )
    .await;
    assert_eq!(
        rules.json()["status"]["resourceRules"][0]["resources"],
        json!(["pods", "pods/log"])
    );
    let who = as_user(
        &playground,
        "reader",
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        json!({}),
    )
    .await;
    assert_eq!(who.json()["status"]["userInfo"]["username"], "bob");
}
