//! Agents: definitions as data, prompts, the one loop, consulting.

pub mod definition;
mod driver;
mod endings;
mod machine;
pub mod prompt;
mod settings;
mod skills;

pub use definition::{AgentDefinition, Agents, DefinitionError, Role, mechanisms};
pub use driver::{Crew, Gate, Journal, JournalError, Outcome};
pub use machine::{AgentRun, Step};
pub use settings::{Budget, Settings};
