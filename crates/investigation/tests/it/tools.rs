//! Tools that compute, against worlds in which they find something, nothing, or may not look.

use domain::{Outcome, Redacted};
use playground::cases::{RenderOptions, Rendered};
use playground::stage::{Staging, render};
use playground::{ServeOptions, Weather, WeatherRule};
use serde_json::{Value, json};
use tools::{Called, Toolbox, Workspace};

use crate::world::{Stage, serve};

fn staged(fault: &str) -> Rendered {
    let staging = Staging::of_fault("tools", fault);
    let options = RenderOptions {
        seed: 5,
        randomize: false,
    };
    render(&staging, options).expect("it renders")
}

async fn stage(fault: &str, forbidden: &[&str]) -> Stage {
    let rules = forbidden.iter().map(|resource| WeatherRule::Forbid {
        resource: (*resource).to_owned(),
    });
    let options = ServeOptions {
        freeze: true,
        weather: Weather {
            rules: rules.collect(),
        },
        ..ServeOptions::default()
    };
    serve(staged(fault), options).await
}

async fn call(stage: &Stage, tool: &str, arguments: Value) -> Called {
    let workspace = Workspace::new(stage.reader.clone(), stage.metrics.clone(), stage.clock, None);
    let toolbox = Toolbox::of([tool]).expect("the tool exists");
    let arguments = Redacted::trusted(&arguments.to_string());
    toolbox
        .call(tool, &arguments, &workspace)
        .await
        .expect("it answers")
}

/// Values of the facts whose path holds the words.
fn values<'a>(called: &'a Called, words: &str) -> Vec<&'a str> {
    let facts = called.facts.iter().filter(|fact| fact.path.contains(words));
    facts.map(|fact| fact.value.as_str()).collect()
}

/// The namespace and name of the root cause, or of the workload that suffers first.
fn root(stage: &Stage) -> (String, String) {
    let object = &stage.rendered.truth.root_causes[0].object;
    (object.namespace.clone(), object.name.clone())
}

