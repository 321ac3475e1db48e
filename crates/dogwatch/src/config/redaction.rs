//! Configuration of redaction: the key of its placeholders. Must not know what is redacted.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

/// Placeholders of secrets.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RedactionConfig {
    /// Passphrase on which placeholders depend, so that a secret has the same one after a restart and in every
    /// replica. Without it each process makes up its own.
    #[schemars(with = "Option<String>")]
    pub(crate) key: Option<SecretString>,
}
