//! What an investigation is about: arguments become a subject, and what they name is checked against the cluster.
//! Must not know what is made of it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use cluster::resolve::{self, Resolution};
use cluster::{Kind, Look, Selectors, kinds, read};
use domain::{Existence, ObjectRef, Redacted, Redactor, Subject};
use intake::{FileStimulus, parse_file};
use serde_json::{Value, json};

use crate::compose::scene::Scene;
use crate::failure::Failure;

/// Asked when nothing else is.
const DEFAULT_QUESTION: &str = "Is anything wrong here?";

/// What to look into.
#[derive(Debug, Clone, Args)]
pub(crate) struct SubjectArgs {
    /// Alert file: an Alertmanager webhook payload, a single alert, or a world's stimulus.json; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["question", "workload"])]
    pub(crate) alert: Option<PathBuf>,
    /// A question, as vague as it may be
    #[arg(long, value_name = "TEXT", conflicts_with = "workload")]
    pub(crate) question: Option<String>,
    /// A workload: namespace/kind/name or namespace/name
    #[arg(long, value_name = "NS/KIND/NAME")]
    pub(crate) workload: Option<String>,
    /// Namespace of the question; without it all are looked at
    #[arg(short, long, value_name = "NS", conflicts_with_all = ["alert", "workload"])]
    pub(crate) namespace: Option<String>,
}

impl SubjectArgs {
    /// The subject. Without arguments it is what the world itself asks, or else whether anything is wrong.
    pub(crate) async fn subject(&self, scene: &Scene) -> Result<Subject, Failure> {
        if let Some(file) = &self.alert {
            return from_file(&contents(file)?, &file.display().to_string(), scene);
        }
        if let Some(workload) = &self.workload {
            return named(workload, scene).await;
        }
        if let (None, None, Some(stimulus)) = (&self.question, &self.namespace, &scene.stimulus) {
            return from_file(stimulus.to_string().as_bytes(), "stimulus.json", scene);
        }
        if let Some(namespace) = &self.namespace {
            check_namespace(namespace, scene).await?;
        }
        let text = self.question.as_deref().unwrap_or(DEFAULT_QUESTION);
        if text.trim().is_empty() {
            return Err(Failure::usage(
                "--question is empty; ask something, or leave it out",
            ));
        }
        Ok(Subject::Question {
            text: scene.reader.redactor().redact(text),
            namespace: self.namespace.clone(),
        })
    }
}

impl SubjectArgs {
    /// The subject as a world's `stimulus.json` says it, redacted.
    pub(crate) fn stimulus(&self, scene: &Scene, subject: &Subject) -> Result<Value, Failure> {
        if let Some(file) = &self.alert {
            let text = contents(file)?;
            let mut parsed: Value = serde_json::from_slice(&text)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
            redact(&mut parsed, scene.reader.redactor());
            return Ok(parsed);
        }
        Ok(match subject {
            Subject::Workload { object } => json!({
                "workload": format!("{}/{}/{}", object.namespace, object.kind, object.name)
            }),
            Subject::Question { text, namespace } => {
                let mut said = json!({ "question": text.as_str() });
                if let Some(namespace) = namespace {
                    said["namespace"] = json!(namespace);
                }
                said
            }
            Subject::Alerts { .. } => scene.stimulus.clone().unwrap_or_default(),
        })
    }
}

/// Redacts every text of a stimulus.
fn redact(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.redact(text).as_str().to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, redactor)),
        Value::Object(map) => map.values_mut().for_each(|item| redact(item, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn contents(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))
}

