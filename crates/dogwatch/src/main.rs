//! The `dogwatch` program: installs the TLS provider, reads arguments and environment once, runs a command and turns
//! its end into an exit code. Must not know what any command does.

mod cli;
mod commands;
mod compose;
mod config;
mod failure;
mod out;
mod subject;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use crate::config::Environment;

fn main() -> ExitCode {
    // A second call would be the only reason to fail, and there is none.
    rustls::crypto::ring::default_provider().install_default().ok();
    let cli = cli::Cli::parse();
    match commands::run(cli, environment()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::complain(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// The process environment as values; variables that are not UTF-8 are none of ours.
fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
