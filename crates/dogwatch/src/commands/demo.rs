//! `dogwatch demo`: a playground, the service, a real alert over HTTP, and the report. Must not know how anything is
//! found out.

mod answer;
mod client;
mod stage;
mod transcripts;

use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;

use self::answer::Answer;
use self::stage::Stage;
use crate::cli::{Format, OutputArgs};
use crate::compose::case::CaseArgs;
use crate::compose::engine::{Mind, load_agents};
use crate::compose::model::configured;
use crate::compose::progress::Progress;
use crate::compose::scene::{Scene, WorldClock, WorldKey};
use crate::compose::service::interrupted;
use crate::config::Config;
use crate::failure::Failure;
use crate::out;

/// Which case, and how it is shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    case: CaseArgs,
    /// End after the report instead of serving on
    #[arg(long)]
    once: bool,
    /// Show the agents at work from a recorded transcript instead of asking a model
    #[arg(long, conflicts_with_all = ["seed", "randomize"])]
    replay: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Shows a case from its alert to its report.
pub(crate) async fn run(args: &DemoArgs, config: &Config, metrics: PrometheusHandle) -> Result<(), Failure> {
    let args = &args.with_recorded_case();
    let case = args.case.case()?;
    let mind = args.mind(config)?;
    let has_model = mind.model.is_some();
    let (_, rendered) = args.case.render()?;
    let clock = if args.replay {
        WorldClock::Frozen
    } else {
        WorldClock::Wall
    };
    let progress = Progress::to_terminal();
    progress.say(&format!("case {}: {}", case.id, case.title));
    let scene = Scene::of_world(rendered.world, clock, config, args.key()).await?;
    let stage = Stage::set(scene, mind, metrics).await?;
    let report = stage.play(progress).await?;
    let answer = Answer::new(case, &rendered.truth, report);
    let directions = stage.directions(answer.report.investigation);
    match args.output.output {
        Format::Json => out::json(&answer)?,
        Format::Text => {
            let note = if has_model { "" } else { NO_MODEL };
            out::text(&format!(
                "{}\n{note}{}\n\n{directions}",
                answer.text(),
                answer.outcome()
            ))?;
        }
    }
    if !args.once {
        stage.linger(&args.output).await?;
    }
    stage.clear().await;
    Ok(())
}

const NO_MODEL: &str = "This is a triage report, made by code alone: no model is configured. Set DOGWATCH_MODEL_URL and \
                        DOGWATCH_MODEL to see agents at work, or try --replay.\n";

impl DemoArgs {
    fn key(&self) -> WorldKey {
        if self.replay {
            WorldKey::Recorded
        } else {
            WorldKey::Own
        }
    }

    /// A replay without a named case shows the first that was recorded.
    fn with_recorded_case(&self) -> Self {
        let mut args = self.clone();
        if args.replay && args.case.case.is_none() {
            args.case.case = transcripts::recorded().into_iter().next();
        }
        args
    }

    /// Who thinks: the recorded run, the configured model, or nobody.
    fn mind(&self, config: &Config) -> Result<Mind, Failure> {
        let model = if self.replay {
            Some(transcripts::replay(self.case.case()?.id)?)
        } else {
            configured(&config.model)?
        };
        let mut settings = config.agents.settings();
        settings.single &= !self.replay;
        let folder = config.agents.folder.as_deref().filter(|_| !self.replay);
        Ok(Mind {
            model,
            agents: load_agents(folder)?,
            settings,
            lease: config.agents.lease(),
        })
    }
}

impl Stage {
    /// Serves on until Ctrl-C, and says how to look around.
    async fn linger(&self, output: &OutputArgs) -> Result<(), Failure> {
        let kubeconfig = self.write_kubeconfig()?;
        let lines = self.invitation(&kubeconfig);
        match output.output {
            Format::Text => out::text(&format!("\n{lines}"))?,
            Format::Json => out::remark(&lines),
        }
        interrupted().await;
        // Whoever wrote it may have removed it already.
        std::fs::remove_file(kubeconfig).ok();
        Ok(())
    }
}
