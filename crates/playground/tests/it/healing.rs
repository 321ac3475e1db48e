//! Every remedy of every fault, over HTTP: what heals, heals, and what does not, does not.

use std::collections::BTreeMap;
use std::time::Duration;

use playground::cases::RenderOptions;
use playground::faults::{Fault, Remedy, Step, registry};
use playground::stage::{Rendered, Staging, render};
use playground::world::ObjectKey;
use playground::{Playground, ServeOptions, World};
use serde_json::Value;

use crate::http::{get, send};

mod kubectl;
mod scenarios;
mod slice;
mod two;

/// How long a cluster may take to converge: back-offs of five minutes, and a progress deadline.
const LONG: Duration = Duration::from_secs(25 * 60);

/// A world with one fault.
fn staged(fault: &str, seed: u64) -> Rendered {
    let mut staging = Staging::of_fault("healing", fault);
    if let Ok(params) = std::env::var("HEALING_PARAMS") {
        staging.faults[0].params = serde_json::from_str(&params).expect("a JSON object");
    }
    let options = RenderOptions {
        seed,
        randomize: seed > 0,
    };
    render(&staging, options).unwrap_or_else(|error| panic!("{fault} with seed {seed}: {error}"))
}

/// The world, served on its frozen clock.
async fn serve(rendered: &Rendered) -> Playground {
    let options = ServeOptions {
        freeze: true,
        staged: Some(rendered.staged()),
        ..ServeOptions::default()
    };
    Playground::start(rendered.world.clone(), options)
        .await
        .expect("started")
}

/// The path of an object, or of its collection when it has no name.
async fn path(playground: &Playground, key: &ObjectKey) -> String {
    let versions = if key.group.is_empty() {
        "/api/v1".to_owned()
    } else {
        let group = get(playground, &format!("/apis/{}", key.group)).await.json();
        let version = group["preferredVersion"]["groupVersion"]
            .as_str()
            .unwrap_or_default();
        format!("/apis/{version}")
    };
    let resources = get(playground, &versions).await.json();
    let plural = resources["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|resource| {
            resource["kind"] == key.kind.as_str()
                && resource["name"].as_str().is_some_and(|name| !name.contains('/'))
        })
        .and_then(|resource| resource["name"].as_str())
        .unwrap_or_else(|| panic!("no resource for {key:?}"));
    let scope = if key.namespace.is_empty() {
        String::new()
    } else {
        format!("/namespaces/{}", key.namespace)
    };
    let name = if key.name.is_empty() {
        String::new()
    } else {
        format!("/{}", key.name)
    };
    format!("{versions}{scope}/{plural}{name}")
}

