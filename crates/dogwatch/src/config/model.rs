//! Configuration of the model: endpoint, names, key, prices. Must not know what it is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use llm::{LengthField, OpenAiSettings, Price, PriceTable};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::{is_http_url, secret};

/// Retries when none are configured; the same as the adapter's.
const RETRIES: u32 = 3;

/// An OpenAI-compatible endpoint.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ModelConfig {
    /// Base URL, with `/v1` where the endpoint has it; `/chat/completions` is added.
    pub(crate) url: Option<String>,
    /// Id of the default model.
    pub(crate) name: Option<String>,
    /// Id of the model behind the alias `fast`; without it the default.
    pub(crate) fast: Option<String>,
    /// Id of the model behind the alias `strong`; without it the default.
    pub(crate) strong: Option<String>,
    /// Key, sent as a bearer token; local servers need none.
    #[schemars(with = "Option<String>")]
    pub(crate) key: Option<SecretString>,
    /// File that holds the key instead.
    pub(crate) key_file: Option<PathBuf>,
    /// Longest silence of an open connection in seconds. Without it only the deadline of the call counts, which suits
    /// models that think for long.
    pub(crate) timeout_s: Option<u64>,
    /// How often a failed request is sent again (3).
    pub(crate) retries: u32,
    /// Field that limits the length of an answer.
    pub(crate) max_tokens_field: MaxTokensField,
    /// Prices by model, added to the built-in ones, in millionths of a US dollar per million tokens.
    pub(crate) prices: BTreeMap<String, Price>,
}

/// Which field limits the length of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MaxTokensField {
    /// The current name.
    #[default]
    MaxCompletionTokens,
    /// What older servers know.
    MaxTokens,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            url: None,
            name: None,
            fast: None,
            strong: None,
            key: None,
            key_file: None,
            timeout_s: None,
            retries: RETRIES,
            max_tokens_field: MaxTokensField::default(),
            prices: BTreeMap::new(),
        }
    }
}

impl ModelConfig {
    /// Reads the key and checks what belongs together.
    pub(super) fn resolve(&mut self, problems: &mut Vec<String>) {
        self.key = secret::resolve("model.key", self.key.take(), self.key_file.as_deref(), problems);
        match (&self.url, &self.name) {
            (Some(_), None) => {
                problems.push("model.name is missing beside model.url (DOGWATCH_MODEL)".to_owned());
            }
            (None, Some(_)) => {
                problems.push("model.url is missing beside model.name (DOGWATCH_MODEL_URL)".to_owned());
            }
            (Some(url), Some(_)) if !is_http_url(url) => {
                problems.push("model.url must be an http:// or https:// address".to_owned());
            }
            _ => {}
        }
    }

    /// Settings of the adapter; `None` without a model.
    pub(crate) fn settings(&self) -> Option<OpenAiSettings> {
        let (url, name) = (self.url.as_ref()?, self.name.as_ref()?);
        let mut settings = OpenAiSettings::new(url, name);
        for (alias, model) in [("fast", &self.fast), ("strong", &self.strong)] {
            if let Some(model) = model {
                settings.models.insert(alias.to_owned(), model.clone());
            }
        }
        settings.key = self.key.clone();
        settings.read_timeout = self.timeout_s.map(Duration::from_secs);
        settings.retries = self.retries;
        settings.length_field = match self.max_tokens_field {
            MaxTokensField::MaxCompletionTokens => LengthField::MaxCompletionTokens,
            MaxTokensField::MaxTokens => LengthField::MaxTokens,
        };
        settings.prices = PriceTable::builtin().with(self.prices.clone());
        Some(settings)
    }
}
