//! What a tool is, and how a call ends.

use domain::{Fact, Lookup, Outcome, Redacted};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::output::Output;
use crate::workspace::Workspace;

/// A tool: its name and arguments are the contract with the model.
pub(crate) trait Tool {
    /// Name by which models call it.
    const NAME: &'static str;
    /// What it tells, in a line.
    const ABOUT: &'static str;
    /// Its arguments; doc comments are what the model reads.
    type Args: DeserializeOwned + JsonSchema + Send;

    /// Looks.
    fn call(
        args: Self::Args,
        workspace: &Workspace,
    ) -> impl Future<Output = Result<Output, ToolError>> + Send;
}

/// How a call fails.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The model may read this and try again.
    #[error("{0}")]
    RespondToModel(String),
}

/// What a call returned: evidence but for its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// How it ended.
    pub outcome: Outcome,
    /// Typed facts.
    pub facts: Vec<Fact>,
    /// What was looked for.
    pub lookups: Vec<Lookup>,
    /// The text for the model, bounded.
    pub shown: Redacted,
    /// True when the text was cut.
    pub truncated: bool,
}

/// A tool as the catalogue lists it.
pub struct ToolInfo {
    /// Name.
    pub name: &'static str,
    /// What it tells.
    pub about: &'static str,
    /// JSON schema of the arguments.
    pub schema: fn() -> Value,
    pub(crate) run: Run,
}

type Run = for<'a> fn(Value, &'a Workspace) -> BoxFuture<'a, Result<Called, ToolError>>;

/// The catalogue's entry of a tool.
pub(crate) const fn entry<T: Tool>() -> ToolInfo {
    ToolInfo {
        name: T::NAME,
        about: T::ABOUT,
        schema: llm::tool_schema::<T::Args>,
        run: run::<T>,
    }
}

fn run<T: Tool>(arguments: Value, workspace: &Workspace) -> BoxFuture<'_, Result<Called, ToolError>> {
    Box::pin(async move {
        let args: T::Args = serde_json::from_value(arguments).map_err(|error| {
            ToolError::RespondToModel(format!("the arguments do not fit {}: {error}", T::NAME))
        })?;
        Ok(T::call(args, workspace).await?.finish())
    })
}
