//! A service on free ports over a database of its own.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::{Clock, EventBody, IdSource, InvestigationId, Redacted, Redactor, StreamName, Subject};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use server::{AppState, DEFAULT_BODY_LIMIT_BYTES, Readiness, Running, ServerConfig, ServerError, TokenHash};
use store::{Lease, NewInvestigation, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::http::{Answer, Request};

/// The token that the API accepts.
pub(crate) const TOKEN: &str = "token-of-the-tests";
/// The secret that webhooks must show.
pub(crate) const SECRET: &str = "secret-of-the-webhooks";
/// How long a lease lasts in these tests.
const TTL: Duration = Duration::from_secs(60);

/// A running service and what it works with.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) wake: Arc<Notify>,
    pub(crate) addr: SocketAddr,
    pub(crate) ops_addr: SocketAddr,
    pub(crate) running: Running,
    pub(crate) stop: CancellationToken,
    ids: IdSource,
}

/// What a test may want otherwise.
pub(crate) struct Options {
    pub(crate) webhook_secret: Option<&'static str>,
    pub(crate) allow_unauthenticated: bool,
    pub(crate) body_limit_bytes: usize,
    pub(crate) ready: Option<Readiness>,
    pub(crate) addr: SocketAddr,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            webhook_secret: Some(SECRET),
            allow_unauthenticated: false,
            body_limit_bytes: DEFAULT_BODY_LIMIT_BYTES,
            ready: None,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        Self::try_start(options)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn try_start(options: Options) -> Result<Self, ServerError> {
        let store = Store::open("sqlite::memory:", Clock::System).await.unwrap();
        let ids = IdSource::counted();
        let wake = Arc::new(Notify::new());
        let state = AppState {
            store: store.clone(),
            redactor: Redactor::from_passphrase("test"),
            clock: Clock::System,
            ids: ids.clone(),
            ready: options.ready.clone(),
            wake: Arc::clone(&wake),
            metrics: recorder(),
            resolve: None,
        };
        let stop = CancellationToken::new();
        let running = server::start(config(&options), state, stop.clone()).await?;
        Ok(Self {
            store,
            wake,
            addr: running.addr,
            ops_addr: running.ops_addr,
            running,
            stop,
            ids,
        })
    }

    /// Sends a request with the API's token.
    pub(crate) async fn api(&self, request: Request<'_>) -> Answer {
        self.with_token(request).send(self.addr).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.api(Request::get(path)).await
    }

    /// A request with the API's token.
    pub(crate) fn with_token<'a>(&self, request: Request<'a>) -> Request<'a> {
        request.with("authorization", format!("Bearer {TOKEN}"))
    }

    /// Sends a webhook with its secret.
    pub(crate) async fn webhook(&self, body: impl ToString) -> Answer {
        Request::post("/webhooks/alertmanager", body)
            .with("authorization", format!("Bearer {SECRET}"))
            .send(self.addr)
            .await
    }

    /// An investigation that was asked for.
    pub(crate) async fn question(&self, text: &str) -> InvestigationId {
        let new = NewInvestigation {
            id: InvestigationId(self.ids.next()),
            cluster: "prod".to_owned(),
            subject: Subject::Question {
                text: Redacted::trusted(text),
                namespace: None,
            },
            dedupe_key: None,
            created_at: Clock::System.now(),
        };
        self.store.enqueue(new).await.unwrap().id
    }

    /// An investigation that a worker has taken up.
    pub(crate) async fn leased(&self, text: &str) -> Lease {
        let id = self.question(text).await;
        let lease = self.store.claim_one(id, "worker", TTL).await.unwrap();
        lease.unwrap()
    }

    /// Appends to the stream `main`, whose first event is `Opened`.
    pub(crate) async fn append(&self, lease: &Lease, seq: u64, body: EventBody) {
        let main = StreamName::main();
        self.store.append(lease, &main, seq, body).await.unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn config(options: &Options) -> ServerConfig {
    ServerConfig {
        addr: options.addr,
        ops_addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        cluster: "prod".to_owned(),
        webhook_secret: options.webhook_secret.map(SecretString::from),
        tokens: vec![
            TokenHash::new("another", &"0".repeat(64)).unwrap(),
            TokenHash::of("tests", &SecretString::from(TOKEN)),
        ],
        allow_unauthenticated: options.allow_unauthenticated,
        body_limit_bytes: options.body_limit_bytes,
    }
}

/// The recorder of the process, which all services of the tests share.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| server::install_prometheus().unwrap())
        .clone()
}
