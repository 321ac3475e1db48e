//! Mistakes of the caller: one clear line on stderr and exit code 2.

use playground::World;
use playground::cases::{RenderOptions, cases, render};
use serde_json::{Value, json};

use crate::program::{dogwatch, ended, file, folder, run, saved};

#[test]
fn an_unknown_case_is_named_beside_the_known_ones() {
    let ended = run(&["demo", "--case", "no-such-case", "--once"]);
    assert!(ended.mistake().contains("`no-such-case`"));
    assert!(ended.mistake().contains(cases()[0].id));
}

#[test]
fn a_context_that_is_not_in_the_kubeconfig_is_named() {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "here", "cluster": { "server": "http://127.0.0.1:1" } }],
        "users": [{ "name": "here", "user": {} }],
        "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "here" } }],
        "current-context": "here",
    });
    let path = file("kubeconfig.yaml", &kubeconfig.to_string());
    let ended = ended(dogwatch(&["triage", "--context", "nowhere"]).env("KUBECONFIG", path));
    assert!(ended.mistake().contains("`nowhere`"));
    assert!(ended.mistake().contains("here"));
}

#[test]
fn an_invalid_agent_file_is_named() {
    let dir = folder("agents");
    std::fs::write(dir.join("storage.yaml"), "name: storage\nrole: wizard\n").unwrap();
    let ended = run(&["agents", "check", dir.to_str().unwrap()]);
    assert!(ended.mistake().contains("storage.yaml"));
}

#[test]
fn the_shipped_agents_hold() {
    let checked = run(&["agents", "check", "-o", "json"]).json();
    assert_eq!(checked["ok"], true);
}

#[test]
fn an_unknown_configuration_key_is_named() {
    let path = file("dogwatch.yaml", "agents:\n  max_tokns: 5\n");
    let ended = run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert!(ended.mistake().contains("max_tokns"));
}

#[test]
fn the_service_does_not_start_without_a_webhook_secret() {
    let ended = run(&["serve", "--cluster-url", "http://127.0.0.1:1"]);
    assert!(ended.mistake().contains("DOGWATCH_WEBHOOK_SECRET"));
}

#[test]
fn an_unknown_tool_is_named() {
    assert!(
        run(&["tools", "schema", "crystal_ball"])
            .mistake()
            .contains("`crystal_ball`")
    );
}

#[test]
fn a_workload_that_is_not_there_is_named() {
    let dir = saved("absent", &world());
    let ended = run(&[
        "triage",
        "--world",
        &dir,
        "--workload",
        "nowhere/deployment/nobody",
    ]);
    assert!(ended.mistake().contains("nowhere/nobody"));
}

#[test]
fn a_namespace_that_is_not_there_is_named() {
    let dir = saved("namespace", &world());
    let ended = run(&["triage", "--world", &dir, "--namespace", "nowhere"]);
    assert!(ended.mistake().contains("`nowhere`"));
}

#[test]
fn a_name_that_two_workloads_share_is_ambiguous() {
    let mut world = world();
    let mut twin = world.of_kind("Deployment").next().unwrap().clone();
    twin["kind"] = json!("StatefulSet");
    let part = |pointer: &str| twin.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let name = format!("{}/{}", part("/metadata/namespace"), part("/metadata/name"));
    assert!(world.insert(twin));
    let dir = saved("ambiguous", &world);
    let ended = run(&["triage", "--world", &dir, "--workload", &name]);
    assert!(ended.mistake().contains("Deployment"));
    assert!(ended.mistake().contains("StatefulSet"));
}

#[test]
fn an_alert_file_that_is_none_names_the_field() {
    let dir = saved("alert", &world());
    let path = file("alert.json", r#"{"version": "4", "alerts": [{"labels": 5}]}"#);
    let ended = run(&["triage", "--world", &dir, "--alert", path.to_str().unwrap()]);
    assert!(ended.mistake().contains("alerts[0]"), "{}", ended.stderr);
}

fn world() -> World {
    render(&cases()[0], RenderOptions::default()).unwrap().world
}
