//! The scene of an investigation: the cluster, its metrics and its clock, live or from a saved world. Must not know
//! what is looked for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cluster::{ClusterReader, Limits, MetricsReader, Target};
use domain::{Clock, IdSource, Redactor};
use playground::{Playground, ServeOptions, World, load_world};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::config::{Config, RedactionConfig};
use crate::failure::Failure;

/// Longest wait for the metrics source.
const METRICS_DEADLINE: Duration = Duration::from_secs(8);
/// Replayed citations must find the placeholders of the recorded run, so recording and replaying share a key. It is
/// public: its placeholders can be tested against guesses (`docs/redaction.md`).
const RECORDED_PASSPHRASE: &str = "a saved world";

/// Which cluster.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// Context of the kubeconfig; without it the Pod's service account or the current context
    #[arg(long, value_name = "NAME", conflicts_with = "world")]
    pub(crate) context: Option<String>,
    /// A saved world, or what `kubectl cluster-info dump --output-directory` wrote, on its frozen clock
    #[arg(long, value_name = "DIR")]
    pub(crate) world: Option<PathBuf>,
    /// URL of an API server without authentication
    #[arg(long, value_name = "URL", hide = true, conflicts_with_all = ["context", "world"])]
    pub(crate) cluster_url: Option<String>,
}

/// Which clock a world runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorldClock {
    /// Its own moment, frozen.
    Frozen,
    /// The wall clock, all of its times shifted.
    Wall,
}

/// Which key redacts a world when none is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorldKey {
    /// One of this process.
    Own,
    /// That of transcripts, for recording and replaying them.
    Recorded,
}

/// What an investigation looks at.
pub(crate) struct Scene {
    /// The cluster.
    pub(crate) reader: ClusterReader,
    /// Its metrics.
    pub(crate) metrics: MetricsReader,
    /// Its clock.
    pub(crate) clock: Clock,
    /// What the world itself asks, for saved worlds.
    pub(crate) stimulus: Option<Value>,
    playground: Option<Playground>,
}

impl Scene {
    /// Opens the cluster that arguments and configuration name. A cluster that does not answer is no failure here.
    pub(crate) async fn open(args: &ClusterArgs, config: &Config, key: WorldKey) -> Result<Self, Failure> {
        if let Some(dir) = &args.world {
            let world = load_world(dir).map_err(Failure::usage)?;
            return Self::of_world(world, WorldClock::Frozen, config, key).await;
        }
        let target = match &args.cluster_url {
            Some(url) => Target::Url(url.clone()),
            None => Target::Context(args.context.clone().or_else(|| config.cluster.context.clone())),
        };
        let metrics = match &config.cluster.metrics_url {
            Some(url) => metrics(url)?,
            None => MetricsReader::absent(),
        };
        let passphrase = passphrase(&config.redaction).unwrap_or_else(random_secret);
        let reader = connect(&target, &passphrase, config.cluster.limits()).await?;
        Ok(Self {
            metrics,
            clock: Clock::System,
            stimulus: None,
            playground: None,
            reader,
        })
    }

    /// Serves a world on a free port of the loopback interface and opens it.
    pub(crate) async fn of_world(
        world: World,
        clock: WorldClock,
        config: &Config,
        key: WorldKey,
    ) -> Result<Self, Failure> {
        let (now, has_metrics, name) = (world.now, world.has_metrics(), world.cluster.clone());
        let frozen_stimulus = world.stimulus.clone();
        let options = ServeOptions {
            freeze: clock == WorldClock::Frozen,
            ..ServeOptions::default()
        };
        let playground = Playground::start(world, options)
            .await
            .map_err(Failure::infrastructure)?;
        let url = playground.url();
        let passphrase = passphrase(&config.redaction).unwrap_or_else(|| match key {
            WorldKey::Own => random_secret(),
            WorldKey::Recorded => RECORDED_PASSPHRASE.to_owned(),
        });
        Ok(Self {
            reader: connect(&Target::Url(url.clone()), &passphrase, config.cluster.limits())
                .await?
                .named(&name),
            metrics: if has_metrics {
                metrics(&format!("{url}/prometheus"))?
            } else {
                MetricsReader::absent()
            },
            clock: match clock {
                WorldClock::Frozen => Clock::Frozen(now),
                WorldClock::Wall => Clock::System,
            },
            stimulus: match clock {
                WorldClock::Frozen => frozen_stimulus,
                WorldClock::Wall => playground.world().stimulus,
            },
            playground: Some(playground),
        })
    }

    /// The playground behind the scene, for worlds.
    pub(crate) fn playground(&self) -> Option<&Playground> {
        self.playground.as_ref()
    }
}

async fn connect(target: &Target, passphrase: &str, limits: Limits) -> Result<ClusterReader, Failure> {
    let redactor = Redactor::from_passphrase(passphrase);
    ClusterReader::connect(target, redactor, limits)
        .await
        .map_err(Failure::usage)
}

fn metrics(url: &str) -> Result<MetricsReader, Failure> {
    MetricsReader::new(url, METRICS_DEADLINE).map_err(Failure::infrastructure)
}

fn passphrase(config: &RedactionConfig) -> Option<String> {
    config.key.as_ref().map(|key| key.expose_secret().to_owned())
}

/// A secret of this process: 148 random bits.
pub(crate) fn random_secret() -> String {
    let ids = IdSource::Random;
    format!("{}{}", ids.next().simple(), ids.next().simple())
}
