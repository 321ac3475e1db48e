//! Redaction in the type system: `Redacted` text has been through a `Redactor`, and what leaves the process
//! (model, store, logs, traces, reports) takes nothing else.

mod shapes;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub use shapes::is_secret_key;

/// Text without secrets. Made by [`Redactor::redact`], or from text that this program wrote itself.
///
/// Deserializing trusts its input: read only what was stored redacted, never a payload from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// No text.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Text that this program composed from names, numbers and its own words.
    pub fn trusted(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Appends redacted text.
    pub fn push(&mut self, text: &Self) {
        self.0.push_str(&text.0);
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Joins redacted texts.
    pub fn join<'a>(texts: impl IntoIterator<Item = &'a Self>, separator: &str) -> Self {
        Self(
            texts
                .into_iter()
                .map(Self::as_str)
                .collect::<Vec<_>>()
                .join(separator),
        )
    }

    /// At most about `limit` bytes of the text around the first occurrence of `words`.
    #[must_use]
    pub fn around(&self, words: &str, limit: usize) -> Self {
        let at = self.0.find(words).unwrap_or(0);
        if self.0.len() <= limit || at + words.len() < limit.saturating_sub(8) {
            return self.truncated(limit);
        }
        let start = (at + words.len() + 80).min(self.0.len()).saturating_sub(limit);
        let start = (start..self.0.len())
            .find(|&i| self.0.is_char_boundary(i))
            .unwrap_or(0);
        Self(format!("…{}", Self(self.0[start..].to_owned()).truncated(limit)))
    }

    /// At most `limit` bytes of the text, cut at a character, with an ellipsis when cut.
    #[must_use]
    pub fn truncated(&self, limit: usize) -> Self {
        if self.0.len() <= limit {
            return self.clone();
        }
        let end = (0..=limit.saturating_sub(3))
            .rev()
            .find(|&i| self.0.is_char_boundary(i))
            .unwrap_or(0);
        Self(format!("{}…", &self.0[..end]))
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Redacted {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Redacted {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Replaces secrets by placeholders that are stable per secret and key, so that "equal" and "changed" survive:
/// `[redacted:jwt:3f9a1c2e]`.
#[derive(Clone)]
pub struct Redactor {
    key: [u8; 32],
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor whose placeholders depend on `key`: the same key gives the same placeholder for the same
    /// secret, and without the key a placeholder cannot be tested against guesses.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Derives the key from a passphrase of any length.
    pub fn from_passphrase(passphrase: &str) -> Self {
        use sha2::Digest;
        Self::new(Sha256::digest(passphrase.as_bytes()).into())
    }

    /// Text with every secret of a known shape replaced.
    pub fn redact(&self, text: &str) -> Redacted {
        Redacted(shapes::replace(text, |kind, secret| {
            self.placeholder(kind, secret)
        }))
    }

    /// The value of a named setting: wholly replaced when the name says that it is secret, and otherwise
    /// redacted by shape.
    pub fn redact_value(&self, name: &str, value: &str) -> Redacted {
        if value.is_empty() {
            Redacted::empty()
        } else if shapes::is_secret_key(name) && shapes::is_secret_value(value) {
            Redacted(self.placeholder("value", value))
        } else {
            self.redact(value)
        }
    }

    /// The placeholder that stands for `secret`.
    pub fn placeholder(&self, kind: &str, secret: &str) -> String {
        let digest = match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(mut mac) => {
                mac.update(secret.as_bytes());
                hex::encode(&mac.finalize().into_bytes()[..4])
            }
            Err(_) => "?".to_owned(),
        };
        format!("[redacted:{kind}:{digest}]")
    }
}
