//! Starts the service on its two ports and stops it in an orderly way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ServerConfig;
use crate::state::{AppState, Server};
use crate::{router, telemetry};

/// How long requests may still take after the shutdown has begun.
const GRACE: Duration = Duration::from_secs(10);

/// How often recorded durations are folded into their buckets when nobody reads the metrics.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why the service could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address is taken or not allowed.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The secret of the webhooks is blank, so that anybody would know it.
    #[error("the secret of the webhooks is blank")]
    BlankSecret,
}

/// A service that runs until its shutdown is asked for.
#[derive(Debug)]
pub struct Running {
    /// Where webhooks and the API listen.
    pub addr: SocketAddr,
    /// Where health and metrics listen.
    pub ops_addr: SocketAddr,
    /// The service's tasks; `join.wait()` returns when it has stopped.
    pub join: TaskTracker,
}

/// Starts the service; when this returns, both ports accept connections. It runs until `shutdown` is cancelled, then
/// lets running requests end for some seconds.
///
/// # Errors
/// An address cannot be listened on, or the configuration is not safe.
pub async fn start(
    config: ServerConfig,
    state: AppState,
    shutdown: CancellationToken,
) -> Result<Running, ServerError> {
    check(&config)?;
    let (listener, addr) = bind(config.addr).await?;
    let (ops_listener, ops_addr) = bind(config.ops_addr).await?;
    telemetry::describe_metrics();
    let metrics = state.metrics.clone();
    let server = Arc::new(Server {
        config,
        app: state,
        stop: shutdown.clone(),
    });
    let public = router::public(Arc::clone(&server));
    let operations = router::operations(server);
    let join = TaskTracker::new();
    join.spawn(serve(listener, public, shutdown.clone()));
    join.spawn(serve(ops_listener, operations, shutdown.clone()));
    join.spawn(keep_up(metrics, shutdown));
    join.close();
    tracing::info!(%addr, %ops_addr, "listening");
    Ok(Running { addr, ops_addr, join })
}

fn check(config: &ServerConfig) -> Result<(), ServerError> {
    let blank = |secret: &str| secret.trim().is_empty();
    if config
        .webhook_secret
        .as_ref()
        .is_some_and(|secret| blank(secret.expose_secret()))
    {
        return Err(ServerError::BlankSecret);
    }
    if config.allow_unauthenticated {
        tracing::warn!("anybody who reaches the service may use its API");
    } else if config.tokens.is_empty() {
        tracing::warn!("no API token is configured: the API refuses everybody");
    }
    Ok(())
}

async fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |source| ServerError::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let stopped = stop.clone().cancelled_owned();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
    let overdue = async {
        stop.cancelled().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        ended = serving.into_future() => {
            if let Err(error) = ended {
                tracing::error!(%error, "the HTTP server stopped");
            }
        }
        () = overdue => tracing::warn!("connections were still open at the end of the grace period"),
    }
}

async fn keep_up(metrics: PrometheusHandle, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(UPKEEP) => metrics.run_upkeep(),
        }
    }
}
