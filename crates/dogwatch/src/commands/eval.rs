//! `dogwatch eval`: scenarios answered and scored. Must not know how one is scored.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use evals::run::{self, CaseResult, Run, Setting, Status};
use evals::statistics::Rate;

use crate::cli::{Format, OutputArgs};
use crate::failure::Failure;
use crate::out;

/// More trials than this without an answer make a run void, in percent.
const VOID_PERCENT: usize = 2;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Answer scenarios and score the answers
    Run(RunArgs),
}

/// Which scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// All golden scenarios.
    Golden,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Arm {
    /// Triage, without a model.
    Triage,
}

/// What is run.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Which scenarios
    #[arg(long, value_enum, default_value = "golden")]
    suite: Suite,
    /// Who answers
    #[arg(long, value_enum, default_value = "triage")]
    arm: Arm,
    /// Folder of the scenarios
    #[arg(long, value_name = "DIR", default_value = "golden-scenarios")]
    dir: PathBuf,
    /// Only scenarios whose slug or fault contains the text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only scenarios with the tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Seeds
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [11, 23])]
    seeds: Vec<u64>,
    /// Keep the shop's readable names
    #[arg(long)]
    readable: bool,
    /// Also run as many seeds that derive from this text (a commit hash), reported as `fresh`
    #[arg(long, value_name = "TEXT")]
    fresh_from: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) async fn run(command: &EvalCommand) -> Result<(), Failure> {
    let EvalCommand::Run(args) = command;
    let (Suite::Golden, Arm::Triage) = (args.suite, args.arm);
    let mut scenarios = evals::load(&args.dir).map_err(Failure::usage)?;
    scenarios.retain(|scenario| {
        let faults = &scenario.spec.world.faults;
        args.only.as_ref().is_none_or(|text| {
            scenario.slug.contains(text) || faults.iter().any(|fault| fault.id.contains(text))
        }) && args.tag.as_ref().is_none_or(|tag| scenario.has_tag(tag))
    });
    if scenarios.is_empty() {
        return Err(Failure::usage("no scenario fits --only and --tag"));
    }
    let settings = |seeds: &[u64]| -> Vec<Setting> {
        let randomize = !args.readable;
        seeds
            .iter()
            .map(|seed| Setting {
                seed: *seed,
                randomize,
            })
            .collect()
    };
    let progress = |case: &CaseResult| {
        if args.output.output == Format::Text && case.status != Status::Pass {
            out::remark(&line(case));
        }
    };
    let mut run = run::triage(&scenarios, &settings(&args.seeds), progress).await;
    if let Some(text) = &args.fresh_from {
        let seeds = run::seeds_of(text, args.seeds.len());
        let fresh = run::triage(&scenarios, &settings(&seeds), progress).await;
        run.fresh = Some(Box::new(fresh));
    }
    match args.output.output {
        Format::Json => out::json(&run)?,
        Format::Text => out::text(&text(&run))?,
    }
    let void = run.summary.setup_errors * 100 > VOID_PERCENT * run.summary.trials;
    if void {
        return Err(Failure::infrastructure(anyhow::anyhow!(
            "{} of {} trials had no answer: the run is void",
            run.summary.setup_errors,
            run.summary.trials
        )));
    }
    Ok(())
}

fn line(case: &CaseResult) -> String {
    let Some(score) = &case.score else {
        let why = case.error.as_deref().unwrap_or("no answer");
        return format!("error     {} seed {}: {why}", case.scenario, case.setting.seed);
    };
    let word = match case.status {
        Status::Abstained => "abstained",
        _ => "fail",
    };
    format!(
        "{word:<9} {} seed {}: {} {}, expected {} {}",
        case.scenario,
        case.setting.seed,
        score.verdict,
        score.asserted.join(" + "),
        score.expected_verdict,
        score.expected.join(" + ")
    )
}

fn text(run: &Run) -> String {
    let mut lines = figures(run);
    if let Some(fresh) = &run.fresh {
        lines.push("fresh seeds:".to_owned());
        lines.extend(figures(fresh));
    }
    lines.join("\n")
}

fn figures(run: &Run) -> Vec<String> {
    let summary = &run.summary;
    let rate = |name: &str, rate: &Rate| match rate.rate {
        Some(value) => format!(
            "{name:<22} {value:.3}  ({} of {}; {:.3} to {:.3})",
            rate.hits, rate.of, rate.low, rate.high
        ),
        None => format!("{name:<22} nothing to count"),
    };
    vec![
        rate("strict pass", &summary.strict_pass),
        rate("false accusations", &summary.false_accusation_rate),
        rate("wrong causes anywhere", &summary.wrong_cause_rate),
        rate("twins", &summary.twins_pass),
        rate("right object first", &summary.object_at_1),
        rate("right object in three", &summary.object_at_3),
        rate("abstained", &summary.abstained),
        format!(
            "{} trials, {} without an answer",
            summary.trials, summary.setup_errors
        ),
    ]
}
