use serde_json::json;

use super::*;

fn redactor() -> Redactor {
    Redactor::from_passphrase("test")
}

fn parse(payload: &Value) -> Result<Notification, PayloadError> {
    parse_webhook(payload.to_string().as_bytes(), &redactor())
}

fn message(payload: &Value) -> String {
    parse(payload).unwrap_err().to_string()
}

/// As Alertmanager 0.25 sends it.
fn payload() -> Value {
    json!({
        "receiver": "dogwatch",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-5d8f-x2x4z"},
                "annotations": {"summary": "Pod is crash looping."},
                "startsAt": "2026-11-21T10:00:00.123Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus:9090/graph?g0.expr=x",
                "fingerprint": "c2dd1bca0ae4a1a4"
            },
            {
                "status": "resolved",
                "labels": {"alertname": "KubePodNotReady", "namespace": "shop"},
                "annotations": {},
                "startsAt": "2026-11-21T11:00:00+02:00",
                "endsAt": "2026-11-21T09:30:00Z",
                "generatorURL": "",
                "fingerprint": "8e1b2c3d4e5f6071"
            }
        ],
        "groupLabels": {"namespace": "shop"},
        "commonLabels": {"namespace": "shop"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": "{}:{namespace=\"shop\"}",
        "truncatedAlerts": 2
    })
}

#[test]
fn a_payload_becomes_alerts() {
    let notification = parse(&payload()).unwrap();
    assert_eq!(notification.group_key.as_str(), "{}:{namespace=\"shop\"}");
    assert_eq!(notification.status, AlertStatus::Firing);
    assert_eq!(notification.truncated_alerts, 2);
    assert_eq!(notification.group_labels["namespace"].as_str(), "shop");
    let [firing, resolved] = &notification.alerts[..] else {
        panic!("expected two alerts");
    };
    assert_eq!(firing.name(), "KubePodCrashLooping");
    assert_eq!(firing.source, AlertSource::Alertmanager);
    assert_eq!(firing.starts_at.to_string(), "2026-11-21T10:00:00.123Z");
    assert_eq!(firing.ends_at, None);
    assert_eq!(firing.fingerprint, "c2dd1bca0ae4a1a4");
    assert_eq!(firing.annotations["summary"].as_str(), "Pod is crash looping.");
    assert_eq!(resolved.status, AlertStatus::Resolved);
    assert_eq!(resolved.starts_at.to_string(), "2026-11-21T09:00:00Z");
    assert_eq!(resolved.ends_at.unwrap().to_string(), "2026-11-21T09:30:00Z");
    assert_eq!(resolved.generator_url, None);
}

#[test]
fn secrets_in_labels_annotations_and_links_are_redacted() {
    let mut payload = payload();
    payload["alerts"][0]["annotations"]["description"] = json!("login with password=hunter2secret failed");
    payload["alerts"][0]["labels"]["api_token"] = json!("hunter2secret");
    payload["alerts"][0]["generatorURL"] = json!("http://me:hunter2secret@prometheus:9090/graph");
    payload["alerts"][0]["fingerprint"] = json!("password=hunter2secret");
    payload["commonAnnotations"]["description"] = json!("password=hunter2secret");
    payload["groupKey"] = json!("{}:{password=\"hunter2secret\"}");
    payload["externalURL"] = json!("http://me:hunter2secret@alertmanager:9093");
    let notification = parse(&payload).unwrap();
    assert!(
        !format!("{notification:?}").contains("hunter2secret"),
        "{notification:?}"
    );
}

#[test]
fn unknown_fields_are_ignored_and_optional_ones_may_be_absent() {
    let notification = parse(&json!({
        "version": "4",
        "orgId": 1,
        "alerts": [{
            "status": "resolved",
            "labels": {},
            "startsAt": "2026-11-21T10:00:00Z",
            "silenceURL": "http://grafana/silence"
        }]
    }))
    .unwrap();
    assert_eq!(notification.status, AlertStatus::Resolved);
    assert_eq!(notification.group_key.as_str(), "");
    assert_eq!(notification.alerts[0].name(), "");
}

#[test]
fn an_alert_without_status_has_that_of_its_group() {
    let mut payload = payload();
    payload["alerts"][0].as_object_mut().unwrap().remove("status");
    assert_eq!(parse(&payload).unwrap().alerts[0].status, AlertStatus::Firing);
    payload.as_object_mut().unwrap().remove("status");
    assert_eq!(message(&payload), "alerts[0].status: is missing");
}

