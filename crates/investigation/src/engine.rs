//! The engine: claims an investigation, holds its lease while the pipeline runs, and resumes where an earlier
//! attempt stopped.

use std::sync::Arc;
use std::time::Duration;

use agents::{Agents, Settings};
use cluster::{ClusterReader, MetricsReader};
use domain::{Clock, InvestigationId, Report};
use llm::ChatModel;
use store::{Lease, Store, StoreError};

use crate::pipeline;

/// How long a lease holds without renewal, when nobody says otherwise: after a kill, work waits that long.
pub const LEASE: Duration = Duration::from_secs(30);

/// What an engine is made of.
#[derive(Clone)]
pub struct EngineParts {
    /// Where investigations and their events are.
    pub store: Store,
    /// The cluster.
    pub reader: ClusterReader,
    /// The metrics source.
    pub metrics: MetricsReader,
    /// The model; `None`: reports are triage reports.
    pub model: Option<Arc<dyn ChatModel>>,
    /// Definitions of agents.
    pub agents: Arc<Agents>,
    /// Budgets and arm.
    pub settings: Settings,
    /// The clock of the cluster.
    pub clock: Clock,
    /// Name of this worker in leases.
    pub worker: String,
    /// How long a lease holds without renewal; it is renewed thrice in that time.
    pub lease: Duration,
}

/// Runs investigations.
pub struct Engine {
    pub(crate) parts: EngineParts,
}

/// Why an investigation did not end with a report.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Somebody else holds the lease, or there is no such investigation.
    #[error(
        "investigation {0} cannot be claimed: it does not exist, ended without a report, or another worker holds it"
    )]
    NotClaimable(InvestigationId),
    /// The lease was lost or the event log cannot be written.
    #[error("the event log cannot be written: {0}")]
    Journal(#[from] agents::JournalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// An engine.
    pub fn new(parts: EngineParts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Runs one investigation to its report; one that already has a report is not run again.
    pub async fn investigate(&self, id: InvestigationId) -> Result<Report, EngineError> {
        if let Some(report) = self.parts.store.report(id).await? {
            return Ok(report);
        }
        let EngineParts {
            store, worker, lease, ..
        } = &self.parts;
        let lease = store.claim_one(id, worker, *lease).await?;
        self.run(lease.ok_or(EngineError::NotClaimable(id))?).await
    }

    /// Runs the pipeline under a lease that is renewed all the while.
    pub(crate) async fn run(&self, lease: Lease) -> Result<Report, EngineError> {
        let running = metrics::gauge!("dogwatch_investigations_running");
        running.increment(1.0);
        let result = tokio::select! {
            report = pipeline::run(&self.parts, lease.clone()) => report,
            lost = self.keep(&lease) => Err(lost),
        };
        running.decrement(1.0);
        result
    }

    /// Renews the lease until that fails.
    async fn keep(&self, lease: &Lease) -> EngineError {
        let mut held = lease.clone();
        let mut ticks = tokio::time::interval(self.parts.lease / 3);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            match self.parts.store.renew(&held, self.parts.lease).await {
                Ok(renewed) => held = renewed,
                Err(error) => return EngineError::Store(error),
            }
        }
    }
}
