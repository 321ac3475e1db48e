//! `dogwatch scenario lint`: what is wrong with the scenarios, and what they cover. Must not know the rules.

use std::path::PathBuf;

use clap::Args;
use evals::coverage::{self, Row};
use evals::lint::{self, Problem};
use serde_json::json;

use crate::cli::{Format, OutputArgs};
use crate::compose::engine::load_agents;
use crate::failure::Failure;
use crate::out;

/// Which scenarios.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Folder of the scenarios
    #[arg(default_value = "golden-scenarios")]
    dir: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Checks every scenario and the suite.
pub(super) async fn run(args: &LintArgs) -> Result<(), Failure> {
    let scenarios = evals::load(&args.dir).map_err(Failure::usage)?;
    let agents = load_agents(None)?;
    let rows = coverage::table(&scenarios, |mechanism| {
        agents
            .iter()
            .filter(|agent| agents::mechanisms(&agent.handles).contains(&mechanism))
            .map(|agent| agent.name.clone())
            .collect()
    });
    let mut problems = lint::suite(&scenarios);
    for scenario in &scenarios {
        problems.extend(lint::scenario(scenario).await);
    }
    match args.output.output {
        Format::Json => {
            out::json(
                &json!({ "ok": problems.is_empty(), "scenarios": scenarios.len(), "coverage": rows, "problems": problems }),
            )?;
        }
        Format::Text => out::text(&text(&rows, &problems, scenarios.len()))?,
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(anyhow::anyhow!(
        "{} problems in {} scenarios",
        problems.len(),
        scenarios.len()
    )))
}

fn text(rows: &[Row], problems: &[Problem], scenarios: usize) -> String {
    let mut lines = vec![format!(
        "{:<58} {:>9} {:>5} {:>5}  {:<24} {}",
        "mechanism (* must be covered)", "scenarios", "twins", "fault", "detectors", "agents"
    )];
    lines.extend(rows.iter().map(|row| {
        format!(
            "{:<58} {:>9} {:>5} {:>5}  {:<24} {}",
            format!("{}{}", row.mechanism, if row.core { " *" } else { "" }),
            row.scenarios.len(),
            row.twins.len(),
            if row.fault { "yes" } else { "-" },
            row.detectors.join(","),
            row.agents.join(",")
        )
    }));
    lines.push(String::new());
    for problem in problems {
        let place = if problem.scenario.is_empty() {
            "suite"
        } else {
            &problem.scenario
        };
        lines.push(format!("{place}: {}: {}", problem.rule, problem.message));
    }
    lines.push(format!("{scenarios} scenarios, {} problems", problems.len()));
    lines.join("\n")
}
