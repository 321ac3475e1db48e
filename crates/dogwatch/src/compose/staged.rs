//! What the playground is asked to stage: a demo case or a golden scenario. Must not know what is done with it.

use std::path::{Path, PathBuf};

use clap::Args;
use evals::Scenario;
use playground::cases::{RenderOptions, Rendered};

use crate::compose::case::CaseArgs;
use crate::failure::Failure;

/// A demo case, or a scenario in its place.
#[derive(Debug, Clone, Args)]
pub(crate) struct StagedArgs {
    #[command(flatten)]
    case: CaseArgs,
    /// A golden scenario instead of a case: the name of its folder
    #[arg(long, value_name = "SLUG", conflicts_with = "case")]
    scenario: Option<String>,
    /// Folder of the scenarios
    #[arg(long, value_name = "DIR", default_value = "golden-scenarios")]
    scenarios: PathBuf,
}

impl StagedArgs {
    /// Its name and its world.
    pub(crate) fn render(&self) -> Result<(String, Rendered), Failure> {
        let Some(slug) = &self.scenario else {
            let (case, rendered) = self.case.render()?;
            return Ok((case.id.to_owned(), rendered));
        };
        let scenario = find(&self.scenarios, slug)?;
        let options = RenderOptions {
            seed: self.case.seed.unwrap_or(scenario.spec.world.seed),
            randomize: self.case.randomize,
        };
        let staged = scenario.stage(options).map_err(Failure::failed)?;
        Ok((scenario.slug, staged.rendered))
    }
}

/// The scenario of that name in a folder.
fn find(dir: &Path, slug: &str) -> Result<Scenario, Failure> {
    let mut known = evals::load(dir).map_err(Failure::usage)?;
    match known.iter().position(|scenario| scenario.slug == slug) {
        Some(index) => Ok(known.swap_remove(index)),
        None => Err(Failure::usage(format!(
            "scenario: {} holds no scenario `{slug}`; `dogwatch playground list --scenarios` shows them",
            dir.display()
        ))),
    }
}
