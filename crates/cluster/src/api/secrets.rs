//! Facts about a Secret that give nothing of its values away: key names, what is wrong with an encoding, how long a
//! certificate is valid. The values are decoded here and never leave. Knows nothing of who uses them.

mod der;
mod encoding;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::api::client::{ClusterReader, Failure, Selectors};
use crate::api::kinds;
use crate::api::look::{Blind, Look};

pub use encoding::Oddity;

/// A key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFact {
    /// Name of the key.
    pub name: String,
    /// Whether the value has no bytes at all.
    pub is_empty: bool,
    /// What is odd about how the value is encoded.
    pub oddities: Vec<Oddity>,
}

/// A certificate under a key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFact {
    /// Name of the key.
    pub key: String,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
}

/// What may be told of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretFacts {
    /// Its keys, in the API's order.
    pub keys: Vec<KeyFact>,
    /// The first certificate under each key that holds one.
    pub certificates: Vec<CertificateFact>,
}

impl SecretFacts {
    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&KeyFact> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl ClusterReader {
    /// Reads a Secret and keeps only [`SecretFacts`] of it.
    pub async fn secret_facts(&self, namespace: &str, name: &str) -> Look<SecretFacts> {
        let purposes = self.secret_data();
        if !purposes.keys && !purposes.certificates {
            return Look::CouldNotLook(Blind::purpose("keys"));
        }
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let answer = self.json(&path, "application/json").await;
        if let (Some(recorder), Some(kind)) = (self.recorder(), kinds::find("Secret")) {
            match &answer {
                Ok(value) => recorder.secret(kind, value, self.redactor()),
                Err(failure) => {
                    recorder.looked(kind, namespace, name, &Selectors::default(), Some(failure));
                }
            }
        }
        match answer {
            Ok(value) => {
                let mut found = facts(&value);
                if !purposes.keys {
                    found.keys.clear();
                }
                if !purposes.certificates {
                    found.certificates.clear();
                }
                Look::Found(found)
            }
            Err(Failure::NotFound) => Look::Empty,
            Err(Failure::Blind(blind)) => Look::CouldNotLook(blind),
        }
    }
}

/// Values that show the same facts as those of a Secret and give nothing of them away. Certificates are public and
/// stay; a key beside one goes.
pub(crate) fn stand_ins(secret: &Value) -> Value {
    let data = secret.get("data").and_then(Value::as_object);
    let stand_in = |value: &Value| {
        let bytes = STANDARD
            .decode(value.as_str().unwrap_or_default())
            .unwrap_or_default();
        STANDARD.encode(der::first_pem(&bytes).unwrap_or_else(|| encoding::stand_in(&bytes)))
    };
    let kept = data.into_iter().flatten();
    kept.map(|(name, value)| (name.clone(), Value::String(stand_in(value))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn facts(secret: &Value) -> SecretFacts {
    let mut found = SecretFacts::default();
    for (name, value) in secret
        .get("data")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let bytes = STANDARD
            .decode(value.as_str().unwrap_or_default())
            .unwrap_or_default();
        if let Some((not_before, not_after)) = der::first_validity(&bytes) {
            found.certificates.push(CertificateFact {
                key: name.clone(),
                not_before,
                not_after,
            });
        }
        found.keys.push(KeyFact {
            name: name.clone(),
            is_empty: bytes.is_empty(),
            oddities: encoding::oddities(&bytes),
        });
    }
    found
}

#[cfg(test)]
mod tests;
