//! The read-only client: get, list and `pods/log` of the kinds in [`crate::api::kinds`], nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{NotLooked, ObjectRef, Redactor};
use futures::FutureExt as _;
use kube::Client;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::api::flight::Flights;
use crate::api::kinds::{self, Kind};
use crate::api::look::{Blind, Look};
use crate::api::pace::Pace;
use crate::api::project;
use crate::api::recorder::Recorder;
use crate::object::Object;

/// How hard the API server may be asked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest wait for one request.
    pub deadline: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
    /// Objects per page of a list.
    pub page: usize,
    /// Most objects that one list reads; beyond it the list counts as cut short.
    pub objects: usize,
    /// Requests per second in the long run, over all investigations.
    pub per_second: u32,
    /// Requests that may come at once: more than a brief takes, so that only a storm of alerts is held back.
    pub burst: u32,
    /// What data of Secrets may be read for.
    pub secret_data: SecretPurposes,
}

/// The only purposes for which the data of Secrets is read; it is decoded in this crate, which hands out facts and
/// never bytes. For everything else Secrets are metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretPurposes {
    /// Helm releases: values and manifest, redacted.
    pub helm: bool,
    /// Names of keys and what is odd about their encoding.
    pub keys: bool,
    /// Validity of certificates.
    pub certificates: bool,
}

impl SecretPurposes {
    /// All of them.
    pub const ALL: Self = Self {
        helm: true,
        keys: true,
        certificates: true,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(8),
            concurrency: 12,
            page: 500,
            objects: 20_000,
            // As kubectl (`k8s.io/cli-runtime`, `ConfigFlags`: QPS 50, burst 300).
            per_second: 50,
            burst: 300,
            secret_data: SecretPurposes::ALL,
        }
    }
}

/// Reads one cluster. Cheap to clone; clones share the limits and the request count.
#[derive(Clone)]
pub struct ClusterReader {
    client: Client,
    shared: Arc<Shared>,
}

struct Shared {
    cluster: String,
    redactor: Redactor,
    limits: Limits,
    slots: Semaphore,
    pace: Pace,
    requests: AtomicU64,
    flights: Flights,
    recorder: Option<Recorder>,
}

/// Narrows a list on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Selectors {
    /// Label selector in the API's syntax.
    pub labels: Option<String>,
    /// Field selector in the API's syntax.
    pub fields: Option<String>,
}

impl Selectors {
    /// Only objects whose field has the value.
    pub fn field(name: &str, value: &str) -> Self {
        Self {
            labels: None,
            fields: Some(format!("{name}={value}")),
        }
    }

    /// Only objects that the label selector selects.
    pub fn labels(selector: &str) -> Self {
        Self {
            labels: Some(selector.to_owned()),
            fields: None,
        }
    }

    fn query(&self) -> String {
        let part = |name: &str, value: &Option<String>| {
            value
                .as_ref()
                .map_or_else(String::new, |value| format!("&{name}={}", escape(value)))
        };
        part("labelSelector", &self.labels) + &part("fieldSelector", &self.fields)
    }
}

impl ClusterReader {
    /// A reader over an authenticated client. `cluster` is the name that reports show.
    pub fn new(client: Client, cluster: &str, redactor: Redactor, limits: Limits) -> Self {
        let shared = Shared {
            cluster: cluster.to_owned(),
            redactor,
            limits,
            slots: Semaphore::new(limits.concurrency),
            pace: Pace::new(limits.per_second, limits.burst),
            requests: AtomicU64::new(0),
            flights: Flights::default(),
            recorder: None,
        };
        Self {
            client,
            shared: Arc::new(shared),
        }
    }

    /// The same reader under another name of the cluster; limits and count start anew.
    #[must_use]
    pub fn named(self, cluster: &str) -> Self {
        Self::new(
            self.client,
            cluster,
            self.shared.redactor.clone(),
            self.shared.limits,
        )
    }

