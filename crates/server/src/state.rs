//! What the handlers share: the store, the injected sources, and the bell that wakes the workers.

use std::sync::Arc;

use domain::{Clock, IdSource, InvestigationId, Redactor, Subject};
use metrics_exporter_prometheus::PrometheusHandle;
use store::{Enqueued, NewInvestigation, Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;
use crate::subject::{KnownKinds, SubjectCheck};

/// Tells whether this replica should get requests.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// What the service works with.
#[derive(Clone)]
pub struct AppState {
    /// Investigations, their events and reports.
    pub store: Store,
    /// Redacts what comes in.
    pub redactor: Redactor,
    /// The time at which investigations are opened.
    pub clock: Clock,
    /// Ids of new investigations.
    pub ids: IdSource,
    /// More that must hold before the replica is ready; the store is always asked.
    pub ready: Option<Readiness>,
    /// Notified once for each investigation that was opened.
    pub wake: Arc<Notify>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Checks the workloads that people name; [`KnownKinds`] without it.
    pub resolve: Option<Arc<dyn SubjectCheck>>,
}

/// What the handlers share.
pub(crate) struct Server {
    pub(crate) config: ServerConfig,
    pub(crate) app: AppState,
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// Opens an investigation, or counts a firing at the one that answers for the key; durable on return.
    pub(crate) async fn enqueue(
        &self,
        subject: Subject,
        dedupe_key: Option<String>,
    ) -> Result<Enqueued, StoreError> {
        let new = NewInvestigation {
            id: InvestigationId(self.app.ids.next()),
            cluster: self.config.cluster.clone(),
            subject,
            dedupe_key,
            created_at: self.app.clock.now(),
        };
        let enqueued = self.app.store.enqueue(new).await?;
        if !enqueued.duplicate {
            self.app.wake.notify_one();
        }
        Ok(enqueued)
    }

    /// Who checks the workloads that people name.
    pub(crate) fn subjects(&self) -> &dyn SubjectCheck {
        self.app.resolve.as_deref().unwrap_or(&KnownKinds)
    }
}
