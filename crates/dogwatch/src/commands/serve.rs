//! `dogwatch serve`: the service until it is told to stop. Must not know its routes.

use std::net::SocketAddr;

use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::compose::engine::{Mind, engine, load_agents, open_store};
use crate::compose::model::configured;
use crate::compose::scene::{ClusterArgs, Scene, WorldKey};
use crate::compose::service::{Service, ServiceParts, interrupted};
use crate::config::{Config, ServerConfig};
use crate::failure::Failure;

/// Flags over the configuration.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Address of webhooks and API
    #[arg(long, value_name = "ADDR:PORT")]
    addr: Option<SocketAddr>,
    /// Address of health and metrics
    #[arg(long, value_name = "ADDR:PORT")]
    ops_addr: Option<SocketAddr>,
    /// Let anybody in, for trials
    #[arg(long)]
    allow_unauthenticated: bool,
}

/// Runs the service until it is interrupted.
pub(crate) async fn run(
    args: &ServeArgs,
    mut config: Config,
    metrics: PrometheusHandle,
) -> Result<(), Failure> {
    args.lay_over(&mut config.server);
    check(&config.server)?;
    let mind = Mind {
        model: configured(&config.model)?,
        agents: load_agents(config.agents.folder.as_deref())?,
        settings: config.agents.settings(),
        lease: config.agents.lease(),
    };
    if mind.model.is_none() {
        tracing::warn!("no model is configured: reports are triage reports, made by code alone");
    }
    let scene = Scene::open(&args.cluster, &config, WorldKey::Own).await?;
    let store = open_store(&config.database.url).await?;
    let service = Service::start(ServiceParts {
        scene: &scene,
        store: store.clone(),
        engine: engine(&scene, &store, mind),
        server: &config.server,
        metrics,
    })
    .await?;
    tracing::info!(cluster = scene.reader.cluster(), url = %service.url(), ops = %service.ops_url(), "serving");
    interrupted().await;
    tracing::info!("stopping");
    service.stop().await;
    store.close().await;
    Ok(())
}

impl ServeArgs {
    fn lay_over(&self, config: &mut ServerConfig) {
        config.addr = self.addr.unwrap_or(config.addr);
        config.ops_addr = self.ops_addr.unwrap_or(config.ops_addr);
        config.allow_unauthenticated |= self.allow_unauthenticated;
    }
}

/// Nobody serves the world by oversight.
fn check(config: &ServerConfig) -> Result<(), Failure> {
    if config.webhook_secret.is_some() || config.allow_unauthenticated {
        return Ok(());
    }
    Err(Failure::usage(
        "serve needs a webhook secret, so that not everybody can start investigations: set DOGWATCH_WEBHOOK_SECRET, \
         server.webhook_secret or server.webhook_secret_file, or, for trials only, server.allow_unauthenticated",
    ))
}
