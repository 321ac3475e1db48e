//! `dogwatch config`: whether the configuration holds, and the schema of its file. Must not know what it configures.

use clap::Subcommand;
use serde_json::json;

use crate::cli::{Format, OutputArgs};
use crate::commands::Surroundings;
use crate::config::{Config, source};
use crate::failure::Failure;
use crate::out;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Resolve file and environment and name everything that is wrong
    Check(OutputArgs),
    /// Print the JSON schema of the file
    Schema,
}

/// Checks the configuration or prints its schema.
pub(crate) fn run(command: &ConfigCommand, surroundings: &Surroundings) -> Result<(), Failure> {
    match command {
        ConfigCommand::Schema => out::json(&schemars::schema_for!(Config)),
        ConfigCommand::Check(args) => {
            surroundings.config()?;
            let file = source(surroundings.file.as_deref(), &surroundings.env);
            let file = file.map(|path| path.display().to_string());
            match args.output {
                Format::Json => out::json(&json!({ "ok": true, "file": file })),
                Format::Text => {
                    let from = file.map_or_else(|| "no file".to_owned(), |file| format!("file {file}"));
                    out::text(&format!("the configuration holds ({from}, and the environment)"))
                }
            }
        }
    }
}
