//! `dogwatch playground`: failure worlds, listed, written and served. Must not know how they are diagnosed.

mod render;
mod serve;

use ::playground::cases;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::{Format, OutputArgs};
use crate::failure::Failure;
use crate::out;

/// What to do with worlds.
#[derive(Debug, Subcommand)]
pub(crate) enum PlaygroundCommand {
    /// List the demo cases
    List(OutputArgs),
    /// Write the world of a case as files: the same bytes for the same arguments
    Render(render::RenderArgs),
    /// Serve a world as a Kubernetes API until Ctrl-C
    Serve(serve::ServeArgs),
}

/// Runs the command.
pub(crate) async fn run(command: &PlaygroundCommand) -> Result<(), Failure> {
    match command {
        PlaygroundCommand::List(args) => list(args.output),
        PlaygroundCommand::Render(args) => render::run(args),
        PlaygroundCommand::Serve(args) => serve::run(args).await,
    }
}

fn list(format: Format) -> Result<(), Failure> {
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
