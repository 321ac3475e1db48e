//! The command line: which commands there are and how they answer. The arguments of a command live beside it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::agents::AgentsCommand;
use crate::commands::config::ConfigCommand;
use crate::commands::demo::DemoArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::eval::EvalCommand;
use crate::commands::investigate::InvestigateArgs;
use crate::commands::playground::PlaygroundCommand;
use crate::commands::scenario::ScenarioCommand;
use crate::commands::serve::ServeArgs;
use crate::commands::tools::ToolsCommand;
use crate::commands::triage::TriageArgs;

/// An AI site reliability engineer for Kubernetes: from an alert to a proven report.
#[derive(Debug, Parser)]
#[command(name = "dogwatch", version, max_term_width = 110)]
pub(crate) struct Cli {
    /// Configuration file (YAML); without it the one that `DOGWATCH_CONFIG` names
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The commands that look at a cluster.
    #[command(flatten)]
    Work(Work),
    /// Failure worlds behind a Kubernetes API
    #[command(subcommand)]
    Playground(PlaygroundCommand),
    /// Golden scenarios: begin one, check them all
    #[command(subcommand)]
    Scenario(ScenarioCommand),
    /// Scenarios answered and scored
    #[command(subcommand)]
    Eval(EvalCommand),
    /// The agents and whether their definitions hold
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// The tools that agents may call
    #[command(subcommand)]
    Tools(ToolsCommand),
    /// The configuration: whether it holds, and its schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The catalogue of what can go wrong
    #[command(hide = true)]
    Mechanisms(OutputArgs),
}

/// Commands that read the configuration and are observed.
#[derive(Debug, Subcommand)]
pub(crate) enum Work {
    /// Show it all: playground, service, a real alert over HTTP, the report; no key, no cluster
    Demo(DemoArgs),
    /// Run the service
    Serve(ServeArgs),
    /// Investigate an alert, a workload or a question and write the report
    Investigate(InvestigateArgs),
    /// Write the brief only: no model
    Triage(TriageArgs),
    /// Check what dogwatch needs and say what is missing
    Doctor(DoctorArgs),
}

/// How a result is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// The choice between text and JSON.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}
