//! `dogwatch doctor`: what dogwatch needs, one line per check with what to do about it. Must not know how a check looks.

mod cluster;
mod parts;

use std::fmt;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::cli::{Format, OutputArgs};
use crate::compose::scene::ClusterArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::out;

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Ask the model for a word; this costs a few tokens
    #[arg(long)]
    ping_model: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Nothing to do.
    Ok,
    /// It works, with less.
    Warn,
    /// It does not work.
    Fail,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// One check.
#[derive(Debug, Clone, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    detail: String,
    advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            detail: detail.into(),
            advice: None,
        }
    }

    fn warn(name: &'static str, detail: impl Into<String>, advice: &str) -> Self {
        Self {
            status: Status::Warn,
            advice: Some(advice.to_owned()),
            ..Self::ok(name, detail)
        }
    }

    fn fail(name: &'static str, detail: impl Into<String>, advice: &str) -> Self {
        Self {
            status: Status::Fail,
            advice: Some(advice.to_owned()),
            ..Self::ok(name, detail)
        }
    }
}

/// Runs all checks; fails when one does.
pub(crate) async fn run(args: &DoctorArgs, config: &Config) -> Result<(), Failure> {
    let mut checks = cluster::checks(&args.cluster, config).await;
    checks.push(parts::model(&config.model, args.ping_model).await);
    checks.push(parts::store(&config.database.url).await);
    checks.push(parts::agents(config.agents.folder.as_deref()));
    checks.push(parts::server(&config.server));
    let failed = checks.iter().filter(|check| check.status == Status::Fail).count();
    match args.output.output {
        Format::Json => out::json(&json!({ "ok": failed == 0, "checks": checks }))?,
        Format::Text => out::text(&checks.iter().map(shown).collect::<String>())?,
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::failed(anyhow::anyhow!("1 check failed"))),
        count => Err(Failure::failed(anyhow::anyhow!("{count} checks failed"))),
    }
}

fn shown(check: &Check) -> String {
    let Check {
        name,
        status,
        detail,
        advice,
    } = check;
    let advice = advice
        .as_ref()
        .map_or_else(String::new, |advice| format!("                  {advice}\n"));
    format!("{status:<5} {name:<11} {detail}\n{advice}")
}
