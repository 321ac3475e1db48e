//! Health and metrics on the second port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::http::Request;
use crate::samples::webhook;
use crate::service::{Options, Service};

#[tokio::test]
async fn health_and_metrics_are_on_the_second_port_alone() {
    let service = Service::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            Request::get(path).send(service.ops_addr).await.status,
            200,
            "{path}"
        );
        assert_eq!(Request::get(path).send(service.addr).await.status, 404, "{path}");
    }
    let answer = Request::get("/api/v1/investigations")
        .send(service.ops_addr)
        .await;
    assert_eq!(answer.error().0, 404);
}

#[tokio::test]
async fn a_replica_is_ready_when_its_store_answers_and_it_says_so() {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    let options = Options {
        ready: Some(Arc::new(move || seen.load(Ordering::SeqCst))),
        ..Options::default()
    };
    let service = Service::start_with(options).await;
    let answer = Request::get("/readyz").send(service.ops_addr).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json(),
        json!({"ready": false, "reason": "the service starts"})
    );
    flag.store(true, Ordering::SeqCst);
    let answer = Request::get("/readyz").send(service.ops_addr).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"ready": true})));
    service.store.close().await;
    let answer = Request::get("/readyz").send(service.ops_addr).await;
    assert_eq!(answer.json()["reason"], json!("the store does not answer"));
    assert_eq!(Request::get("/healthz").send(service.ops_addr).await.status, 200);
}

#[tokio::test]
async fn webhooks_and_requests_are_counted_by_route() {
    let service = Service::start().await;
    service.webhook(webhook()).await;
    service.webhook(webhook()).await;
    service.webhook("{}").await;
    service.get("/nowhere/token-of-somebody").await;
    service.get("/api/v1/investigations/seven").await;
    let answer = Request::get("/metrics").send(service.ops_addr).await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in [
        "dogwatch_webhooks_total{source=\"alertmanager\",outcome=\"accepted\"} ",
        "dogwatch_webhooks_total{source=\"alertmanager\",outcome=\"duplicate\"} ",
        "dogwatch_webhooks_total{source=\"alertmanager\",outcome=\"invalid\"} ",
        "dogwatch_http_requests_total{route=\"/webhooks/alertmanager\",code=\"202\"} ",
        "dogwatch_http_requests_total{route=\"/api/v1/investigations/{id}\",code=\"404\"} ",
        "dogwatch_http_requests_total{route=\"unmatched\",code=\"404\"} ",
        "dogwatch_http_request_duration_seconds_bucket{route=\"unmatched\",le=\"0.005\"} ",
    ] {
        assert!(answer.body.contains(line), "{line} is not in\n{}", answer.body);
    }
    assert!(!answer.body.contains("somebody"), "{}", answer.body);
}
