//! Configuration of the cluster: where its API and its metrics are. Must not know how they are spoken to.

use schemars::JsonSchema;
use serde::Deserialize;

use super::is_http_url;

/// Which cluster, and where its metrics are.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterConfig {
    /// Context of the kubeconfig. Without it: the Pod's service account, else the current context.
    pub(crate) context: Option<String>,
    /// A Prometheus-compatible HTTP API: the part before `/api/v1`.
    pub(crate) metrics_url: Option<String>,
}

impl ClusterConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if let Some(url) = &self.metrics_url
            && !is_http_url(url)
        {
            problems.push("cluster.metrics_url must be an http:// or https:// address".to_owned());
        }
    }
}
