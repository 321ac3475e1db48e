//! Configuration of the database. Must not know what is kept there.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where investigations are kept.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// `sqlite:PATH`, or `postgres://…` when several replicas share the work (sqlite:dogwatch.db).
    pub(crate) url: String,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:dogwatch.db".to_owned(),
        }
    }
}

/// Without the URL, which may hold a password.
impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig").finish_non_exhaustive()
    }
}
