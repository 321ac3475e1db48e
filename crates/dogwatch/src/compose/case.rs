//! Demo cases by their arguments. Must not know what is done with a case.

use clap::Args;
use playground::cases::{self, Case, RenderOptions, Rendered};

use crate::failure::Failure;

/// Which case, and how it is rendered.
#[derive(Debug, Clone, Args)]
pub(crate) struct CaseArgs {
    /// Id of the case, as `playground list` shows it; without it the first
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// Seed of names, ages, magnitudes and noise; 0, or the scenario's own
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Give namespaces, workloads and images names without meaning
    #[arg(long)]
    pub(crate) randomize: bool,
}

impl CaseArgs {
    /// The case that is named.
    pub(crate) fn case(&self) -> Result<&'static Case, Failure> {
        let Some(id) = &self.case else {
            return cases::cases()
                .first()
                .ok_or_else(|| Failure::usage("there are no cases"));
        };
        cases::cases().iter().find(|case| case.id == id).ok_or_else(|| {
            let known: Vec<&str> = cases::cases().iter().map(|case| case.id).collect();
            Failure::usage(format!(
                "there is no case `{id}`; there are: {}",
                known.join(", ")
            ))
        })
    }

    /// The case and its world.
    pub(crate) fn render(&self) -> Result<(&'static Case, Rendered), Failure> {
        let case = self.case()?;
        let options = RenderOptions {
            seed: self.seed.unwrap_or(0),
            randomize: self.randomize,
        };
        let rendered = cases::render(case, options).map_err(Failure::failed)?;
        Ok((case, rendered))
    }
}
