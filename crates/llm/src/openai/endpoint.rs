//! Where requests go and what goes with them: URL, key and headers for async-openai, and the HTTP client. Reads no
//! environment variable, unlike async-openai's own configuration.

use async_openai::config::Config;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};

use super::settings::{OpenAiSettings, SettingsError};

const USER_AGENT: &str = concat!("dogwatch/", env!("CARGO_PKG_VERSION"));

/// An endpoint, in the form that async-openai asks for.
pub(super) struct Endpoint {
    base: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Endpoint {
    /// The endpoint of these settings, checked.
    pub(super) fn new(settings: &OpenAiSettings) -> Result<Self, SettingsError> {
        if settings.model_of("default").is_empty() {
            return Err(SettingsError::NoModel);
        }
        Ok(Self {
            base: checked_base(&settings.base_url)?,
            key: settings.key.clone().unwrap_or_default(),
            headers: headers(settings)?,
        })
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// The HTTP client: no redirects, since they would carry prompts elsewhere, and no retries of its own.
pub(super) fn http_client(settings: &OpenAiSettings) -> Result<reqwest::Client, SettingsError> {
    let mut client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout);
    if let Some(silence) = settings.read_timeout {
        client = client.read_timeout(silence);
    }
    Ok(client.build()?)
}

/// The base URL without a final slash.
fn checked_base(base: &str) -> Result<String, SettingsError> {
    let url = Url::parse(base).map_err(|_| SettingsError::BaseUrl)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(SettingsError::BaseUrl);
    }
    Ok(base.trim().trim_end_matches('/').to_owned())
}

fn headers(settings: &OpenAiSettings) -> Result<HeaderMap, SettingsError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &settings.key {
        let bearer = format!("Bearer {}", key.expose_secret());
        headers.insert(AUTHORIZATION, secret_value(&bearer).ok_or(SettingsError::Key)?);
    }
    for (name, value) in &settings.headers {
        let unusable = || SettingsError::Header { name: name.clone() };
        let parsed: HeaderName = name.parse().map_err(|_| unusable())?;
        headers.insert(parsed, secret_value(value.expose_secret()).ok_or_else(unusable)?);
    }
    Ok(headers)
}

/// A header value that debug output hides.
fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
