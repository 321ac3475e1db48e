//! The running service: HTTP server and worker, started and stopped together. Must not know what clients ask.

use std::sync::Arc;
use std::time::Duration;

use domain::IdSource;
use investigation::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use server::{AppState, Running, ServerConfig, ServerError, TokenHash};
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::compose::scene::Scene;
use crate::config;
use crate::failure::Failure;

/// How long a stop may take.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// A service that runs until it is stopped.
pub(crate) struct Service {
    running: Running,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// What a service is made of.
pub(crate) struct ServiceParts<'a> {
    /// What investigations look at.
    pub(crate) scene: &'a Scene,
    /// Where they are kept.
    pub(crate) store: Store,
    /// What runs them.
    pub(crate) engine: Arc<Engine>,
    /// Addresses and who may come in.
    pub(crate) server: &'a config::ServerConfig,
    /// Metrics of the process.
    pub(crate) metrics: PrometheusHandle,
}

impl Service {
    /// Starts the server and the worker.
    pub(crate) async fn start(parts: ServiceParts<'_>) -> Result<Self, Failure> {
        let (shutdown, wake) = (CancellationToken::new(), Arc::new(Notify::new()));
        let state = AppState {
            store: parts.store,
            redactor: parts.scene.reader.redactor().clone(),
            clock: parts.scene.clock,
            ids: IdSource::Random,
            ready: None,
            wake: Arc::clone(&wake),
            metrics: parts.metrics,
            resolve: None,
        };
        let settings = settings(parts.server, parts.scene.reader.cluster())?;
        let running = server::start(settings, state, shutdown.clone())
            .await
            .map_err(not_started)?;
        let tasks = TaskTracker::new();
        tasks.spawn(parts.engine.work(wake, parts.server.parallel, shutdown.clone()));
        tasks.close();
        Ok(Self {
            running,
            tasks,
            shutdown,
        })
    }

    /// Base URL of webhooks and API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.running.addr)
    }

    /// Base URL of health and metrics.
    pub(crate) fn ops_url(&self) -> String {
        format!("http://{}", self.running.ops_addr)
    }

    /// Stops; investigations under way are resumed by the next start.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let stopped = async {
            self.tasks.wait().await;
            self.running.join.wait().await;
        };
        if tokio::time::timeout(STOP_DEADLINE, stopped).await.is_err() {
            tracing::warn!("the service did not stop in time");
        }
    }
}

fn not_started(error: ServerError) -> Failure {
    match error {
        ServerError::BlankSecret => Failure::usage(format!("server.webhook_secret: {error}")),
        ServerError::Listen { .. } => Failure::infrastructure(error),
    }
}

fn settings(config: &config::ServerConfig, cluster: &str) -> Result<ServerConfig, Failure> {
    let tokens = config.tokens.iter();
    Ok(ServerConfig {
        addr: config.addr,
        ops_addr: config.ops_addr,
        cluster: cluster.to_owned(),
        webhook_secret: config.webhook_secret.clone(),
        tokens: tokens
            .map(|token| TokenHash::new(&token.name, &token.sha256))
            .collect::<Result<_, _>>()
            .map_err(Failure::usage)?,
        allow_unauthenticated: config.allow_unauthenticated,
        body_limit_bytes: config.body_limit_bytes,
    })
}

/// Waits until a person or the system asks the process to end.
pub(crate) async fn interrupted() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
