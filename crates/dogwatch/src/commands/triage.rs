//! `dogwatch triage`: the brief of a subject, without a model. Must not know how it is made.

mod text;

use ::triage::Options;
use clap::Args;

use crate::cli::{Format, OutputArgs};
use crate::compose::scene::{ClusterArgs, Scene, WorldKey};
use crate::config::Config;
use crate::failure::Failure;
use crate::out;
use crate::subject::SubjectArgs;

/// What to look into, and where.
#[derive(Debug, Args)]
pub(crate) struct TriageArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the brief; what cannot be seen is a gap in it.
pub(crate) async fn run(args: &TriageArgs, config: &Config) -> Result<(), Failure> {
    let scene = Scene::open(&args.cluster, config, WorldKey::Own).await?;
    let subject = args.subject.subject(&scene).await?;
    let options = Options {
        clock: scene.clock,
        metrics: scene.metrics.clone(),
    };
    let brief = ::triage::triage(&scene.reader, &subject, &options).await.brief;
    match args.output.output {
        Format::Json => out::json(&brief),
        Format::Text => out::text(&text::render(&brief)),
    }
}
