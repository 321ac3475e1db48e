//! `dogwatch playground`: failure worlds, listed, written and served. Must not know how they are diagnosed.

mod render;
mod serve;

use std::path::{Path, PathBuf};

use ::playground::cases;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::{Format, OutputArgs};
use crate::failure::Failure;
use crate::out;

/// What to do with worlds.
#[derive(Debug, Subcommand)]
pub(crate) enum PlaygroundCommand {
    /// List the demo cases, or the golden scenarios
    List(ListArgs),
    /// Write the world of a case or scenario as files: the same bytes for the same arguments
    Render(render::RenderArgs),
    /// Serve a world as a Kubernetes API until Ctrl-C
    Serve(serve::ServeArgs),
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List the scenarios of a folder instead, without their titles, which would tell the answer
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "golden-scenarios")]
    scenarios: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) async fn run(command: &PlaygroundCommand) -> Result<(), Failure> {
    match command {
        PlaygroundCommand::List(args) => list(args),
        PlaygroundCommand::Render(args) => render::run(args),
        PlaygroundCommand::Serve(args) => serve::run(args).await,
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    match &args.scenarios {
        Some(dir) => scenarios(dir, args.output.output),
        None => cases(args.output.output),
    }
}

fn scenarios(dir: &Path, format: Format) -> Result<(), Failure> {
    let scenarios = evals::load(dir).map_err(Failure::usage)?;
    match format {
        Format::Json => {
            let entries: Vec<Value> = scenarios
                .iter()
                .map(|scenario| json!({ "slug": scenario.slug, "split": scenario.spec.split, "tags": scenario.spec.tags }))
                .collect();
            out::json(&entries)
        }
        Format::Text => {
            let slugs: Vec<&str> = scenarios.iter().map(|scenario| scenario.slug.as_str()).collect();
            out::text(&slugs.join("\n"))
        }
    }
}

fn cases(format: Format) -> Result<(), Failure> {
    let cases = cases::cases().iter();
    match format {
        Format::Json => {
            let entries: Vec<Value> = cases
                .map(|case| json!({ "id": case.id, "title": case.title, "verdict": case.verdict }))
                .collect();
            out::json(&entries)
        }
        Format::Text => {
            let lines: Vec<String> = cases
                .map(|case| format!("{:<22} {:<13} {}", case.id, case.verdict, case.title))
                .collect();
            out::text(&lines.join("\n"))
        }
    }
}
