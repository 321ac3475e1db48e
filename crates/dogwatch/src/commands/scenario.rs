//! `dogwatch scenario`: golden scenarios, begun and checked. Must not know how they are scored.

mod lint;
mod new;

use clap::Subcommand;

use crate::failure::Failure;

/// What to do with scenarios.
#[derive(Debug, Subcommand)]
pub(crate) enum ScenarioCommand {
    /// Begin a scenario: a folder with a file to fill in
    New(new::NewArgs),
    /// Check the scenarios and say what they cover; exit code 1 when something is wrong
    Lint(lint::LintArgs),
}

/// Runs the command.
pub(crate) async fn run(command: &ScenarioCommand) -> Result<(), Failure> {
    match command {
        ScenarioCommand::New(args) => new::run(args),
        ScenarioCommand::Lint(args) => lint::run(args).await,
    }
}
