//! Planted secrets never leave: not in model requests, evidence, reports or the database.

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
use crate::world::{serve, subject};
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
        let Some(case) = cases::cases().iter().find(|case| case.id == id) else {
            continue;
        };
        let mut rendered = cases::render(
            case,
            RenderOptions {
                seed: 4,
                randomize: true,
            },
        )
        .expect("it renders");
        plant(&mut rendered.world);
        plant_in_releases(&mut rendered.world);
        let stage = serve(
            rendered,
            ServeOptions {
                freeze: true,
                ..ServeOptions::default()
            },
        )
        .await;
        let mut asked = subject(&stage.rendered);
        if let Subject::Alerts { alerts } = &mut asked {
            let redactor = stage.reader.redactor();
            alerts[0].annotations.insert(
                "note".to_owned(),
                redactor.redact(&format!("key {}", CANARIES[6].1)),
            );
        }
        let file = std::env::temp_dir().join(format!("dogwatch-canary-{id}-{}.db", std::process::id()));
        let store = Store::open(&format!("sqlite:{}", file.display()), stage.clock)
            .await
            .expect("a store");
        let heard = Heard::default();
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let subscriber = tracing_subscriber::registry()
            .with(
                tracing_subscriber::fmt::layer()
                    .with_span_events(FmtSpan::FULL)
                    .with_writer(heard.clone()),
            )
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
        let _listening = tracing::subscriber::set_default(subscriber);
        let investigation = open(&store, &asked, stage.clock.now()).await;
        let namespace = stage
            .rendered
            .world
            .of_kind("Pod")
            .next()
            .and_then(|pod| pod.pointer("/metadata/namespace")?.as_str().map(str::to_owned))
            .unwrap_or_default();
        let model = Arc::new(curious(&namespace));
        let engine = investigation::Engine::new(parts(&stage, store.clone(), Some(model.clone())));
        let report = engine.investigate(investigation).await.expect("a report");
        let requests: String = model
            .requests()
            .iter()
            .map(|request| format!("{:?}", request.messages))
            .collect();
        assert!(
            requests.contains("[redacted:"),
            "{id}: the tools met secrets and hid them"
        );
        let events =
            serde_json::to_string(&store.events(investigation).await.expect("events")).expect("JSON");
        let report = serde_json::to_string(&report).expect("JSON");
        store.close().await;
        let mut database = Vec::new();
        for suffix in ["", "-wal"] {
            database.extend(std::fs::read(format!("{}{suffix}", file.display())).unwrap_or_default());
        }
        let database = String::from_utf8_lossy(&database);
        let logs = heard.text();
        let traces = format!("{:?}", spans.get_finished_spans().expect("spans"));
        assert!(
            logs.contains("invoke_agent") && traces.contains("execute_tool"),
            "{id}: logs and traces were captured"
        );
        for (place, canary) in CANARIES {
            for (output, text) in [
                ("model requests", &requests),
                ("events", &events),
                ("report", &report),
                ("logs", &logs),
                ("traces", &traces),
                ("database", &database.to_string()),
            ] {
                assert!(
                    !text.contains(canary),
                    "{id}: the secret of {place} is in {output}"
                );
            }
        }
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
        }
    }
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
