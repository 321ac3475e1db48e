//! Starts and stops a playground: a world behind an HTTP port. Knows nothing of what the requests mean.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use options::{AccessRule, Identity, ServeOptions, Weather, WeatherRule};
pub use requests::RequestLog;

use crate::api::{self, ApiServer};
use crate::world::World;

pub(crate) mod clock;
mod options;
pub(crate) mod requests;
pub(crate) mod shift;

/// How often the controllers look what is due by the wall clock.
const TICK: Duration = Duration::from_millis(100);

/// Why a playground could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PlaygroundError {
    /// The port is taken or not allowed.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A world being served; dropping it stops the server without waiting.
#[derive(Debug)]
pub struct Playground {
    addr: SocketAddr,
    cluster: String,
    token: Option<String>,
    server: Arc<ApiServer>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Playground {
    /// Serves the world until [`Playground::shutdown`].
    pub async fn start(world: World, mut options: ServeOptions) -> Result<Self, PlaygroundError> {
        let unseen = world.unseen.iter().map(|resource| WeatherRule::Forbid {
            resource: resource.clone(),
        });
        options.weather.rules.extend(unseen);
        let listen_error = |source| PlaygroundError::Listen {
            addr: options.addr,
            source,
        };
        let listener = TcpListener::bind(options.addr).await.map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let stop = CancellationToken::new();
        let token = options.tokens.first().map(|identity| identity.token.clone());
        let cluster = world.cluster.clone();
        let server = Arc::new(ApiServer::new(world, options, stop.clone()));
        let router = Router::new()
            .fallback(api::handle)
            .with_state(Arc::clone(&server));
        let tasks = TaskTracker::new();
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
            {
                tracing::warn!(%error, "playground stopped");
            }
        });
        let (ticking, stopped) = (Arc::clone(&server), stop.clone());
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => ticking.tick(),
                    () = stopped.cancelled() => return,
                }
            }
        });
        tasks.close();
        Ok(Self {
            addr,
            cluster,
            token,
            server,
            stop,
            tasks,
        })
    }

    /// Base URL of the API server; the Prometheus API is under `/prometheus/api/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A kubeconfig (YAML) whose only context is named after the cluster and uses the first identity.
    pub fn kubeconfig(&self) -> String {
        let user = self.token.as_ref().map_or_else(
            || serde_json::json!({}),
            |token| serde_json::json!({ "token": token }),
        );
        let name = &self.cluster;
        // JSON is YAML; one line per part keeps it readable.
        [
            "apiVersion: v1".to_owned(),
            "kind: Config".to_owned(),
            format!(
                "clusters: {}",
                serde_json::json!([{"name": name, "cluster": {"server": self.url()}}])
            ),
            format!("users: {}", serde_json::json!([{"name": name, "user": user}])),
            format!(
                "contexts: {}",
                serde_json::json!([{"name": name, "context": {"cluster": name, "user": name}}])
            ),
            format!("current-context: {}\n", serde_json::json!(name)),
        ]
        .join("\n")
    }

    /// Every request so far, in order of arrival (the last 100,000).
    pub fn requests(&self) -> Vec<RequestLog> {
        self.server.requests.all()
    }

    /// The world as it is now, with what callers changed.
    pub fn world(&self) -> World {
        self.server.snapshot()
    }

    /// Moves the served world's clock forward: controllers, scheduler and kubelets do what is due by then. A frozen
    /// world moves by this alone, another one besides the wall clock.
    pub fn advance(&self, by: Duration) {
        self.server
            .advance(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::ZERO));
    }

    /// The staged faults by id, and whether each is still there.
    pub fn faults_present(&self) -> Vec<(String, bool)> {
        self.server.faults_present()
    }

    /// Ends all watches and waits for the server to stop.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
