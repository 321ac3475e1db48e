//! What the service is configured with. It must not know where the values come from.

use std::fmt;
use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes of a request's body that are accepted unless configured otherwise: 1 MiB.
pub const DEFAULT_BODY_LIMIT_BYTES: usize = 1 << 20;

/// Configuration of the service.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where webhooks and the API listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where health and metrics listen.
    pub ops_addr: SocketAddr,
    /// Name of the cluster that investigations look at.
    pub cluster: String,
    /// What a webhook's sender must show, as bearer token or as password of basic authentication. Without it
    /// webhooks are refused, unless `allow_unauthenticated`.
    pub webhook_secret: Option<SecretString>,
    /// Who may use the API.
    pub tokens: Vec<TokenHash>,
    /// Lets anybody use the API, and send webhooks where there is no secret. For demonstrations.
    pub allow_unauthenticated: bool,
    /// Bytes that the body of a request may have.
    pub body_limit_bytes: usize,
}

/// An API token, known only by its SHA-256.
#[derive(Clone)]
pub struct TokenHash {
    name: String,
    sha256: [u8; 32],
}

/// A text that is no SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("token {name:?}: expected a SHA-256 as 64 hexadecimal digits")]
pub struct InvalidTokenHash {
    /// Name of the token.
    pub name: String,
}

impl TokenHash {
    /// A token by the SHA-256 of its text, in hexadecimal digits. `name` says in traces who called.
    ///
    /// # Errors
    /// The text is no SHA-256.
    pub fn new(name: &str, sha256_hex: &str) -> Result<Self, InvalidTokenHash> {
        let mut sha256 = [0_u8; 32];
        match hex::decode_to_slice(sha256_hex.trim(), &mut sha256) {
            Ok(()) => Ok(Self {
                name: name.to_owned(),
                sha256,
            }),
            Err(_) => Err(InvalidTokenHash {
                name: name.to_owned(),
            }),
        }
    }

    /// The hash of a token.
    pub fn of(name: &str, token: &SecretString) -> Self {
        Self {
            name: name.to_owned(),
            sha256: sha256(token.expose_secret()),
        }
    }

    /// Who uses the token.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, digest: &[u8; 32]) -> bool {
        self.sha256.as_slice().ct_eq(digest.as_slice()).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenHash")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of a text.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
