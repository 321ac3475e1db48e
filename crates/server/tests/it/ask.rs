//! Asking for an investigation: exactly one subject, unknown fields named.

use domain::{EventBody, InvestigationId, ObjectRef, Subject};
use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::service::Service;

const PATH: &str = "/api/v1/investigations";

async fn ask(service: &Service, body: Value) -> Answer {
    service.api(Request::post(PATH, body)).await
}

/// What the investigation of an answer is about.
async fn subject(service: &Service, answer: &Answer) -> Subject {
    assert_eq!(answer.status, 202, "{answer:?}");
    let told = answer.json();
    let id: InvestigationId = told["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(told["status"], json!("queued"));
    assert_eq!(answer.header("location"), told["url"].as_str());
    match service.store.events(id).await.unwrap().remove(0).body {
        EventBody::Opened { subject, cluster } => {
            assert_eq!(cluster, "prod");
            subject
        }
        other => panic!("not opened: {other:?}"),
    }
}

#[tokio::test]
async fn a_question_is_redacted_and_asked_anew_each_time() {
    let service = Service::start().await;
    let body = json!({"question": "why does login with password=hunter2secret fail", "namespace": "shop"});
    let answer = ask(&service, body.clone()).await;
    let Subject::Question { text, namespace } = subject(&service, &answer).await else {
        panic!("no question: {answer:?}");
    };
    assert!(text.as_str().starts_with("why does login with "), "{text}");
    assert!(!text.as_str().contains("hunter2secret"), "{text}");
    assert_eq!(namespace.as_deref(), Some("shop"));

    let again = ask(&service, body).await;
    assert_ne!(again.json()["id"], answer.json()["id"]);
}

#[tokio::test]
async fn a_workload_may_be_named_as_kubectl_does() {
    let service = Service::start().await;
    for name in [
        "shop/deploy/checkout",
        "shop/deployments/checkout",
        "shop/Deployment/checkout",
    ] {
        let answer = ask(&service, json!({ "workload": name })).await;
        let expected = Subject::Workload {
            object: ObjectRef::of("Deployment", "shop", "checkout"),
        };
        assert_eq!(subject(&service, &answer).await, expected);
    }
}

#[tokio::test]
async fn an_alert_begins_now_unless_it_says_when() {
    let service = Service::start().await;
    let answer = ask(
        &service,
        json!({"alert": {"labels": {"alertname": "KubePodNotReady"}}}),
    )
    .await;
    let Subject::Alerts { alerts } = subject(&service, &answer).await else {
        panic!("no alert: {answer:?}");
    };
    assert_eq!(alerts[0].name(), "KubePodNotReady");
}

#[tokio::test]
async fn anything_but_one_known_subject_is_refused_by_field() {
    let service = Service::start().await;
    let long = "why is it slow ".repeat(400);
    for (body, field) in [
        (json!({}), "payload"),
        (json!([]), "payload"),
        (json!({"question": null}), "payload"),
        (
            json!({"question": "why", "workload": "shop/deploy/checkout"}),
            "payload",
        ),
        (json!({"question": "why", "names": "shop"}), "names"),
        (
            json!({"workload": "shop/deploy/checkout", "namespace": "shop"}),
            "namespace",
        ),
        (json!({"question": "why", "namespace": "Shop; rm"}), "namespace"),
        (json!({"question": 7}), "question"),
        (json!({"question": " "}), "question"),
        (json!({ "question": long }), "question"),
        (json!({"workload": "checkout"}), "workload"),
        (json!({"workload": "shop/planet/checkout"}), "workload"),
        (json!({"workload": "shop/deploy/check out"}), "workload"),
        (json!({"alert": {}}), "alert.labels"),
        (json!({"alert": []}), "alert"),
        (json!({"alert": {"labels": {"a": 1}}}), "alert.labels.a"),
        (
            json!({"alert": {"labels": {}, "startsAt": "x"}}),
            "alert.startsAt",
        ),
        (json!({"alert": {"labels": {}, "alerts": []}}), "alert"),
    ] {
        let answer = ask(&service, body).await;
        let expected = (422, "invalid_payload".to_owned(), field.to_owned());
        assert_eq!(answer.error(), expected, "{answer:?}");
    }
    let answer = service.api(Request::post(PATH, "why?")).await;
    assert_eq!(answer.error(), (400, "invalid_json".to_owned(), String::new()));
}
