//! Alertmanager's webhook: durable before the answer, counted when repeated, refused by field.

use std::time::Duration;

use domain::{EventBody, InvestigationId, Subject};
use serde_json::{Value, json};
use store::InvestigationFilter;
use tokio::time::timeout;

use crate::http::Request;
use crate::samples::{webhook, webhook_with};
use crate::service::{Options, SECRET, Service};

fn id(answer: &Value) -> InvestigationId {
    answer["investigation"].as_str().unwrap().parse().unwrap()
}

async fn count(service: &Service) -> usize {
    let filter = InvestigationFilter::default();
    service.store.investigations(&filter).await.unwrap().len()
}

#[tokio::test]
async fn firing_alerts_are_durable_when_the_webhook_is_answered() {
    let service = Service::start().await;
    let answer = service.webhook(webhook()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let told = answer.json();
    let id = id(&told);
    let expected = json!({
        "investigation": id.to_string(), "duplicate": false, "firing": 1, "resolved": 1,
        "url": format!("/api/v1/investigations/{id}"),
    });
    assert_eq!(told, expected);

    let row = service.store.investigation(id).await.unwrap().unwrap();
    assert_eq!(row.title.as_str(), "alert KubePodCrashLooping");
    assert_eq!((row.cluster.as_str(), row.firings), ("prod", 1));
    let opened = service.store.events(id).await.unwrap().remove(0).body;
    let EventBody::Opened {
        subject: Subject::Alerts { alerts },
        ..
    } = opened
    else {
        panic!("not opened by alerts: {opened:?}");
    };
    assert_eq!(alerts.len(), 1);
    timeout(Duration::from_secs(5), service.wake.notified())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_same_firing_is_counted_and_not_investigated_again() {
    let service = Service::start().await;
    let first = service.webhook(webhook()).await.json();
    let again = service.webhook(webhook()).await;
    assert_eq!(again.status, 202);
    let again = again.json();
    assert_eq!(again["duplicate"], json!(true));
    assert_eq!(id(&again), id(&first));
    let row = service.store.investigation(id(&first)).await.unwrap().unwrap();
    assert_eq!(row.firings, 2);

    let later = webhook_with("/alerts/0/startsAt", json!("2026-11-21T12:00:00Z"));
    let later = service.webhook(later).await.json();
    assert_eq!(later["duplicate"], json!(false));
    assert_ne!(id(&later), id(&first));
}

#[tokio::test]
async fn resolved_alerts_start_nothing() {
    let service = Service::start().await;
    let answer = service
        .webhook(webhook_with("/alerts/0/status", json!("resolved")))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected =
        json!({"investigation": null, "duplicate": false, "firing": 0, "resolved": 2, "url": null});
    assert_eq!(answer.json(), expected);
    assert_eq!(count(&service).await, 0);
}

#[tokio::test]
async fn a_bad_field_is_named() {
    let service = Service::start().await;
    for (pointer, value, field) in [
        ("/alerts/1/startsAt", json!("yesterday"), "alerts[1].startsAt"),
        ("/alerts/0/labels", json!([]), "alerts[0].labels"),
        ("/version", json!("3"), "version"),
        ("/alerts", json!([]), "alerts"),
    ] {
        let answer = service.webhook(webhook_with(pointer, value)).await;
        let expected = (422, "invalid_payload".to_owned(), field.to_owned());
        assert_eq!(answer.error(), expected, "{answer:?}");
    }
    assert_eq!(count(&service).await, 0);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_with_its_place() {
    let service = Service::start().await;
    let answer = service.webhook("{\n  \"version\": 4,\n}").await;
    assert_eq!(answer.error(), (400, "invalid_json".to_owned(), String::new()));
    assert!(answer.body.contains("line 3, column "), "{answer:?}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let options = Options {
        body_limit_bytes: 4096,
        ..Options::default()
    };
    let service = Service::start_with(options).await;
    let large = webhook_with("/alerts/0/annotations/summary", json!("x".repeat(5000)));
    let answer = service.webhook(large).await;
    assert_eq!(
        answer.error(),
        (413, "payload_too_large".to_owned(), String::new())
    );
    assert_eq!(count(&service).await, 0);
    assert_eq!(service.webhook(webhook()).await.status, 202);
}

#[tokio::test]
async fn the_secret_is_needed_as_bearer_token_or_as_password() {
    let service = Service::start().await;
    // alertmanager:secret-of-the-webhooks, alertmanager:wrong
    let right = "Basic YWxlcnRtYW5hZ2VyOnNlY3JldC1vZi10aGUtd2ViaG9va3M=";
    let wrong = "Basic YWxlcnRtYW5hZ2VyOndyb25n";
    let bearer = format!("bearer {SECRET}");
    for (header, status) in [
        (None, 401),
        (Some("Bearer wrong"), 401),
        (Some("Bearer"), 401),
        (Some(SECRET), 401),
        (Some(wrong), 401),
        (Some("Basic ???"), 401),
        (Some(right), 202),
        (Some(bearer.as_str()), 202),
    ] {
        let request = Request::post("/webhooks/alertmanager", webhook());
        let request = match header {
            Some(header) => request.with("authorization", header),
            None => request,
        };
        let answer = request.send(service.addr).await;
        assert_eq!(answer.status, status, "{header:?}");
    }
    let refused = Request::post("/webhooks/alertmanager", webhook());
    let refused = refused.send(service.addr).await;
    assert_eq!(refused.error().1, "unauthorized");
    assert!(refused.header("www-authenticate").is_some(), "{refused:?}");
}

#[tokio::test]
async fn without_a_secret_webhooks_are_open_only_where_that_is_allowed() {
    for (allow_unauthenticated, status) in [(false, 401), (true, 202)] {
        let options = Options {
            webhook_secret: None,
            allow_unauthenticated,
            ..Options::default()
        };
        let service = Service::start_with(options).await;
        let request = Request::post("/webhooks/alertmanager", webhook());
        assert_eq!(request.send(service.addr).await.status, status);
    }
}

#[tokio::test]
async fn a_store_that_fails_asks_the_sender_to_come_back() {
    let service = Service::start().await;
    service.store.close().await;
    let answer = service.webhook(webhook()).await;
    assert_eq!(answer.error(), (503, "unavailable".to_owned(), String::new()));
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert!(!answer.body.contains("pool"), "{answer:?}");
}
