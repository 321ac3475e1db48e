use serde_json::json;

use super::*;

fn parse(content: &Value) -> Result<FileStimulus, PayloadError> {
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    parse_file(
        content.to_string().as_bytes(),
        &Redactor::from_passphrase("test"),
        now,
    )
}

fn message(content: &Value) -> String {
    parse(content).unwrap_err().to_string()
}

fn payload() -> Value {
    json!({
        "version": "4",
        "groupKey": "{}",
        "alerts": [{
            "status": "firing",
            "labels": {"alertname": "KubePodNotReady"},
            "startsAt": "2026-11-21T10:00:00Z"
        }]
    })
}

#[test]
fn a_webhook_payload_is_read_bare_and_wrapped() {
    let bare = parse(&payload()).unwrap();
    assert_eq!(parse(&json!({"alertmanager": payload()})).unwrap(), bare);
    assert!(matches!(bare, FileStimulus::Notification(notification) if notification.alerts.len() == 1));
}

#[test]
fn errors_in_a_wrapped_payload_name_the_whole_path() {
    let mut wrapped = json!({"alertmanager": payload()});
    wrapped["alertmanager"]["alerts"][0]["startsAt"] = json!("noon");
    assert_eq!(
        message(&wrapped),
        "alertmanager.alerts[0].startsAt: not an RFC 3339 time"
    );
}

#[test]
fn a_single_alert_fires_now_unless_it_says_otherwise() {
    let labels = json!({"alertname": "KubePodNotReady", "namespace": "shop"});
    let FileStimulus::Alert(alert) = parse(&json!({"labels": labels})).unwrap() else {
        panic!("expected an alert");
    };
    assert_eq!(alert.source, AlertSource::Direct);
    assert_eq!(alert.status, AlertStatus::Firing);
    assert_eq!(alert.starts_at.to_string(), "2026-11-21T12:00:00Z");
    assert_eq!(alert.label("namespace"), Some("shop"));

    let dated = json!({"labels": labels, "startsAt": "2026-11-21T10:00:00Z", "status": "resolved"});
    let FileStimulus::Alert(alert) = parse(&dated).unwrap() else {
        panic!("expected an alert");
    };
    assert_eq!(alert.status, AlertStatus::Resolved);
    assert_eq!(alert.starts_at.to_string(), "2026-11-21T10:00:00Z");
}

#[test]
fn a_question_may_name_a_namespace_and_is_redacted() {
    let FileStimulus::Question { text, namespace } =
        parse(&json!({"question": "why does password=hunter2secret fail?", "namespace": "shop"})).unwrap()
    else {
        panic!("expected a question");
    };
    assert!(!text.as_str().contains("hunter2secret"), "{text}");
    assert_eq!(namespace.as_deref(), Some("shop"));
    assert_eq!(message(&json!({"question": " "})), "question: is empty");
    assert_eq!(
        message(&json!({"question": "why?", "namespace": ""})),
        "namespace: is empty"
    );
}

#[test]
fn a_workload_has_three_parts() {
    let FileStimulus::Workload(name) = parse(&json!({"workload": "shop/deploy/checkout"})).unwrap() else {
        panic!("expected a workload");
    };
    assert_eq!(name.to_string(), "shop/deploy/checkout");
    assert_eq!(name.kind, "deploy");
    for wrong in ["checkout", "shop/checkout", "shop//checkout", "a/b/c/d", ""] {
        assert_eq!(
            message(&json!({"workload": wrong})),
            format!("workload: expected \"namespace/kind/name\", found \"{wrong}\"")
        );
    }
}

#[test]
fn other_files_are_told_what_is_expected() {
    assert_eq!(
        message(&json!({"kind": "Pod"})),
        format!("payload: expected {FORMS}, found {{\"kind\":\"Pod\"}}")
    );
    assert_eq!(message(&json!([])), "payload: expected an object, found a list");
}