#[test]
fn errors_name_the_field() {
    let cases = [
        ("/version", json!("3"), r#"version: expected "4", found "3""#),
        ("/version", json!(4), r#"version: expected "4", found 4"#),
        ("/version", Value::Null, "version: is missing"),
        ("/alerts", json!([]), "alerts: is empty"),
        ("/alerts", json!({}), "alerts: expected a list, found an object"),
        (
            "/alerts/1",
            json!("x"),
            "alerts[1]: expected an object, found a string",
        ),
        ("/alerts/1/labels", Value::Null, "alerts[1].labels: is missing"),
        (
            "/alerts/1/startsAt",
            json!("yesterday"),
            "alerts[1].startsAt: not an RFC 3339 time",
        ),
        (
            "/alerts/1/startsAt",
            Value::Null,
            "alerts[1].startsAt: is missing",
        ),
        (
            "/alerts/0/endsAt",
            json!(5),
            "alerts[0].endsAt: expected a string, found a number",
        ),
        (
            "/alerts/0/labels/pod",
            json!(["x"]),
            "alerts[0].labels.pod: expected a string, found a list",
        ),
        (
            "/alerts/0/status",
            json!("pending"),
            r#"alerts[0].status: expected "firing" or "resolved", found "pending""#,
        ),
        (
            "/truncatedAlerts",
            json!(-1),
            "truncatedAlerts: expected a whole number (0 or more), found a number",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut payload = payload();
        *payload.pointer_mut(pointer).unwrap() = value;
        assert_eq!(message(&payload), expected, "{pointer}");
    }
}

#[test]
fn a_payload_that_is_no_object_says_so() {
    assert_eq!(message(&json!([1])), "payload: expected an object, found a list");
}

#[test]
fn invalid_json_is_located() {
    let error = parse_webhook(b"{\n  \"version\": \"4\",\n}", &redactor()).unwrap_err();
    assert!(
        matches!(&error, PayloadError::Json { line: 3, reason, .. } if !reason.contains("line")),
        "{error:?}"
    );
    assert!(error.to_string().starts_with("line 3, column "), "{error}");
    assert!(parse_webhook(b"", &redactor()).is_err());
    assert!(parse_webhook(b"\xff", &redactor()).is_err());
}

#[test]
fn too_many_alerts_or_labels_are_refused() {
    let mut payload = payload();
    let alert = payload["alerts"][0].clone();
    payload["alerts"] = Value::Array(vec![alert.clone(); MAX_ALERTS + 1]);
    assert_eq!(
        message(&payload),
        "alerts: has 1001 entries, at most 1000 are accepted"
    );
    payload["alerts"] = Value::Array(vec![alert; MAX_ALERTS]);
    assert_eq!(parse(&payload).unwrap().alerts.len(), MAX_ALERTS);
    for index in 0..257 {
        payload["alerts"][7]["labels"][format!("label_{index}")] = json!("x");
    }
    assert_eq!(
        message(&payload),
        "alerts[7].labels: has 260 entries, at most 256 are accepted"
    );
}

#[test]
fn a_missing_fingerprint_is_derived_from_the_labels_alone() {
    let fingerprint_with = |labels: Value, starts_at: &str| {
        let mut payload = payload();
        payload["alerts"][0]["labels"] = labels;
        payload["alerts"][0]["startsAt"] = json!(starts_at);
        payload["alerts"][0]["fingerprint"] = json!("");
        parse(&payload).unwrap().alerts[0].fingerprint.clone()
    };
    let first = fingerprint_with(json!({"a": "1", "b": "2"}), "2026-11-21T10:00:00Z");
    assert_eq!(first.len(), 16);
    assert_eq!(
        first,
        fingerprint_with(json!({"b": "2", "a": "1"}), "2026-11-22T10:00:00Z")
    );
    assert_ne!(
        first,
        fingerprint_with(json!({"a": "1", "b": "3"}), "2026-11-21T10:00:00Z")
    );
    assert_ne!(
        fingerprint_with(json!({"a": "b"}), "2026-11-21T10:00:00Z"),
        fingerprint_with(json!({"ab": ""}), "2026-11-21T10:00:00Z")
    );
}
