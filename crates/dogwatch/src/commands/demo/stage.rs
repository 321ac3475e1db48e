//! The stage of a demo: playground, service and client in one process, credentials made up for the occasion. Must not
//! know the case that is played.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use domain::{IdSource, InvestigationId, Report};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use store::Store;

use super::client::Client;
use crate::compose::engine::{IN_MEMORY, Mind, engine, open_store};
use crate::compose::kubeconfig;
use crate::compose::progress::Progress;
use crate::compose::scene::{Scene, random_secret};
use crate::compose::service::{Service, ServiceParts};
use crate::config::{ServerConfig, Token, sha256_hex};
use crate::failure::Failure;

/// What is added to the agents' deadline: reading, triage, the gate.
const SLACK: Duration = Duration::from_secs(180);
/// How long the event stream may lag behind the report.
const LAG: Duration = Duration::from_secs(2);

/// All that plays.
pub(super) struct Stage {
    scene: Scene,
    store: Store,
    service: Service,
    client: Client,
    deadline: Duration,
}

impl Stage {
    /// Starts the service over the scene, on free ports.
    pub(super) async fn set(scene: Scene, mind: Mind, metrics: PrometheusHandle) -> Result<Self, Failure> {
        let (secret, token) = (random_secret(), random_secret());
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = ServerConfig {
            addr: anywhere,
            ops_addr: anywhere,
            webhook_secret: Some(SecretString::from(secret.as_str())),
            tokens: vec![Token {
                name: "demo".to_owned(),
                sha256: sha256_hex(&token),
            }],
            ..ServerConfig::default()
        };
        let deadline = mind.settings.deadline + SLACK;
        let store = open_store(IN_MEMORY).await?;
        let service = Service::start(ServiceParts {
            scene: &scene,
            store: store.clone(),
            engine: engine(&scene, &store, mind),
            server: &server,
            metrics,
        })
        .await?;
        let client = Client::new(service.url(), secret, token)?;
        Ok(Self {
            scene,
            store,
            service,
            client,
            deadline,
        })
    }

    /// Sends the alert or the question and shows what happens until the report is there.
    pub(super) async fn play(&self, progress: Progress) -> Result<Report, Failure> {
        let playing = async {
            let stimulus = self.scene.stimulus.as_ref();
            let stimulus = stimulus.context("the world asks nothing")?;
            let id = self.client.open(stimulus).await?;
            tokio::select! {
                biased;
                followed = self.client.follow(id, |event| progress.event(event)) => followed?,
                written = self.lagging(id) => written?,
            }
            self.written(id).await
        };
        match tokio::time::timeout(self.deadline, playing).await {
            Ok(report) => report.map_err(Failure::Failed),
            Err(_) => Err(Failure::failed(anyhow!(
                "there is no report after {:?}",
                self.deadline
            ))),
        }
    }

    /// Ends some time after the report is there, whatever became of the event stream.
    async fn lagging(&self, id: InvestigationId) -> anyhow::Result<()> {
        self.written(id).await?;
        tokio::time::sleep(LAG).await;
        Ok(())
    }

    /// Waits for the report.
    async fn written(&self, id: InvestigationId) -> anyhow::Result<Report> {
        let mut hints = self.store.subscribe();
        loop {
            let row = self.store.investigation(id).await?;
            let ended = row.is_none_or(|row| row.status.is_end());
            // Read after the status, so that a report that came in between is not missed.
            if let Some(report) = self.store.report(id).await? {
                return Ok(report);
            }
            if ended {
                return Err(anyhow!("the investigation ended without a report"));
            }
            // A hint that was missed is followed by others.
            hints.recv().await.ok();
        }
    }

    /// Where the report can be read.
    pub(super) fn directions(&self, id: InvestigationId) -> String {
        let Client { token, .. } = &self.client;
        let url = self.client.url(id);
        format!("Read it: {url}\n  curl -H 'Authorization: Bearer {token}' -H 'Accept: text/markdown' {url}")
    }

    /// How to look around and to send alerts of one's own.
    pub(super) fn invitation(&self, kubeconfig: &Path) -> String {
        let Client { secret, .. } = &self.client;
        let (url, ops) = (self.service.url(), self.service.ops_url());
        [
            "Playground and service run until Ctrl-C.".to_owned(),
            format!("  {}", kubeconfig::command(kubeconfig)),
            format!(
                "  curl -H 'Authorization: Bearer {secret}' --data @alert.json {url}/webhooks/alertmanager"
            ),
            format!("  curl {ops}/metrics"),
        ]
        .join("\n")
    }

    /// Writes a kubeconfig of the playground to a new file.
    pub(super) fn write_kubeconfig(&self) -> Result<PathBuf, Failure> {
        let name = format!("dogwatch-demo-{}.kubeconfig", IdSource::Random.next().simple());
        let file = std::env::temp_dir().join(name);
        let playground = self
            .scene
            .playground()
            .ok_or_else(|| Failure::failed(anyhow!("the demo has no playground")))?;
        kubeconfig::write(&file, playground)?;
        Ok(file)
    }

    /// Stops everything.
    pub(super) async fn clear(self) {
        self.service.stop().await;
        self.store.close().await;
    }
}