#[tokio::test]
async fn scheduling_is_explained_node_by_node() {
    let stage = stage("resource-exhaustion/insufficient-capacity", &[]).await;
    let (namespace, name) = root(&stage);
    let nodes = stage.rendered.world.of_kind("Node").count();
    let called = call(
        &stage,
        "scheduling_explain",
        json!({"namespace": namespace, "name": name}),
    )
    .await;
    let reasons = values(&called, "takes[");
    assert_eq!(reasons.len(), nodes, "{}", called.shown);
    assert!(
        reasons
            .iter()
            .all(|reason| reason.contains("insufficient") || reason.contains("taint")),
        "{reasons:?}"
    );
    assert!(
        reasons.iter().any(|reason| reason.contains("insufficient")),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn a_pod_that_is_placed_needs_no_explanation() {
    let stage = stage("resource-exhaustion/memory-limit-too-low", &[]).await;
    let (namespace, name) = root(&stage);
    let called = call(
        &stage,
        "scheduling_explain",
        json!({"namespace": namespace, "name": name}),
    )
    .await;
    assert!(called.facts.is_empty(), "{}", called.shown);
    assert!(called.shown.as_str().contains("are placed"), "{}", called.shown);
}

#[tokio::test]
async fn a_spent_quota_shows_what_is_used_and_who_was_refused() {
    let stage = stage("resource-exhaustion/quota-exceeded", &[]).await;
    let (namespace, _) = root(&stage);
    let called = call(&stage, "quota_usage", json!({"namespace": namespace})).await;
    assert!(!values(&called, "used[").is_empty(), "{}", called.shown);
    assert!(
        values(&called, "events[FailedCreate]")
            .iter()
            .any(|text| text.contains("exceeded quota")),
        "{}",
        called.shown
    );
}

#[tokio::test]
async fn quotas_that_may_not_be_listed_are_no_absence() {
    let stage = stage("resource-exhaustion/quota-exceeded", &["resourcequotas"]).await;
    let (namespace, _) = root(&stage);
    let called = call(&stage, "quota_usage", json!({"namespace": namespace})).await;
    assert!(values(&called, "used[").is_empty());
    assert!(
        called.shown.as_str().contains("could not be listed"),
        "{}",
        called.shown
    );
}

#[tokio::test]
async fn rbac_is_judged_by_the_rules_of_the_api() {
    let role = |stage: &Stage| {
        let truth = &stage.rendered.truth.root_causes[0];
        (truth.object.namespace.clone(), truth.object.name.clone())
    };
    let stage = stage("config-and-secrets/rbac-denied", &[]).await;
    let (place, name) = role(&stage);
    let world = &stage.rendered.world;
    let kind = if place.is_empty() { "ClusterRole" } else { "Role" };
    let held = world.get(kind, &place, &name).expect("the role");
    let binding = world
        .of_kind("RoleBinding")
        .chain(world.of_kind("ClusterRoleBinding"))
        .find(|binding| binding["roleRef"]["name"] == json!(name))
        .expect("a binding");
    let rule = &held["rules"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let asked = |verb: &str| {
        json!({
            "namespace": binding["subjects"][0]["namespace"], "service_account": binding["subjects"][0]["name"],
            "verb": verb, "resource": rule["resources"][0], "group": rule["apiGroups"][0], "in_namespace": place,
        })
    };
    let allowed = call(&stage, "rbac_check", asked(&text(&rule["verbs"][0]))).await;
    assert_eq!(values(&allowed, "may[")[0], "allowed", "{}", allowed.shown);
    let denied = call(&stage, "rbac_check", asked("deletecollection")).await;
    assert_eq!(values(&denied, "may[")[0], "denied", "{}", denied.shown);
    assert!(
        values(&denied, "may[")
            .iter()
            .any(|reach| reach.contains("not the verb")),
        "{}",
        denied.shown
    );
}

#[tokio::test]
async fn rbac_that_cannot_be_read_is_unknown_not_denied() {
    let stage = stage("config-and-secrets/rbac-denied", &["clusterrolebindings"]).await;
    let arguments = json!({
        "namespace": "shop", "service_account": "nobody", "verb": "get", "resource": "pods", "in_namespace": "shop",
    });
    let called = call(&stage, "rbac_check", arguments).await;
    assert!(
        values(&called, "may[")[0].starts_with("unknown"),
        "{}",
        called.shown
    );
}

#[tokio::test]
async fn webhooks_that_match_show_their_backend() {
    let stage = stage("config-and-secrets/webhook-blocking", &[]).await;
    let victim = &stage.rendered.truth.victims[0];
    let called = call(&stage, "webhooks_for", json!({"namespace": victim.namespace})).await;
    assert_eq!(called.outcome, Outcome::Found, "{}", called.shown);
    assert!(
        values(&called, "failurePolicy").contains(&"Fail"),
        "{}",
        called.shown
    );
    let elsewhere = call(
        &stage,
        "webhooks_for",
        json!({"namespace": victim.namespace, "resource": "nodes"}),
    )
    .await;
    assert_eq!(elsewhere.outcome, Outcome::Empty, "{}", elsewhere.shown);
}

#[tokio::test]
async fn certificates_say_whether_they_were_valid_then() {
    let stage = stage("config-and-secrets/certificate-expired", &[]).await;
    let (namespace, _) = root(&stage);
    let called = call(&stage, "certificate_check", json!({"namespace": namespace})).await;
    assert!(
        values(&called, "validity").contains(&"expired"),
        "{}",
        called.shown
    );
}

#[tokio::test]
async fn autoscalers_show_bounds_and_conditions() {
    let stage = stage("resource-exhaustion/hpa-cannot-scale", &[]).await;
    let (namespace, _) = root(&stage);
    let called = call(&stage, "hpa_status", json!({"namespace": namespace})).await;
    assert!(
        !values(&called, "spec.maxReplicas").is_empty(),
        "{}",
        called.shown
    );
    assert!(!values(&called, "ScalingLimited").is_empty() || !values(&called, "ScalingActive").is_empty());
    let none = call(
        &stage,
        "hpa_status",
        json!({"namespace": namespace, "workload": "no-such"}),
    )
    .await;
    assert_eq!(none.outcome, Outcome::Empty);
}

#[tokio::test]
async fn promql_is_answered_with_figures_and_refusals_say_why() {
    let stage = stage("resource-exhaustion/memory-leak", &[]).await;
    let (namespace, _) = root(&stage);
    let query =
        format!("max by (namespace, pod) (container_memory_working_set_bytes{{namespace=\"{namespace}\"}})");
    let called = call(&stage, "metrics_query", json!({"query": query})).await;
    assert_eq!(called.outcome, Outcome::Found, "{}", called.shown);
    assert!(
        called
            .facts
            .iter()
            .all(|fact| fact.object.kind == "Pod" && fact.value.as_str().contains("last "))
    );
    let wrong = call(&stage, "metrics_query", json!({"query": "sum by ("})).await;
    assert!(
        matches!(wrong.outcome, Outcome::CouldNotLook { .. }),
        "{}",
        wrong.shown
    );
}

#[tokio::test]
async fn key_names_of_secrets_are_told_and_values_are_not() {
    let stage = stage("config-and-secrets/key-missing", &[]).await;
    let workload = &stage.rendered.truth.victims.first().map_or_else(
        || stage.rendered.truth.root_causes[0].object.clone(),
        Clone::clone,
    );
    let called = call(
        &stage,
        "config_refs",
        json!({"namespace": workload.namespace, "name": workload.name}),
    )
    .await;
    assert!(
        values(&called, "keys")
            .iter()
            .any(|keys| keys.contains("password")),
        "{}",
        called.shown
    );
}