    /// The same reader, with every answer kept by a recorder; limits and count start anew.
    #[must_use]
    pub fn recorded(self, recorder: Recorder) -> Self {
        let Shared {
            cluster,
            redactor,
            limits,
            ..
        } = &*self.shared;
        let shared = Shared {
            cluster: cluster.clone(),
            redactor: redactor.clone(),
            limits: *limits,
            slots: Semaphore::new(limits.concurrency),
            pace: Pace::new(limits.per_second, limits.burst),
            requests: AtomicU64::new(0),
            flights: Flights::default(),
            recorder: Some(recorder),
        };
        Self {
            client: self.client,
            shared: Arc::new(shared),
        }
    }

    /// Who keeps the answers, if anybody does.
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.shared.recorder.as_ref()
    }

    /// Name of the cluster.
    pub fn cluster(&self) -> &str {
        &self.shared.cluster
    }

    /// What data of Secrets may be read for.
    pub(crate) fn secret_data(&self) -> SecretPurposes {
        self.shared.limits.secret_data
    }

    /// The redactor of this boundary.
    pub fn redactor(&self) -> &Redactor {
        &self.shared.redactor
    }

    /// Requests sent so far, over all clones.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Reads one object.
    pub async fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Look<Object> {
        let accept = accept(kind, false);
        let answer = self.json(&kind.path(namespace, Some(name)), accept).await;
        if let Some(recorder) = self.recorder() {
            match &answer {
                Ok(value) => recorder.object(kind, value, self.redactor()),
                Err(failure) => {
                    recorder.looked(kind, namespace, name, &Selectors::default(), Some(failure));
                }
            }
        }
        match answer {
            Ok(value) => project::object(kind, value, self.redactor()).map_or(Look::Empty, Look::Found),
            Err(Failure::NotFound) => Look::Empty,
            Err(Failure::Blind(blind)) => Look::CouldNotLook(blind),
        }
    }

    /// Reads the object that a reference names.
    pub async fn get_ref(&self, reference: &ObjectRef) -> Look<Object> {
        match kinds::find(&reference.kind) {
            Some(kind) => self.get(kind, &reference.namespace, &reference.name).await,
            None => Look::CouldNotLook(Blind {
                reason: NotLooked::NotConfigured,
                message: domain::Redacted::trusted(&format!(
                    "{} is not a kind that dogwatch reads",
                    reference.kind
                )),
            }),
        }
    }

    /// Lists a kind in a namespace (empty: in all). `Empty` means that a complete list had no items.
    pub async fn list(&self, kind: &Kind, namespace: &str, selectors: &Selectors) -> Look<Vec<Object>> {
        let answer = self
            .raw_list(kind, namespace, selectors, accept(kind, true))
            .await;
        if let Some(recorder) = self.recorder() {
            for item in answer.as_ref().ok().into_iter().flatten() {
                recorder.object(kind, item, self.redactor());
            }
            recorder.looked(kind, namespace, "", selectors, answer.as_ref().err());
        }
        match answer {
            Ok(items) if items.is_empty() => Look::Empty,
            Ok(items) => Look::Found(
                items
                    .into_iter()
                    .filter_map(|item| project::object(kind, item, self.redactor()))
                    .collect(),
            ),
            Err(Failure::NotFound) => Look::CouldNotLook(Blind {
                reason: NotLooked::NotConfigured,
                message: domain::Redacted::trusted(&format!("the API server does not serve {}", kind.plural)),
            }),
            Err(Failure::Blind(blind)) => Look::CouldNotLook(blind),
        }
    }

    /// Pages through a list; the items are raw and must be projected before they leave the crate.
    pub(crate) async fn raw_list(
        &self,
        kind: &Kind,
        namespace: &str,
        selectors: &Selectors,
        accept: &str,
    ) -> Result<Vec<Value>, Failure> {
        let base = kind.path(namespace, None);
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.shared.limits.page;
            let path = format!("{base}?limit={page}{}{next}", selectors.query());
            let mut list = self.json(&path, accept).await?;
            if let Some(Value::Array(found)) = list.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            let token = list
                .pointer("/metadata/continue")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if token.is_empty() {
                return Ok(items);
            }
            if items.len() >= self.shared.limits.objects {
                return Err(Failure::Blind(Blind {
                    reason: NotLooked::Failed,
                    message: domain::Redacted::trusted(&format!("more than {} {}", items.len(), kind.plural)),
                }));
            }
            next = format!("&continue={}", escape(token));
        }
    }

    /// A GET that answers JSON.
    pub(crate) async fn json(&self, path: &str, accept: &str) -> Result<Value, Failure> {
        let text = self.text(path, accept).await?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::Blind(Blind {
                reason: NotLooked::Failed,
                message: domain::Redacted::trusted(&format!("the answer is not JSON: {error}")),
            })
        })
    }

    /// A GET within the limits. Of equal ones at the same time one is sent.
    pub(crate) async fn text(&self, path: &str, accept: &str) -> Result<Arc<str>, Failure> {
        let request = http::Request::get(path)
            .header(http::header::ACCEPT, accept)
            .body(Vec::new())
            .map_err(|error| Failure::failed(&error.to_string()))?;
        let sender = self.clone();
        let start = move || async move { sender.send(request).await.map(Arc::from) }.boxed();
        self.shared.flights.join(&format!("{accept} {path}"), start).await
    }

    /// Every request of this crate to the API server passes here.
    pub(crate) async fn send(&self, request: http::Request<Vec<u8>>) -> Result<String, Failure> {
        let _slot = self
            .shared
            .slots
            .acquire()
            .await
            .map_err(|_| Failure::failed("the client is closing"))?;
        self.shared.pace.wait().await;
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("dogwatch_kubernetes_requests_total").increment(1);
        let deadline = self.shared.limits.deadline;
        match tokio::time::timeout(deadline, self.client.request_text(request)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(Failure::of(&error, self.redactor())),
            Err(_) => Err(Failure::Blind(Blind {
                reason: NotLooked::TimedOut,
                message: domain::Redacted::trusted(&format!("no answer within {} s", deadline.as_secs_f32())),
            })),
        }
    }
}

