//! The engine and the store that it works on. Must not know whether a service or a command runs it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agents::{Agents, Settings};
use domain::{Clock, IdSource};
use investigation::{Engine, EngineParts};
use store::{Store, StoreError};

use crate::compose::model::Model;
use crate::compose::scene::Scene;
use crate::failure::Failure;

/// A database that lives as long as the process.
pub(crate) const IN_MEMORY: &str = "sqlite::memory:";

/// Opens the database; leases run on the wall clock, whatever the clock of the cluster.
pub(crate) async fn open_store(url: &str) -> Result<Store, Failure> {
    Store::open(url, Clock::System)
        .await
        .map_err(|error| match error {
            StoreError::UnknownScheme { .. } => Failure::usage(format!("database.url: {error}")),
            other => Failure::infrastructure(other),
        })
}

/// The agents of a folder, or those that are shipped.
pub(crate) fn load_agents(folder: Option<&Path>) -> Result<Arc<Agents>, Failure> {
    let loaded = match folder {
        Some(folder) => Agents::from_folder(folder),
        None => Agents::shipped(),
    };
    loaded.map(Arc::new).map_err(Failure::usage)
}

/// Who thinks, and with which budgets.
pub(crate) struct Mind {
    /// The model; without it, reports are triage reports.
    pub(crate) model: Option<Model>,
    /// Definitions of agents.
    pub(crate) agents: Arc<Agents>,
    /// Budgets and arm.
    pub(crate) settings: Settings,
    /// How long work waits for a worker that died.
    pub(crate) lease: Duration,
}

/// An engine over a scene.
pub(crate) fn engine(scene: &Scene, store: &Store, mind: Mind) -> Arc<Engine> {
    Engine::new(EngineParts {
        store: store.clone(),
        reader: scene.reader.clone(),
        metrics: scene.metrics.clone(),
        model: mind.model,
        agents: mind.agents,
        settings: mind.settings,
        clock: scene.clock,
        worker: format!("dogwatch-{}", IdSource::Random.next().simple()),
        lease: mind.lease,
    })
}
