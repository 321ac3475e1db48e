//! The commands, one per file, and what each runs in: configuration, telemetry, the async runtime. Must not know what
//! a command does.

pub(crate) mod agents;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod investigate;
mod mechanisms;
pub(crate) mod playground;
pub(crate) mod scenario;
pub(crate) mod serve;
pub(crate) mod tools;
pub(crate) mod triage;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::{Cli, Command, Work};
use crate::config::{Config, Environment, TelemetryConfig};
use crate::failure::Failure;
use crate::telemetry::Telemetry;

/// Where the configuration comes from.
pub(crate) struct Surroundings {
    /// The file that the command line names.
    pub(crate) file: Option<PathBuf>,
    /// The process environment.
    pub(crate) env: Environment,
}

impl Surroundings {
    /// The resolved configuration.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::load(self.file.as_deref(), &self.env).map_err(Failure::usage)
    }
}

/// Runs a command to its end.
pub(crate) fn run(cli: Cli, env: Environment) -> Result<(), Failure> {
    let surroundings = Surroundings {
        file: cli.config,
        env,
    };
    match cli.command {
        Command::Work(command) => work(&command, &surroundings),
        Command::Playground(command) => unconfigured(self::playground::run(&command)),
        Command::Scenario(command) => {
            unconfigured(async { scenario::run(&command, &surroundings.config()?).await })
        }
        Command::Eval(command) => unconfigured(eval::run(&command)),
        Command::Agents(command) => self::agents::run(&command, &surroundings),
        Command::Tools(command) => self::tools::run(&command),
        Command::Config(command) => self::config::run(&command, &surroundings),
        Command::Mechanisms(args) => mechanisms::run(args),
    }
}

/// Runs a command that needs no configuration.
fn unconfigured(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let telemetry = Telemetry::start(&TelemetryConfig::default(), "warn")?;
    let result = block_on(work);
    telemetry.shutdown();
    result
}

/// Runs a command that reads the configuration and is observed.
fn work(command: &Work, surroundings: &Surroundings) -> Result<(), Failure> {
    let config = surroundings.config()?;
    let default_filter = if matches!(command, Work::Serve(_)) {
        "info"
    } else {
        "warn"
    };
    let telemetry = Telemetry::start(&config.telemetry, default_filter)?;
    let metrics = telemetry.metrics();
    let result = block_on(async {
        match command {
            Work::Demo(args) => demo::run(args, &config, metrics).await,
            Work::Serve(args) => serve::run(args, config, metrics).await,
            Work::Investigate(args) => investigate::run(args, &config).await,
            Work::Triage(args) => self::triage::run(args, &config).await,
            Work::Doctor(args) => doctor::run(args, &config).await,
        }
    });
    telemetry.shutdown();
    result
}

/// The one async runtime; it is gone before telemetry is shut down.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
        .map_err(Failure::Infrastructure)?
        .block_on(work)
}
