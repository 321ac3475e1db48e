//! Configuration of the cluster: where its API and its metrics are. Must not know how they are spoken to.

use schemars::JsonSchema;
use serde::Deserialize;

use super::is_http_url;

/// Which cluster, and where its metrics are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterConfig {
    /// Context of the kubeconfig. Without it: the Pod's service account, else the current context.
    pub(crate) context: Option<String>,
    /// A Prometheus-compatible HTTP API: the part before `/api/v1`.
    pub(crate) metrics_url: Option<String>,
    /// What data of Secrets may be read for; for everything else they are metadata. Values never leave the reader.
    pub(crate) secret_data: Vec<SecretPurpose>,
    /// Requests to the API server per second in the long run, over all investigations.
    pub(crate) requests_per_second: u32,
}

/// A purpose for which data of Secrets may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretPurpose {
    /// Helm releases: values and manifest, redacted.
    Helm,
    /// Names of keys, and what is odd about their encoding.
    Keys,
    /// How long certificates are valid.
    Certificates,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            context: None,
            metrics_url: None,
            secret_data: vec![
                SecretPurpose::Helm,
                SecretPurpose::Keys,
                SecretPurpose::Certificates,
            ],
            requests_per_second: cluster::Limits::default().per_second,
        }
    }
}

impl ClusterConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if let Some(url) = &self.metrics_url
            && !is_http_url(url)
        {
            problems.push("cluster.metrics_url must be an http:// or https:// address".to_owned());
        }
        if self.requests_per_second == 0 {
            problems.push("cluster.requests_per_second must be at least 1".to_owned());
        }
    }

    /// How the API server may be asked.
    pub(crate) fn limits(&self) -> cluster::Limits {
        let may = |purpose| self.secret_data.contains(&purpose);
        cluster::Limits {
            per_second: self.requests_per_second,
            secret_data: cluster::SecretPurposes {
                helm: may(SecretPurpose::Helm),
                keys: may(SecretPurpose::Keys),
                certificates: may(SecretPurpose::Certificates),
            },
            ..cluster::Limits::default()
        }
    }
}
