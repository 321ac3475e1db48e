//! Validation of one container: what it runs, asks for, listens on and is probed by.

use serde_json::{Value, json};

use crate::api::status::Cause;
use crate::api::write::decode::amount;
use crate::api::write::validate::choice::{one_of, port_problem};
use crate::build::json::{entries, items, text};

const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];

/// Ways in which a probe asks.
const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];

/// Problems of a container at that path. `twin`: another before it has its name.
pub(crate) fn problems(container: &Value, at: &str, twin: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(container, "/name");
    if name.is_empty() {
        causes.push(Cause::required(&format!("{at}.name"), ""));
    } else if twin {
        causes.push(Cause::duplicate(&format!("{at}.name"), &json!(name)));
    }
    let image = text(container, "/image");
    if image.is_empty() {
        causes.push(Cause::required(&format!("{at}.image"), ""));
    } else if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        causes.push(Cause::value(&format!("{at}.image"), &json!(image), why));
    }
    causes.extend(one_of(container, at, "imagePullPolicy", PULL_POLICIES));
    causes.extend(one_of(
        container,
        at,
        "terminationMessagePolicy",
        &["FallbackToLogsOnError", "File"],
    ));
    for (index, port) in items(container, "/ports").iter().enumerate() {
        causes.extend(port_problems(
            port,
            &format!("{at}.ports[{index}]"),
            "containerPort",
        ));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found) = container.get(probe).filter(|found| found.is_object()) {
            causes.extend(probe_problems(found, &format!("{at}.{probe}")));
        }
    }
    for (index, variable) in items(container, "/env").iter().enumerate() {
        let place = format!("{at}.env[{index}]");
        if text(variable, "/name").is_empty() {
            causes.push(Cause::required(&format!("{place}.name"), ""));
        }
        if !text(variable, "/value").is_empty() && variable.get("valueFrom").is_some() {
            let why = "may not be specified when `value` is not empty";
            causes.push(Cause::value(&format!("{place}.valueFrom"), &json!(""), why));
        }
    }
    causes.extend(resource_problems(container, at));
    causes
}

/// Amounts that cannot be given, or not together.
fn resource_problems(container: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    for list in ["limits", "requests"] {
        for (resource, quantity) in entries(container, &format!("/resources/{list}")) {
            let place = format!("{at}.resources.{list}[{resource}]");
            let is_standard = matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage")
                || resource.starts_with("hugepages-");
            if !is_standard && !resource.contains('/') {
                let why = "must be a standard resource for containers";
                causes.push(Cause::value(&place, &json!(resource), why));
            }
            let shown = shown(Some(quantity)).unwrap_or_default();
            if amount(&shown).is_some_and(|amount| amount < 0.0) {
                let why = "must be greater than or equal to 0";
                causes.push(Cause::value(&place, &json!(shown), why));
            }
        }
    }
    for (resource, request) in entries(container, "/resources/requests") {
        let limit = container.pointer(&format!(
            "/resources/limits/{}",
            resource.replace('~', "~0").replace('/', "~1")
        ));
        let (Some(wanted), Some(allowed)) = (shown(Some(request)), shown(limit)) else {
            continue;
        };
        if amount(&wanted)
            .zip(amount(&allowed))
            .is_some_and(|(wanted, allowed)| wanted > allowed)
        {
            let why = format!("must be less than or equal to {resource} limit of {allowed}");
            causes.push(Cause::value(
                &format!("{at}.resources.requests"),
                &json!(wanted),
                &why,
            ));
        }
    }
    causes
}

/// Problems of a port at that path, whose number has the field's name.
pub(crate) fn port_problems(port: &Value, at: &str, field: &str) -> Vec<Cause> {
    let place = format!("{at}.{field}");
    let number = match port.get(field) {
        None => Some(Cause::required(&place, "")),
        Some(number) => port_problem(number, &place),
    };
    let protocol = one_of(port, at, "protocol", &["SCTP", "TCP", "UDP"]);
    number.into_iter().chain(protocol).collect()
}

fn probe_problems(probe: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut handlers = HANDLERS
        .iter()
        .filter(|handler| probe.get(**handler).is_some_and(Value::is_object));
    match (handlers.next(), handlers.next()) {
        (None, _) => causes.push(Cause::required(at, "must specify a handler type")),
        (Some(_), Some(second)) => {
            let place = format!("{at}.{second}");
            causes.push(Cause::forbidden(
                &place,
                "may not specify more than 1 handler type",
            ));
        }
        (Some(handler), None) => {
            let place = format!("{at}.{handler}.port");
            let port = probe.get(*handler).and_then(|found| found.get("port"));
            causes.extend(port.and_then(|port| port_problem(port, &place)));
        }
    }
    for field in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        let value = probe.get(field).and_then(Value::as_i64).unwrap_or(0);
        if value < 0 {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::value(&format!("{at}.{field}"), &json!(value), why));
        }
    }
    causes
}

fn shown(quantity: Option<&Value>) -> Option<String> {
    match quantity? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
