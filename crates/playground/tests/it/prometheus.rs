//! The Prometheus API: values of the queries that the product asks, and the envelopes.

use serde_json::{Value, json};

use crate::http::{frozen, get};

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn query(expression: &str) -> Value {
    let playground = frozen().await;
    let answer = get(
        &playground,
        &format!("/prometheus/api/v1/query?query={}", encode(expression)),
    )
    .await
    .json();
    playground.shutdown().await;
    answer
}

/// Labels without braces, and value, of each element.
async fn values(expression: &str) -> Vec<(Value, String)> {
    let answer = query(expression).await;
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    let result = answer["data"]["result"].as_array().expect("a vector").clone();
    result
        .into_iter()
        .map(|element| {
            (
                element["metric"].clone(),
                element["value"][1].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn queries_have_the_values_that_prometheus_gives() {
    let cases = [
        (
            "memory_bytes",
            json!({"__name__": "memory_bytes", "pod": "web-1"}),
            "1029",
        ),
        (
            "rate(http_requests_total{code=\"500\"}[5m])",
            json!({"app": "web", "code": "500"}),
            "1",
        ),
        ("sum(rate(http_requests_total[5m]))", json!({}), "11"),
        (
            "sum by (app) (increase(http_requests_total{code!~\"2..\"}[10m]))",
            json!({"app": "web"}),
            "600",
        ),
        ("max without (pod) (memory_bytes)", json!({}), "1029"),
        ("count(http_requests_total)", json!({}), "2"),
        (
            "memory_bytes / on (pod) group_left (container) memory_limit",
            json!({"pod": "web-1", "container": "web"}),
            "0.5145",
        ),
        (
            "max_over_time(memory_bytes[10m]) > 1000",
            json!({"pod": "web-1"}),
            "1029",
        ),
        (
            "min_over_time(memory_bytes[10m])",
            json!({"pod": "web-1"}),
            "1020",
        ),
        (
            "memory_bytes offset 10m",
            json!({"__name__": "memory_bytes", "pod": "web-1"}),
            "1019",
        ),
        (
            "topk(1, http_requests_total)",
            json!({"__name__": "http_requests_total", "app": "web", "code": "200"}),
            "17400",
        ),
        ("absent(nothing{a=\"b\"})", json!({"a": "b"}), "1"),
    ];
    for (expression, labels, value) in cases {
        assert_eq!(
            values(expression).await,
            [(labels, value.to_owned())],
            "{expression}"
        );
    }
    assert!(values("memory_bytes > 5000").await.is_empty());
    assert!(
        values("memory_bytes offset 2h").await.is_empty(),
        "a sample is current for five minutes"
    );
}

#[tokio::test]
async fn errors_come_in_the_envelope() {
    let broken = query("sum(").await;
    assert_eq!(
        (broken["status"].as_str(), broken["errorType"].as_str()),
        (Some("error"), Some("bad_data"))
    );
    assert!(
        broken["error"]
            .as_str()
            .expect("a text")
            .starts_with("invalid parameter \"query\": ")
    );
    assert_eq!(
        query("http_requests_total * on (app) memory_bytes").await["status"],
        "success"
    );
    assert_eq!(
        query("http_requests_total + on (app) http_requests_total").await["errorType"],
        "execution"
    );
}

#[tokio::test]
async fn ranges_series_and_labels_are_served() {
    let playground = frozen().await;
    let base = "/prometheus/api/v1";
    let range = get(&playground, &format!("{base}/query_range?query=memory_bytes&start=2026-03-01T11:58:00Z&end=2026-03-01T12:00:00Z&step=60")).await.json();
    assert_eq!(range["data"]["resultType"], "matrix");
    let last = range["data"]["result"][0]["values"]
        .as_array()
        .expect("values")
        .last()
        .cloned();
    assert_eq!(last, Some(json!([1_772_366_400, "1029"])));
    assert_eq!(
        get(&playground, &format!("{base}/label/code/values"))
            .await
            .json()["data"],
        json!(["200", "500"])
    );
    assert_eq!(
        get(&playground, &format!("{base}/series?match[]=memory_bytes"))
            .await
            .json()["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(get(&playground, &format!("{base}/series")).await.status, 400);
    assert_eq!(
        get(&playground, &format!("{base}/labels")).await.json()["data"][0],
        "__name__"
    );
    assert_eq!(
        get(&playground, &format!("{base}/status/buildinfo")).await.json()["status"],
        "success"
    );
}
