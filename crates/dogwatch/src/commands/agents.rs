//! `dogwatch agents`: the definitions of agents and whether they hold. Must not know how agents run.

use std::path::PathBuf;

use ::agents::Agents;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{Format, OutputArgs};
use crate::commands::Surroundings;
use crate::compose::engine::load_agents;
use crate::failure::Failure;
use crate::out;

/// What to do with the definitions.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// List the agents
    List(AgentsArgs),
    /// Load every definition and say what is wrong with the first that does not hold
    Check(AgentsArgs),
}

/// Which definitions.
#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    /// Folder of definitions; without it the configured one, or those that are shipped
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Shows or checks the definitions.
pub(crate) fn run(command: &AgentsCommand, surroundings: &Surroundings) -> Result<(), Failure> {
    let (AgentsCommand::List(args) | AgentsCommand::Check(args)) = command;
    let folder = match &args.dir {
        Some(dir) => Some(dir.clone()),
        None => surroundings.config()?.agents.folder,
    };
    let agents = load_agents(folder.as_deref())?;
    match command {
        AgentsCommand::List(args) => list(&agents, args.output.output),
        AgentsCommand::Check(args) => checked(&agents, args.output.output),
    }
}

fn list(agents: &Agents, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => out::json(&agents.iter().collect::<Vec<_>>()),
        Format::Text => {
            let lines: Vec<String> = agents
                .iter()
                .map(|agent| format!("{:<14} {}", agent.name, agent.description))
                .collect();
            out::text(&lines.join("\n"))
        }
    }
}

fn checked(agents: &Agents, format: Format) -> Result<(), Failure> {
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    match format {
        Format::Json => out::json(&json!({ "ok": true, "agents": names })),
        Format::Text => out::text(&format!("{} agents hold: {}", names.len(), names.join(", "))),
    }
}
