//! Configuration of the HTTP service: addresses and who may come in. Must not know its routes.

use std::net::SocketAddr;
use std::path::PathBuf;

use ::server::DEFAULT_BODY_LIMIT_BYTES;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::secret;

/// Investigations at the same time.
const PARALLEL: usize = 4;

/// The HTTP service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Address of webhooks and API (127.0.0.1:8080).
    #[schemars(with = "String")]
    pub(crate) addr: SocketAddr,
    /// Address of health and metrics (127.0.0.1:9090).
    #[schemars(with = "String")]
    pub(crate) ops_addr: SocketAddr,
    /// What webhooks send as a bearer token.
    #[schemars(with = "Option<String>")]
    pub(crate) webhook_secret: Option<SecretString>,
    /// File that holds the webhook secret instead.
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// Who may use the API.
    pub(crate) tokens: Vec<Token>,
    /// Lets anybody in, for trials (false).
    pub(crate) allow_unauthenticated: bool,
    /// Largest body of a request in bytes (1048576).
    pub(crate) body_limit_bytes: usize,
    /// Investigations at the same time (4).
    pub(crate) parallel: usize,
}

/// A bearer token of the API, known by its hash.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// Whose it is.
    pub(crate) name: String,
    /// SHA-256 of the token in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8080)),
            ops_addr: SocketAddr::from(([127, 0, 0, 1], 9090)),
            webhook_secret: None,
            webhook_secret_file: None,
            tokens: Vec::new(),
            allow_unauthenticated: false,
            body_limit_bytes: DEFAULT_BODY_LIMIT_BYTES,
            parallel: PARALLEL,
        }
    }
}

impl ServerConfig {
    /// Reads the webhook secret and checks the tokens.
    pub(super) fn resolve(&mut self, problems: &mut Vec<String>) {
        let (given, file) = (self.webhook_secret.take(), self.webhook_secret_file.as_deref());
        self.webhook_secret = secret::resolve("server.webhook_secret", given, file, problems);
        for token in &mut self.tokens {
            token.sha256.make_ascii_lowercase();
            let is_hash = token.sha256.len() == 64 && token.sha256.bytes().all(|b| b.is_ascii_hexdigit());
            if !is_hash {
                let name = &token.name;
                problems.push(format!(
                    "server.tokens: the sha256 of `{name}` must be 64 hexadecimal digits"
                ));
            }
        }
    }
}
