//! A scenario becomes a world and the truth about it under that world's names. Must not know how it is answered.

use playground::stage::{FaultSpec, RenderError, RenderOptions, Rendered, Staging, render};

use super::Scenario;
use super::truth::Expected;

/// A scenario with its world.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// The world and what the faults say of it.
    pub rendered: Rendered,
    /// The truth, under the world's names.
    pub expected: Expected,
}

/// Why a scenario cannot be staged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The playground cannot render it.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The declared truth is not what the faults say.
    #[error("{slug}: truth: {message}")]
    Truth {
        /// The scenario.
        slug: String,
        /// What differs.
        message: String,
    },
}

impl Scenario {
    /// What the playground stages.
    pub fn staging(&self) -> Staging {
        let world = &self.spec.world;
        Staging {
            name: self.slug.clone(),
            faults: world
                .faults
                .iter()
                .map(|fault| FaultSpec {
                    id: fault.id.clone(),
                    target: fault.target.clone(),
                    params: fault.params.clone(),
                })
                .collect(),
            noise: world.noise.clone(),
            stimulus: self
                .spec
                .stimulus
                .said()
                .unwrap_or_else(|| playground::stage::stimulus::Stimulus::Workload(String::new())),
        }
    }

    /// Stages the scenario under a seed.
    ///
    /// # Errors
    /// When the playground cannot render it, or the declared truth is not what the faults say.
    pub fn stage(&self, options: RenderOptions) -> Result<Staged, StageError> {
        let rendered = render(&self.staging(), options)?;
        let expected = Expected::of(self, &rendered).map_err(|message| StageError::Truth {
            slug: self.slug.clone(),
            message,
        })?;
        Ok(Staged { rendered, expected })
    }
}
