//! `dogwatch scenario`: golden scenarios, begun, captured and checked. Must not know how they are scored.

mod capture;
mod lint;
mod new;

use clap::Subcommand;

use crate::config::Config;
use crate::failure::Failure;

/// What to do with scenarios.
#[derive(Debug, Subcommand)]
pub(crate) enum ScenarioCommand {
    /// Begin a scenario: a folder with a file to fill in
    New(new::NewArgs),
    /// Write what triage reads of a live cluster, redacted, as a world that replays to the same brief
    Capture(capture::CaptureArgs),
    /// Check the scenarios and say what they cover; exit code 1 when something is wrong
    Lint(lint::LintArgs),
}

/// Runs the command.
pub(crate) async fn run(command: &ScenarioCommand, config: &Config) -> Result<(), Failure> {
    match command {
        ScenarioCommand::Capture(args) => capture::run(args, config).await,
        ScenarioCommand::New(args) => new::run(args),
        ScenarioCommand::Lint(args) => lint::run(args).await,
    }
}
