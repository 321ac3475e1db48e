//! `dogwatch tools`: what agents may call, and the schemas that models see. Must not know who calls.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::{Format, OutputArgs};
use crate::failure::Failure;
use crate::out;

/// What to show of the tools.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolsCommand {
    /// List the tools
    List(OutputArgs),
    /// Show the JSON schema of a tool's arguments, or of all
    Schema(SchemaArgs),
}

/// Which schema.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Name of a tool
    name: Option<String>,
}

/// Shows the tools.
pub(crate) fn run(command: &ToolsCommand) -> Result<(), Failure> {
    match command {
        ToolsCommand::List(args) => list(args.output),
        ToolsCommand::Schema(args) => schema(args.name.as_deref()),
    }
}

fn list(format: Format) -> Result<(), Failure> {
    let tools = ::tools::all().iter();
    match format {
        Format::Json => {
            let entries: Vec<Value> = tools
                .map(|tool| json!({ "name": tool.name, "about": tool.about }))
                .collect();
            out::json(&entries)
        }
        Format::Text => {
            let lines: Vec<String> = tools
                .map(|tool| format!("{:<22} {}", tool.name, tool.about))
                .collect();
            out::text(&lines.join("\n"))
        }
    }
}

fn schema(name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else {
        let schemas: Map<String, Value> = ::tools::all()
            .iter()
            .map(|tool| (tool.name.to_owned(), (tool.schema)()))
            .collect();
        return out::json(&schemas);
    };
    match ::tools::all().iter().find(|tool| tool.name == name) {
        Some(tool) => out::json(&(tool.schema)()),
        None => {
            let known: Vec<&str> = ::tools::all().iter().map(|tool| tool.name).collect();
            Err(Failure::usage(format!(
                "there is no tool `{name}`; there are: {}",
                known.join(", ")
            )))
        }
    }
}