/// The subject of a file. Its objects may be gone: that is what alerts are about.
fn from_file(content: &[u8], name: &str, scene: &Scene) -> Result<Subject, Failure> {
    let redactor = scene.reader.redactor();
    let stimulus = parse_file(content, redactor, scene.clock.now())
        .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(match stimulus {
        FileStimulus::Notification(notification) => {
            let grouped = intake::group(notification.alerts);
            let alerts = if grouped.firing.is_empty() {
                grouped.resolved
            } else {
                grouped.firing
            };
            Subject::Alerts { alerts }
        }
        FileStimulus::Alert(alert) => Subject::Alerts { alerts: vec![alert] },
        FileStimulus::Question { text, namespace } => Subject::Question { text, namespace },
        FileStimulus::Workload(workload) => {
            let kind = kinds::find(&workload.kind).ok_or_else(|| {
                let kind = redactor.redact(&workload.kind);
                Failure::usage(format!("{name}: `{kind}` is not a kind that dogwatch reads"))
            })?;
            Subject::Workload {
                object: reference(kind, &workload.namespace, &workload.name),
            }
        }
    })
}

fn reference(kind: &Kind, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(kind.group, kind.kind, namespace, name)
}

/// The object that a person named. It must be there, unless it cannot be looked for.
async fn named(text: &str, scene: &Scene) -> Result<Subject, Failure> {
    let (namespace, kind, name) = resolve::parse_workload(text).map_err(Failure::Usage)?;
    let object = match kind {
        Some(kind) => exact(kind, reference(kind, &namespace, &name), scene).await?,
        None => by_name(text, &namespace, &name, scene).await?,
    };
    Ok(Subject::Workload { object })
}

async fn exact(kind: &Kind, object: ObjectRef, scene: &Scene) -> Result<ObjectRef, Failure> {
    if scene.reader.get(kind, &object.namespace, &object.name).await != Look::Empty {
        return Ok(object);
    }
    let view = around(&object.namespace, scene).await;
    let similar = resolve::similar(&view, &[kind.kind], &object.namespace, &object.name);
    Err(absent(&object.to_string(), &similar))
}

async fn by_name(text: &str, namespace: &str, name: &str, scene: &Scene) -> Result<ObjectRef, Failure> {
    let view = around(namespace, scene).await;
    match resolve::by_name(&view, namespace, name) {
        Resolution::One(found) => Ok(found.object),
        Resolution::Ambiguous(candidates) => Err(Failure::usage(format!(
            "`{text}` could be {}; write namespace/kind/name",
            listed(&candidates, " or ")
        ))),
        Resolution::None {
            existence: Existence::Unknown,
            ..
        } => Ok(ObjectRef::of("Deployment", namespace, name)),
        Resolution::None { similar, .. } => Err(absent(&format!("workload {text}"), &similar)),
    }
}

async fn around(namespace: &str, scene: &Scene) -> cluster::ClusterView {
    let mut view = read::start(&scene.reader, scene.clock.now()).await;
    if !namespace.is_empty() {
        read::namespaces(&scene.reader, &mut view, &[namespace.to_owned()]).await;
    }
    view
}

fn absent(what: &str, similar: &[ObjectRef]) -> Failure {
    if similar.is_empty() {
        Failure::usage(format!("there is no {what}"))
    } else {
        Failure::usage(format!("there is no {what}; similar: {}", listed(similar, ", ")))
    }
}

fn listed(objects: &[ObjectRef], separator: &str) -> String {
    let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
    names.join(separator)
}

/// Refuses a namespace that is provably not there.
async fn check_namespace(name: &str, scene: &Scene) -> Result<(), Failure> {
    let Some(kind) = kinds::find("Namespace") else {
        return Ok(());
    };
    if scene.reader.get(kind, "", name).await != Look::Empty {
        return Ok(());
    }
    let known = scene.reader.list(kind, "", &Selectors::default()).await.found();
    let known: Vec<String> = known
        .unwrap_or_default()
        .iter()
        .map(|namespace| namespace.name().to_owned())
        .collect();
    let shown = Redacted::trusted(&known.join(", ")).truncated(600);
    Err(Failure::usage(format!(
        "there is no namespace `{name}`; there are: {shown}"
    )))
}
