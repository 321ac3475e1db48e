//! `dogwatch scenario new`: a scenario to fill in. Must not know which scenarios are good.

use std::path::PathBuf;

use ::playground::faults;
use clap::Args;

use crate::failure::Failure;
use crate::out;

/// What the scenario is about.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Name of the folder; it must not hint at the fault
    slug: String,
    /// Id of the fault, `category/slug` or `situation/slug`
    #[arg(long, value_name = "ID")]
    fault: String,
    /// Role of the workload to strike
    #[arg(long, value_name = "ROLE")]
    target: Option<String>,
    /// Folder of the scenarios
    #[arg(long, value_name = "DIR", default_value = "golden-scenarios")]
    dir: PathBuf,
}

/// Writes the file.
pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if args.slug.is_empty() || !args.slug.chars().all(plain) {
        return Err(Failure::usage(format!(
            "slug `{}`: only a-z, 0-9 and - are allowed",
            args.slug
        )));
    }
    if faults::by_id(&args.fault).is_none() {
        return Err(Failure::usage(format!(
            "--fault: the playground cannot stage `{}`; `dogwatch scenario lint -o json` lists what it can",
            args.fault
        )));
    }
    let file = args.dir.join(&args.slug).join("scenario.yaml");
    if file.exists() {
        return Err(Failure::usage(format!("{} is there already", file.display())));
    }
    let write = || -> std::io::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, draft(args))
    };
    write().map_err(Failure::failed)?;
    out::text(&file.display().to_string())
}

fn draft(args: &NewArgs) -> String {
    let is_fault = !args.fault.starts_with("situation/");
    let target = args
        .target
        .as_ref()
        .map(|role| format!(", target: {role}"))
        .unwrap_or_default();
    let role = args
        .target
        .as_ref()
        .map(|role| format!(", role: {role}"))
        .unwrap_or_default();
    let truth = if is_fault {
        format!(
            "  verdict: root_cause\n  root_causes:\n    - {{object: {{kind: Deployment{role}}}, mechanism: {}}}\nevidence:\n  - must_cite: {{event: REASON}}\n",
            args.fault
        )
    } else {
        "  verdict: not_an_issue\n".to_owned()
    };
    format!(
        "title: one line for people; no agent sees it\ntags: [noise]\nsplit: dev\nworld:\n  baseline: shop\n  seed: 7\n  faults:\n    - {{id: {}{target}}}\nstimulus:\n  alert: KubePodCrashLooping\ntruth:\n{truth}rubric: []\nprovenance: where this comes from\n",
        args.fault
    )
}
