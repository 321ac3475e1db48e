//! What tools work with: one snapshot per investigation, completed on demand.

use std::collections::BTreeMap;

use cluster::{ClusterReader, ClusterView, LogSource, MetricsReader, Object, read, resolve};
use domain::{Clock, Evidence, ObjectRef};
use tokio::sync::{Mutex, MutexGuard};

use crate::call::ToolError;

/// The cluster as one investigation sees it. Namespaces are read whole when a tool first needs them, so that
/// agents who ask the same twice cost one read.
pub struct Workspace {
    pub(crate) reader: ClusterReader,
    pub(crate) metrics: MetricsReader,
    pub(crate) clock: Clock,
    view: Mutex<Option<ClusterView>>,
    ledger: std::sync::Mutex<BTreeMap<String, Evidence>>,
}

impl Workspace {
    /// A workspace; `view` is what triage read, when it ran in this process.
    pub fn new(
        reader: ClusterReader,
        metrics: MetricsReader,
        clock: Clock,
        view: Option<ClusterView>,
    ) -> Self {
        Self {
            reader,
            metrics,
            clock,
            view: Mutex::new(view),
            ledger: std::sync::Mutex::default(),
        }
    }

    /// Makes stored evidence readable by `evidence_read`.
    pub fn remember(&self, evidence: &Evidence) {
        if let Ok(mut ledger) = self.ledger.lock() {
            ledger.insert(evidence.id.0.clone(), evidence.clone());
        }
    }

    /// Evidence by id.
    pub fn recall(&self, id: &str) -> Option<Evidence> {
        self.ledger.lock().ok()?.get(id).cloned()
    }

    /// The redactor of the cluster boundary.
    pub fn redactor(&self) -> &domain::Redactor {
        self.reader.redactor()
    }

    /// The view with a namespace read.
    pub(crate) async fn namespace(&self, namespace: &str) -> Result<View<'_>, ToolError> {
        let mut view = self.lock().await;
        let missing = view.get("Namespace", "", namespace).is_none() && view.has_list("Namespace", "");
        if missing && !namespace.is_empty() {
            let known = read::all_namespaces(&view).join(", ");
            return Err(ToolError::RespondToModel(format!(
                "namespace `{namespace}` does not exist; there are: {known}"
            )));
        }
        if !namespace.is_empty() {
            read::namespaces(&self.reader, &mut view, &[namespace.to_owned()]).await;
        }
        Ok(view)
    }

    /// The view as it is, with the cluster-scoped kinds.
    pub(crate) async fn lock(&self) -> View<'_> {
        let mut guard = self.view.lock().await;
        if guard.is_none() {
            *guard = Some(read::start(&self.reader, self.clock.now()).await);
        }
        View(guard)
    }

    /// Reads logs into the view.
    pub(crate) async fn logs(&self, view: &mut ClusterView, sources: Vec<LogSource>, tail: usize) {
        read::logs(&self.reader, view, sources, tail).await;
    }
}

/// A locked view.
pub(crate) struct View<'a>(MutexGuard<'a, Option<ClusterView>>);

impl std::ops::Deref for View<'_> {
    type Target = ClusterView;
    fn deref(&self) -> &ClusterView {
        static NONE: std::sync::LazyLock<ClusterView> =
            std::sync::LazyLock::new(|| ClusterView::new("", jiff::Timestamp::UNIX_EPOCH));
        self.0.as_ref().unwrap_or(&NONE)
    }
}

impl std::ops::DerefMut for View<'_> {
    fn deref_mut(&mut self) -> &mut ClusterView {
        self.0
            .get_or_insert_with(|| ClusterView::new("", jiff::Timestamp::UNIX_EPOCH))
    }
}

/// The workload of that name, whatever its kind; the complaint names similar ones.
pub(crate) fn workload<'a>(
    view: &'a ClusterView,
    namespace: &str,
    name: &str,
) -> Result<&'a Object, ToolError> {
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"] {
        if let Some(found) = view.get(kind, namespace, name) {
            return Ok(found);
        }
    }
    if let Some(pod) = view.get("Pod", namespace, name) {
        return Ok(view.get_ref(&view.workload_of(pod)).unwrap_or(pod));
    }
    Err(absent(
        view,
        &ObjectRef::of("Deployment", namespace, name),
        "workload",
    ))
}

/// The complaint about an object that is not there.
pub(crate) fn absent(view: &ClusterView, object: &ObjectRef, what: &str) -> ToolError {
    let kinds = [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "Service",
        "Pod",
        &object.kind,
    ];
    let near = resolve::similar(view, &kinds, &object.namespace, &object.name);
    let near = near
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let hint = if near.is_empty() {
        String::new()
    } else {
        format!("; similar: {near}")
    };
    ToolError::RespondToModel(format!(
        "no {what} `{}` in namespace `{}`{hint}",
        object.name, object.namespace
    ))
}