/// Sends the requests of a remedy; the first refusal is returned.
async fn apply(playground: &Playground, remedy: &Remedy) -> Result<(), String> {
    for step in &remedy.steps {
        let (method, key, media, body) = match step {
            Step::MergePatch { object, patch } => {
                ("PATCH", object.clone(), "merge-patch+json", patch.clone())
            }
            Step::StrategicPatch { object, patch } => (
                "PATCH",
                object.clone(),
                "strategic-merge-patch+json",
                patch.clone(),
            ),
            Step::JsonPatch { object, patch } => ("PATCH", object.clone(), "json-patch+json", patch.clone()),
            Step::Create(object) => {
                let mut key = ObjectKey::of(object).expect("an object");
                key.name = String::new();
                ("POST", key, "json", object.clone())
            }
            Step::Delete(object) => ("DELETE", object.clone(), "json", Value::Null),
        };
        let path = path(playground, &key).await;
        let body = if body.is_null() {
            serde_json::json!({})
        } else {
            body
        };
        let answer = send(playground, method, &path, &format!("application/{media}"), &body).await;
        if answer.status >= 300 {
            return Err(format!("{method} {path}: {} {}", answer.status, answer.body));
        }
        // People take a moment between two commands.
        playground.advance(Duration::from_secs(2));
    }
    Ok(())
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The controller at the top of a pod's owners, by kind and name.
fn root(world: &World, pod: &Value) -> (String, String, String) {
    let namespace = text(pod, "/metadata/namespace");
    let mut at = pod.clone();
    while let Some(owner) = at.pointer("/metadata/ownerReferences/0").cloned() {
        match world.get(text(&owner, "/kind"), namespace, text(&owner, "/name")) {
            Some(parent) => at = parent.clone(),
            None => break,
        }
    }
    (
        text(&at, "/kind").to_owned(),
        namespace.to_owned(),
        text(&at, "/metadata/name").to_owned(),
    )
}

/// Workloads that the truth names.
fn named(rendered: &Rendered) -> Vec<&ObjectKey> {
    let truth = &rendered.truth;
    truth
        .root_causes
        .iter()
        .map(|cause| &cause.object)
        .chain(&truth.victims)
        .filter(|key| matches!(key.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet"))
        .collect()
}

/// What is wrong with the named workloads and Services, in words.
fn complaints(rendered: &Rendered, world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for key in named(rendered) {
        let Some(object) = world.object(key) else { continue };
        let status = |field: &str| object["status"][field].as_i64().unwrap_or(0);
        let (wanted, has) = if key.kind == "DaemonSet" {
            (status("desiredNumberScheduled"), status("numberReady"))
        } else {
            (
                object["spec"]["replicas"].as_i64().unwrap_or(1),
                status("availableReplicas"),
            )
        };
        if has < wanted {
            found.push(format!("{} {}: {has} of {wanted} available", key.kind, key.name));
        }
    }
    for pod in world.of_kind("Pod") {
        let (kind, namespace, name) = root(world, pod);
        let is_named = named(rendered)
            .iter()
            .any(|key| (&key.kind, &key.namespace, &key.name) == (&kind, &namespace, &name));
        let is_over =
            text(pod, "/status/phase") == "Failed" || pod.pointer("/metadata/deletionTimestamp").is_some();
        if is_named && !is_over && !is_ready(pod) {
            found.push(format!(
                "pod {} is {}: {}",
                text(pod, "/metadata/name"),
                text(pod, "/status/phase"),
                pod.pointer("/status/containerStatuses/0/state")
                    .or_else(|| pod.pointer("/status/conditions/0"))
                    .unwrap_or(&Value::Null)
            ));
        }
    }
    for key in rendered.truth.victims.iter().filter(|key| key.kind == "Service") {
        let endpoints = world.get("Endpoints", &key.namespace, &key.name);
        if endpoints.is_some_and(|found| found.pointer("/subsets/0/addresses/0").is_none()) {
            found.push(format!("Service {} has no endpoints", key.name));
        }
    }
    found
}

/// Whether pods of the named workloads fail so fast that new ones are seen to fail, too: a leak takes hours.
fn shows_soon(rendered: &Rendered) -> bool {
    let at = |pod: &Value, field: &str| {
        let pointer = format!("/status/containerStatuses/0/lastState/terminated/{field}");
        text(pod, &pointer).parse::<jiff::Timestamp>().ok()
    };
    let failing = ailing(rendered, &rendered.world);
    // Where one pod of a ReplicaSet fails and another runs, it is the node that matters: the next one may be luckier.
    let owner = |pod: &Value| text(pod, "/metadata/ownerReferences/0/uid").to_owned();
    let (ill, well): (Vec<&Value>, Vec<&Value>) = rendered
        .world
        .of_kind("Pod")
        .partition(|pod| failing.iter().any(|name| name == text(pod, "/metadata/name")));
    let is_luck = ill
        .iter()
        .any(|pod| well.iter().any(|other| owner(pod) == owner(other)));
    let is_of_node = rendered
        .truth
        .root_causes
        .iter()
        .any(|cause| cause.params.get("node").is_some());
    !failing.is_empty()
        && !is_luck
        && !is_of_node
        && rendered
            .world
            .of_kind("Pod")
            .filter(|pod| failing.iter().any(|name| name == text(pod, "/metadata/name")))
            .all(|pod| match (at(pod, "startedAt"), at(pod, "finishedAt")) {
                (Some(start), Some(end)) => end.duration_since(start).as_secs() < 600,
                _ => true,
            })
}

/// Pods of the named workloads that are not ready or have restarted.
fn ailing(rendered: &Rendered, world: &World) -> Vec<String> {
    world
        .of_kind("Pod")
        .filter(|pod| {
            let (kind, namespace, name) = root(world, pod);
            let restarts = pod.pointer("/status/containerStatuses/0/restartCount");
            named(rendered)
                .iter()
                .any(|key| (&key.kind, &key.namespace, &key.name) == (&kind, &namespace, &name))
                && (!is_ready(pod) || restarts.and_then(Value::as_i64).unwrap_or(0) > 0)
        })
        .map(|pod| text(pod, "/metadata/name").to_owned())
        .collect()
}

/// Workloads that a remedy touches, by kind, namespace and name.
fn touched(world: &World, remedy: &Remedy) -> Vec<(String, String, String)> {
    remedy
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::MergePatch { object, .. }
            | Step::StrategicPatch { object, .. }
            | Step::JsonPatch { object, .. }
            | Step::Delete(object) => world.object(object),
            Step::Create(_) => None,
        })
        .map(|object| root(world, object))
        .collect()
}

/// Pods that ran well before and have nothing to do with the fault nor the remedy, by uid.
fn bystanders(
    rendered: &Rendered,
    world: &World,
    touched: &[(String, String, String)],
) -> BTreeMap<String, String> {
    world
        .of_kind("Pod")
        .filter(|pod| is_ready(pod))
        .filter(|pod| {
            let node = text(pod, "/spec/nodeName");
            !touched
                .iter()
                .any(|(kind, _, name)| kind == "Node" && name == node)
        })
        .filter(|pod| {
            let (kind, namespace, name) = root(world, pod);
            let place = (kind.clone(), namespace.clone(), name.clone());
            !touched.contains(&place)
                && !named(rendered)
                    .iter()
                    .any(|key| (&key.kind, &key.namespace, &key.name) == (&kind, &namespace, &name))
        })
        .map(|pod| {
            (
                text(pod, "/metadata/uid").to_owned(),
                text(pod, "/metadata/name").to_owned(),
            )
        })
        .collect()
}

/// Applies one remedy of a fault to a fresh copy of the world and lists what is not as it should be.
async fn judge(place: &str, fault: &dyn Fault, rendered: &Rendered, remedy: &Remedy) -> Vec<String> {
    let playground = serve(rendered).await;
    let mut wrong: Vec<String> = Vec::new();
    if let Err(refusal) = apply(&playground, remedy).await {
        wrong.push(refusal);
    }
    let rounds = LONG.as_secs() / 60;
    for round in 0..rounds {
        playground.advance(Duration::from_secs(60));
        let is_settled = round > 2 && complaints(rendered, &playground.world()).is_empty();
        if remedy.heals && is_settled || !remedy.heals && round > 11 {
            break;
        }
    }
    let world = playground.world();
    let faults = playground.faults_present();
    let is_present = faults.iter().any(|(id, present)| id == fault.id() && *present);
    if is_present == remedy.heals {
        wrong.push(format!("present is {is_present}"));
    }
    let touched = touched(&rendered.world, remedy);
    let before = bystanders(rendered, &rendered.world, &touched);
    let after = bystanders(rendered, &world, &touched);
    for (uid, name) in before {
        if !after.contains_key(&uid) {
            wrong.push(format!("bystander {name} is gone or not ready"));
        }
    }
    // With another fault in the world, what still suffers may suffer from that.
    let is_alone = faults.len() == 1;
    if remedy.heals && is_alone {
        wrong.extend(complaints(rendered, &world));
    } else if !remedy.heals && is_alone && shows_soon(rendered) && ailing(rendered, &world).is_empty() {
        wrong.push("the symptom is gone".to_owned());
    }
    playground.shutdown().await;
    wrong
        .into_iter()
        .map(|what| format!("{place} {}: {what}", remedy.name))
        .collect()
}

/// Fails with what is wrong, if anything is.
fn all_right(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} things are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Two seeds, or those of `HEALING_SEEDS`.
fn seeds() -> Vec<u64> {
    let told = std::env::var("HEALING_SEEDS").unwrap_or_default();
    let told: Vec<u64> = told.split(',').filter_map(|seed| seed.parse().ok()).collect();
    if told.is_empty() { vec![0, 3] } else { told }
}

/// Judges every remedy of the faults of a category: those that heal with two seeds, the others with one.
async fn judge_all(category: &str) {
    let only = std::env::var("HEALING_ONLY").unwrap_or_default();
    let mut wrong: Vec<String> = Vec::new();
    let faults = registry().filter(|fault| fault.id().starts_with(category) && fault.id().contains(&only));
    for fault in faults {
        for seed in seeds() {
            let rendered = staged(fault.id(), seed);
            let remedies = fault.remedies(&rendered.world, &rendered.shop, &rendered.truths[0]);
            wrong.extend(two::too_few(fault, &remedies));
            for remedy in remedies.iter().filter(|remedy| remedy.heals || seed > 0) {
                let place = format!("{} seed {seed}", fault.id());
                wrong.extend(judge(&place, fault, &rendered, remedy).await);
            }
        }
    }
    all_right(&wrong);
}

#[tokio::test]
async fn resource_exhaustion() {
    judge_all("resource-exhaustion/").await;
}

#[tokio::test]
async fn image_and_deployment() {
    judge_all("image-and-deployment/").await;
}

#[tokio::test]
async fn config_and_secrets() {
    judge_all("config-and-secrets/").await;
}

#[tokio::test]
async fn cascading_failure() {
    judge_all("cascading-failure/").await;
}

#[tokio::test]
async fn storage_and_persistence() {
    judge_all("storage-and-persistence/").await;
}

#[tokio::test]
async fn app_vs_infra() {
    judge_all("app-vs-infra/").await;
}
