//! Planted secrets never leave: not in model requests, evidence, reports or the database.

use std::path::Path;
use std::sync::Arc;

use domain::Subject;
use llm::{ChatAnswer, ScriptedModel};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde_json::{Value, json};
use store::Store;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::script::{open, parts};
use crate::world::{Stage, serve, subject};
use playground::ServeOptions;
use playground::cases::{self, RenderOptions};

/// One secret per place, each of a documented shape.
const CANARIES: &[(&str, &str)] = &[
    ("secret", "c4n4ry-secret-data-9f31"),
    ("env", "c4n4ry-env-55aa10"),
    ("log", "c4n4ry-log-77bb20"),
    (
        "annotation",
        "eyJjNG40cnkiOiJhbm5vIn0xx.eyJzdWIiOiJjNG40cnkifQ.c4n4ryannotation",
    ),
    ("configmap", "c4n4ry-configmap-31cd"),
    ("helm", "c4n4ry-helm-00ef12"),
    ("alert", "AKIAC4N4RYALERT00001"),
];

/// Everything that was logged, at every level.
#[derive(Clone, Default)]
struct Heard(Arc<std::sync::Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("not poisoned")).into_owned()
    }
}

impl std::io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Heard {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn plant(world: &mut playground::World) {
    use base64::Engine as _;
    let value = |name: &str| {
        CANARIES
            .iter()
            .find(|(place, _)| *place == name)
            .map(|(_, value)| *value)
            .unwrap_or_default()
    };
    let encoded = base64::engine::general_purpose::STANDARD.encode(value("secret"));
    for (key, object) in world.objects_mut() {
        match key.kind.as_str() {
            "Secret" if object.pointer("/metadata/labels/owner").is_none() => {
                object["data"]["canary"] = json!(encoded);
            }
            "Deployment" | "StatefulSet" | "ReplicaSet" => {
                object["metadata"]["annotations"]["example.com/debug"] = json!(value("annotation"));
                if let Some(env) = object
                    .pointer_mut("/spec/template/spec/containers/0/env")
                    .and_then(Value::as_array_mut)
                {
                    env.push(json!({"name": "DB_PASSWORD", "value": value("env")}));
                }
            }
            "Pod" => {
                if let Some(env) = object
                    .pointer_mut("/spec/containers/0/env")
                    .and_then(Value::as_array_mut)
                {
                    env.push(json!({"name": "DB_PASSWORD", "value": value("env")}));
                }
            }
            "ConfigMap" => {
                object["data"]["app.properties"] =
                    json!(format!("db.password={}\nmode=x", value("configmap")));
            }
            _ => {}
        }
    }
    for log in world.logs.values_mut() {
        for text in [&mut log.current, &mut log.previous].into_iter().flatten() {
            text.push_str(&format!(
                "\n2026-01-01T00:00:00.000000000Z connecting with password={}\n",
                value("log")
            ));
        }
    }
}

fn plant_in_releases(world: &mut playground::World) {
    use base64::Engine as _;
    use std::io::{Read as _, Write as _};
    let standard = base64::engine::general_purpose::STANDARD;
    for (_, object) in world
        .objects_mut()
        .filter(|(key, object)| key.kind == "Secret" && object.pointer("/data/release").is_some())
    {
        let packed = object["data"]["release"].as_str().unwrap_or_default().to_owned();
        let inner = standard
            .decode(standard.decode(packed).expect("base64"))
            .expect("base64");
        let mut text = String::new();
        flate2::read::GzDecoder::new(inner.as_slice())
            .read_to_string(&mut text)
            .expect("gzip");
        let mut release: Value = serde_json::from_str(&text).expect("JSON");
        release["config"]["database"]["password"] = json!(CANARIES[5].1);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(release.to_string().as_bytes()).expect("written");
        let inner = standard.encode(gzip.finish().expect("finished"));
        object["data"]["release"] = json!(standard.encode(inner));
    }
}

#[tokio::test]
async fn planted_secrets_appear_nowhere() {
    for id in ["pending-claim", "helm-values", "recovered"] {
        for (output, text) in outputs(id).await {
            for (place, canary) in CANARIES {
                let hidden = !text.contains(canary);
                assert!(hidden, "{id}: the secret of {place} is in {output}");
            }
        }
    }
}

/// Everything that an investigation of the case leaves behind.
async fn outputs(id: &str) -> Vec<(&'static str, String)> {
    let stage = planted(id).await;
    let mut asked = subject(&stage.rendered);
    if let Subject::Alerts { alerts } = &mut asked {
        let note = format!("key {}", CANARIES[6].1);
        let note = stage.reader.redactor().redact(&note);
        alerts[0].annotations.insert("note".to_owned(), note);
    }
    let file = std::env::temp_dir().join(format!("dogwatch-canary-{id}-{}.db", std::process::id()));
    let store = Store::open(&format!("sqlite:{}", file.display()), stage.clock)
        .await
        .expect("a store");
    let (heard, spans) = (Heard::default(), InMemorySpanExporter::default());
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(spans.clone())
        .build();
    let text_layer = tracing_subscriber::fmt::layer()
        .with_span_events(FmtSpan::FULL)
        .with_writer(heard.clone());
    let subscriber = tracing_subscriber::registry()
        .with(text_layer)
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
    let _listening = tracing::subscriber::set_default(subscriber);
    let investigation = open(&store, &asked, stage.clock.now()).await;
    let pod = stage.rendered.world.of_kind("Pod").next();
    let namespace = pod.and_then(|pod| pod.pointer("/metadata/namespace")?.as_str());
    let model = Arc::new(curious(namespace.unwrap_or_default()));
    let engine = investigation::Engine::new(parts(&stage, store.clone(), Some(model.clone())));
    let report = engine.investigate(investigation).await.expect("a report");
    let events = store.events(investigation).await.expect("events");
    store.close().await;

    let requests: String = model
        .requests()
        .iter()
        .map(|request| format!("{:?}", request.messages))
        .collect();
    let (logs, traces) = (
        heard.text(),
        format!("{:?}", spans.get_finished_spans().expect("spans")),
    );
    assert!(
        requests.contains("[redacted:"),
        "{id}: the tools met secrets and hid them"
    );
    assert!(
        logs.contains("invoke_agent") && traces.contains("execute_tool"),
        "{id}: logs and traces were captured"
    );
    vec![
        ("model requests", requests),
        ("events", serde_json::to_string(&events).expect("JSON")),
        ("report", serde_json::to_string(&report).expect("JSON")),
        ("logs", logs),
        ("traces", traces),
        ("database", taken(&file)),
    ]
}

/// The world of a case, served, with secrets in all places.
async fn planted(id: &str) -> Stage {
    let case = cases::cases().iter().find(|case| case.id == id);
    let options = RenderOptions {
        seed: 4,
        randomize: true,
    };
    let mut rendered = cases::render(case.expect("the case"), options).expect("it renders");
    plant(&mut rendered.world);
    plant_in_releases(&mut rendered.world);
    let options = ServeOptions {
        freeze: true,
        ..ServeOptions::default()
    };
    serve(rendered, options).await
}

/// The bytes of a SQLite database as text; its files are removed.
fn taken(file: &Path) -> String {
    let files = ["", "-wal", "-shm", ".lock"].map(|suffix| format!("{}{suffix}", file.display()));
    let mut bytes = Vec::new();
    for file in &files {
        bytes.extend(std::fs::read(file).unwrap_or_default());
        std::fs::remove_file(file).ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A generalist-minded orchestrator that reads everything it can.
fn curious(namespace: &str) -> ScriptedModel {
    let conclude = json!({"verdict": "inconclusive", "state": "ongoing", "headline": "h", "next_steps": []});
    let list = |kind: &str| {
        (
            "object_get",
            json!({"kind": kind, "namespace": namespace, "name": "x"}),
        )
    };
    ScriptedModel::new()
        .answering(
            "orchestrator",
            vec![
                ChatAnswer::calling([
                    list("ConfigMap"),
                    ("changes", json!({"namespace": namespace})),
                    ("consult", json!({"agent": "helm", "question": "what changed?"})),
                ]),
                ChatAnswer::calling([("conclude", conclude)]),
            ],
        )
        .answering(
            "helm-1",
            vec![
                ChatAnswer::calling([("helm_releases", json!({"namespace": namespace}))]),
                ChatAnswer::calling([(
                    "report_finding",
                    json!({"status": "nothing_found", "summary": "nothing"}),
                )]),
            ],
        )
}
