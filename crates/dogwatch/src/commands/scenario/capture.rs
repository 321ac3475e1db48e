//! `dogwatch scenario capture`: what triage reads of a live cluster, redacted, as a world that answers the same again.
//! Must not know what is read.

use std::path::PathBuf;

use ::playground::{WorldError, save_world};
use clap::Args;
use evals::capture::{Capture, capture, differences};
use serde_json::{Value, json};

use crate::cli::OutputArgs;
use crate::compose::scene::{ClusterArgs, Scene, WorldKey};
use crate::config::Config;
use crate::failure::Failure;
use crate::out;
use crate::subject::SubjectArgs;

/// What to capture, and where to.
#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Directory to write to; it is created when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the world and makes sure that it replays to the same brief.
pub(super) async fn run(args: &CaptureArgs, config: &Config) -> Result<(), Failure> {
    let dir = &args.out;
    let occupied = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(Failure::usage(format!(
            "--out: {} is not empty; worlds do not mix",
            dir.display()
        )));
    }
    let scene = Scene::open(&args.cluster, config, WorldKey::Own).await?;
    let subject = args.subject.subject(&scene).await?;
    let stimulus = args.subject.stimulus(&scene, &subject)?;
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("captured");
    let redactor = scene.reader.redactor().clone();
    let Capture { world, brief } =
        capture(scene.reader, scene.metrics, scene.clock, &subject, stimulus, name).await;
    if world.objects().next().is_none() {
        let why = brief.gaps.first().map(|gap| gap.message.as_str());
        return Err(Failure::infrastructure(anyhow::anyhow!(
            "the cluster could not be read, so nothing was captured: {}",
            why.unwrap_or("no object was found")
        )));
    }
    save_world(&world, dir).map_err(|error: WorldError| Failure::failed(error))?;
    let differing = differences(dir, &brief, redactor)
        .await
        .map_err(Failure::failed)?;
    report(args, &brief, &differing)?;
    if differing.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(anyhow::anyhow!(
            "the world in {} does not replay to the same brief; these parts differ: {}",
            dir.display(),
            differing.join(", ")
        )))
    }
}

fn report(args: &CaptureArgs, brief: &domain::Brief, differing: &[String]) -> Result<(), Failure> {
    let dir = args.out.display().to_string();
    match args.output.output {
        crate::cli::Format::Json => {
            let answer: Value = json!({
                "world": dir, "verdict": brief.verdict, "gaps": brief.gaps.len(), "differs": differing,
            });
            out::json(&answer)
        }
        crate::cli::Format::Text if differing.is_empty() => out::text(&format!(
            "{dir}: {}, {} gaps; it replays to the same brief.\nRead it before you share it: redaction knows shapes, not \
             meanings.\n  dogwatch triage --world {dir}",
            brief.verdict,
            brief.gaps.len()
        )),
        crate::cli::Format::Text => Ok(()),
    }
}
