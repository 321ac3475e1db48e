//! Settings of an endpoint as values; where they come from is not known here.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::prices::PriceTable;

/// Settings of an OpenAI-compatible endpoint.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// Base URL, with `/v1` where the endpoint has it; `/chat/completions` is added.
    pub base_url: String,
    /// Model id of each alias: `default`, and if wanted `fast`, `strong`, `judge`.
    pub models: BTreeMap<String, String>,
    /// Sent as a bearer token; local servers need none.
    pub key: Option<SecretString>,
    /// More headers, such as a gateway's; they win over our own.
    pub headers: BTreeMap<String, SecretString>,
    /// Who provides the model, in OpenTelemetry's words (`openai`, `anthropic`, `mistral_ai`, …); only telemetry
    /// uses it.
    pub provider: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence of an open connection. `None`: only the request's deadline counts, which suits models that
    /// think for long, since nothing is sent before an answer is complete.
    pub read_timeout: Option<Duration>,
    /// How often a failed request is sent again.
    pub retries: u32,
    /// Pause before the first retry when the endpoint names none; it doubles each time, up to 8 s.
    pub backoff: Duration,
    /// Sampling temperature. `None`: the model's own, which is all that reasoning models accept.
    pub temperature: Option<f64>,
    /// Field that limits the length of an answer.
    pub length_field: LengthField,
    /// What the models cost.
    pub prices: PriceTable,
}

/// Which field limits the length of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LengthField {
    /// `max_completion_tokens`, the current name.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`, which older servers know.
    MaxTokens,
}

/// Why an endpoint's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The base URL is not one.
    #[error(
        "the model's base URL must be http:// or https:// with a host and without user, password or query"
    )]
    BaseUrl,
    /// No model id for the alias `default`.
    #[error("no model id is given for the alias `default`")]
    NoModel,
    /// The key holds characters that no header may have.
    #[error("the model's key holds characters that cannot be sent")]
    Key,
    /// A header cannot be sent.
    #[error("the header `{name}` cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// The HTTP client cannot be built, for lack of root certificates for example.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl OpenAiSettings {
    /// Settings for one model at a base URL, everything else as usual: no key, 10 s to connect, 3 retries.
    pub fn new(base_url: &str, model: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            models: BTreeMap::from([("default".to_owned(), model.to_owned())]),
            key: None,
            headers: BTreeMap::new(),
            provider: "openai".to_owned(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: None,
            retries: 3,
            backoff: Duration::from_millis(500),
            temperature: None,
            length_field: LengthField::default(),
            prices: PriceTable::builtin(),
        }
    }

    /// The model id of an alias; of the default when the alias has none.
    pub fn model_of(&self, alias: &str) -> &str {
        let model = self.models.get(alias).or_else(|| self.models.get("default"));
        model.map_or("", String::as_str)
    }
}
