//! `dogwatch investigate`: one investigation in this process, and its report. Must not know how it is done.

use std::path::PathBuf;
use std::sync::Arc;

use ::agents::Settings;
use clap::{Args, ValueEnum};
use domain::{IdSource, InvestigationId, Report, Subject};
use llm::Recorder;
use store::{NewInvestigation, Store};

use crate::compose::engine::{IN_MEMORY, Mind, engine, load_agents, open_store};
use crate::compose::model::{Model, Recording, configured, replayed, save};
use crate::compose::progress::Progress;
use crate::compose::scene::{ClusterArgs, Scene, WorldKey};
use crate::config::Config;
use crate::failure::Failure;
use crate::out;
use crate::subject::SubjectArgs;

/// What to investigate, where, and by whom.
#[derive(Debug, Args)]
pub(crate) struct InvestigateArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// One generalist instead of an orchestrator with domain agents
    #[arg(long)]
    single: bool,
    /// Write what the model decides to a file
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    transcript: Option<PathBuf>,
    /// Repeat the decisions of a transcript instead of asking a model
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// How the report is written
    #[arg(short, long, value_enum, default_value_t)]
    output: ReportFormat,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// Markdown.
    Md,
}

/// Writes the report; bad weather is part of it.
pub(crate) async fn run(args: &InvestigateArgs, config: &Config) -> Result<(), Failure> {
    let agents = load_agents(config.agents.folder.as_deref())?;
    let settings = Settings {
        single: args.single || config.agents.single,
        ..config.agents.settings()
    };
    let (model, recording) = args.model(config, &settings)?;
    let scene = Scene::open(&args.cluster, config, args.key()).await?;
    let subject = args.subject.subject(&scene).await?;
    let mind = Mind {
        model,
        agents,
        settings,
        lease: config.agents.lease(),
    };
    let report = investigate(&scene, subject, mind).await?;
    if let (Some(recording), Some(file)) = (&recording, &args.transcript) {
        save(recording, file)?;
    }
    match args.output {
        ReportFormat::Text => out::text(&server::report::text(&report)),
        ReportFormat::Json => out::json(&report),
        ReportFormat::Md => out::text(&server::report::markdown(&report)),
    }
}

impl InvestigateArgs {
    fn key(&self) -> WorldKey {
        if self.replay.is_some() || self.transcript.is_some() {
            WorldKey::Recorded
        } else {
            WorldKey::Own
        }
    }

    /// The model, and what records it.
    fn model(
        &self,
        config: &Config,
        settings: &Settings,
    ) -> Result<(Option<Model>, Option<Recording>), Failure> {
        if let Some(file) = &self.replay {
            return Ok((Some(replayed(file)?), None));
        }
        let model = configured(&config.model)?;
        let Some(file) = &self.transcript else {
            return Ok((model, None));
        };
        let model = model.ok_or_else(|| {
            Failure::usage("--transcript needs a model: set DOGWATCH_MODEL_URL and DOGWATCH_MODEL")
        })?;
        let scenario = file.file_stem().unwrap_or_default().to_string_lossy();
        let scenario = scenario.split('.').next().unwrap_or_default();
        let arm = if settings.single { "single" } else { "multi" };
        let recording: Recording = Arc::new(Recorder::new(model, scenario, arm));
        let recorded: Model = recording.clone();
        Ok((Some(recorded), Some(recording)))
    }
}

async fn investigate(scene: &Scene, subject: Subject, mind: Mind) -> Result<Report, Failure> {
    let store = open_store(IN_MEMORY).await?;
    let id = enqueue(&store, scene, subject).await?;
    let engine = engine(scene, &store, mind);
    let progress = Progress::to_terminal();
    tokio::select! {
        report = engine.investigate(id) => report.map_err(Failure::failed),
        never = progress.follow(&store, id) => match never {},
    }
}

async fn enqueue(store: &Store, scene: &Scene, subject: Subject) -> Result<InvestigationId, Failure> {
    let new = NewInvestigation {
        id: InvestigationId(IdSource::Random.next()),
        cluster: scene.reader.cluster().to_owned(),
        subject,
        dedupe_key: None,
        created_at: scene.clock.now(),
    };
    let enqueued = store.enqueue(new).await.map_err(Failure::infrastructure)?;
    Ok(enqueued.id)
}