/// Secrets are only ever asked for as metadata here.
fn accept(kind: &Kind, list: bool) -> &'static str {
    match (kind.kind, list) {
        ("Secret", true) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        ("Secret", false) => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        _ => "application/json",
    }
}

/// How a request ended when it did not succeed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// 404.
    NotFound,
    /// Everything else.
    Blind(Blind),
}

impl Failure {
    pub(crate) fn failed(message: &str) -> Self {
        Self::Blind(Blind {
            reason: NotLooked::Failed,
            message: domain::Redacted::trusted(message),
        })
    }

    fn of(error: &kube::Error, redactor: &Redactor) -> Self {
        let (reason, message) = match error {
            kube::Error::Api(status) if status.code == 404 && !is_unserved(&status.message) => {
                return Self::NotFound;
            }
            kube::Error::Api(status) if status.code == 404 => {
                (NotLooked::NotConfigured, status.message.clone())
            }
            kube::Error::Api(status) => {
                let reason = match status.code {
                    401 | 403 => NotLooked::Forbidden,
                    _ => NotLooked::Failed,
                };
                let message = if status.message.is_empty() {
                    status.reason.clone()
                } else {
                    status.message.clone()
                };
                (reason, message)
            }
            kube::Error::Service(source) => (NotLooked::Unreachable, chain(source.as_ref())),
            other => (NotLooked::Unreachable, chain(other)),
        };
        Self::Blind(Blind {
            reason,
            message: redactor.redact(&message).truncated(400),
        })
    }
}

/// Whether a 404 means that the API server does not serve the resource at all, which proves nothing about an object
/// (`k8s.io/apiserver`: unknown resources of a known group, and unknown groups).
fn is_unserved(message: &str) -> bool {
    message.contains("could not find the requested resource") || message.contains("page not found")
}

/// The error's words down to its root, without repeats.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(source) = at {
        let words = source.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        at = source.source();
    }
    text
}

/// Percent-encodes a query value.
pub(crate) fn escape(value: &str) -> String {
    value
        .bytes()
        .fold(String::with_capacity(value.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
}
