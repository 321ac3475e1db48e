//! A cluster that is captured and answered again: the same brief, nothing secret, and no silence taken for absence.

use std::time::Duration;

use cluster::{ClusterReader, Limits, MetricsReader, Target};
use domain::{Clock, ObjectRef, Redactor, Subject};
use evals::capture::{capture, differences};
use playground::stage::{RenderOptions, Rendered, Staging, render};
use playground::{Playground, ServeOptions, Weather, WeatherRule, load_world, save_world};
use serde_json::json;

const DEADLINE: Duration = Duration::from_secs(20);
const CANARY: &str = "c4n4ry-secret-data-9f31";

/// Serves faulty worlds on the wall clock as a live cluster, captures each, and compares the briefs.
#[tokio::test(flavor = "multi_thread")]
async fn a_captured_cluster_replays_to_the_same_brief() {
    // One of each family of evidence: logs, metrics, Helm, Secrets, certificates, roles, claims, nodes.
    let wanted = [
        "resource-exhaustion/memory-leak",
        "image-and-deployment/helm-values-regression",
        "config-and-secrets/secret-encoding-wrong",
        "config-and-secrets/certificate-expired",
        "config-and-secrets/rbac-denied",
        "storage-and-persistence/storage-class-missing",
        "cascading-failure/network-policy-blocks",
        "app-vs-infra/node-not-ready",
    ];
    let mut wrong = Vec::new();
    for fault in wanted {
        let rendered = staged(fault);
        let dir = tempdir(&fault.replace('/', "-"));
        let subject = subject(&rendered);
        let (brief, redactor) = captured(rendered.world, &subject, &dir, Vec::new()).await;
        let differing = differences(&dir, &brief, redactor).await.expect("it replays");
        if !differing.is_empty() {
            wrong.push(format!("{fault}: {differing:?}"));
        }
        std::fs::remove_dir_all(&dir).expect("removed");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_stays_refused_and_no_secret_is_kept() {
    let staged = staged("config-and-secrets/secret-encoding-wrong");
    let subject = subject(&staged);
    let mut world = staged.world;
    let encoded = "YzRuNHJ5LXNlY3JldC1kYXRhLTlmMzE=";
    for (key, object) in world.objects_mut() {
        match key.kind.as_str() {
            "Secret" if object.pointer("/data/release").is_none() => {
                object["data"]["canary"] = json!(encoded);
            }
            "ConfigMap" => object["data"]["debug"] = json!(format!("password={CANARY}")),
            _ => {}
        }
    }
    for log in world.logs.values_mut() {
        if let Some(text) = &mut log.current {
            let time = "2026-01-01T00:00:00.000000000Z";
            text.insert_str(0, &format!("{time} password={CANARY}\n"));
        }
    }
    let dir = tempdir("canary");
    let forbid = WeatherRule::Forbid {
        resource: "networkpolicies".to_owned(),
    };
    let (brief, redactor) = captured(world, &subject, &dir, vec![forbid]).await;
    assert!(
        brief.gaps.iter().any(|gap| gap.what.contains("networkpolicies")),
        "{:?}",
        brief.gaps
    );
    assert_eq!(
        differences(&dir, &brief, redactor).await.expect("it replays"),
        Vec::<String>::new()
    );
    for entry in walk(&dir) {
        let text = std::fs::read_to_string(&entry).expect("readable");
        assert!(
            !text.contains(CANARY) && !text.contains(encoded),
            "{} holds a secret",
            entry.display()
        );
    }
    let world = load_world(&dir).expect("it loads");
    let playground = Playground::start(
        world,
        ServeOptions {
            freeze: true,
            ..ServeOptions::default()
        },
    )
    .await
    .expect("it starts");
    let reader = reader(&playground, Redactor::from_passphrase("x")).await;
    let kind = cluster::kinds::find("Pod").expect("a kind");
    let nowhere = reader
        .list(kind, "a-namespace-nobody-read", &cluster::Selectors::default())
        .await;
    assert!(matches!(nowhere, cluster::Look::CouldNotLook(_)), "{nowhere:?}");
    std::fs::remove_dir_all(&dir).expect("removed");
}

fn staged(fault: &str) -> Rendered {
    let staging = Staging::of_fault("capture", fault);
    let options = RenderOptions {
        seed: 3,
        randomize: true,
    };
    render(&staging, options).expect("it renders")
}

async fn captured(
    world: playground::World,
    subject: &Subject,
    dir: &std::path::Path,
    rules: Vec<WeatherRule>,
) -> (domain::Brief, Redactor) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let has_metrics = world.has_metrics();
    let options = ServeOptions {
        weather: Weather { rules },
        ..ServeOptions::default()
    };
    let live = Playground::start(world, options).await.expect("it starts");
    let redactor = Redactor::from_passphrase("of this capture");
    let metrics = if has_metrics {
        MetricsReader::new(&format!("{}/prometheus", live.url()), DEADLINE).expect("a client")
    } else {
        MetricsReader::absent()
    };
    let Subject::Workload { object } = subject else {
        panic!("a workload")
    };
    let stimulus = json!({ "workload": format!("{}/{}/{}", object.namespace, object.kind, object.name) });
    let reader = reader(&live, redactor.clone()).await;
    let made = capture(reader, metrics, Clock::System, subject, stimulus, "captured").await;
    save_world(&made.world, dir).expect("it is written");
    live.shutdown().await;
    (made.brief, redactor)
}

async fn reader(playground: &Playground, redactor: Redactor) -> ClusterReader {
    let limits = Limits {
        deadline: DEADLINE,
        ..Limits::default()
    };
    ClusterReader::connect(&Target::Url(playground.url()), redactor, limits)
        .await
        .expect("it connects")
}

/// The workload that the world's stimulus names.
fn subject(staged: &Rendered) -> Subject {
    let stimulus = staged.world.stimulus.as_ref().expect("a stimulus");
    let named = stimulus["workload"].as_str().expect("a workload");
    let parts: Vec<&str> = named.split('/').collect();
    let [namespace, kind, name] = parts.as_slice() else {
        panic!("{named} is no workload")
    };
    let kind = cluster::kinds::find(kind).expect("a kind");
    Subject::Workload {
        object: ObjectRef::of(kind.kind, namespace, name),
    }
}

fn tempdir(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("dogwatch-capture-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(walk(&path));
        } else {
            out.push(path);
        }
    }
    out
}
